"""The simulation stands for drawn and measured clips: same people, same statistics."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from experiments.drawing.signal_fit import CHECK_SEED, FIT_SEED, measured, read
from ml.__main__ import main
from ml.errors import ConfigError
from ml.features import columns_of
from ml.measuring.geometry import SIGNALS, stats
from ml.phantom import perform
from ml.phantom.cohort import CohortSpec, programme
from ml.phantom.graded_people import draw_subject, load_config
from ml.phantom.signals import MODEL_FILE, cohort_rows, load_models, simulate, simulate_corners


def test_simulated_clips_read_like_measured_ones() -> None:
    """Three people whom neither the fit nor its check has seen."""
    spec = CohortSpec(subjects=3, seed=515, fps=6.0)
    assert spec.seed not in (FIT_SEED, CHECK_SEED)
    width = SIGNALS.index("mouth-width")
    for number in range(3):
        _, clip = programme(spec, number, "smile")
        real, made = measured(clip), simulate(clip, (spec.seed, number))
        assert made.shape == real.shape
        assert np.corrcoef(real[:, width], made[:, width])[0, 1] > 0.9
        assert 0.4 < made[:, width].var() / real[:, width].var() < 2.5
        assert np.abs(made.mean(0) - real.mean(0)).max() < 0.15


def test_simulated_corners_of_the_mouth_go_where_the_drawn_ones_do() -> None:
    spec = CohortSpec(subjects=1, seed=515, fps=6.0)
    for expression, sign in (("smile", -1), ("sadness", 1)):
        _, clip = programme(spec, 0, expression)
        real, made = read(clip)[:, len(SIGNALS) :], simulate_corners(clip, (spec.seed, 0))
        assert made.shape == real.shape
        for side in range(2):
            assert np.corrcoef(real[:, side], made[:, side])[0, 1] > 0.8
            assert sign * np.corrcoef(clip.intensity, made[:, side])[0, 1] > 0.8


def test_the_file_says_how_well_it_agrees() -> None:
    figures = load_models().signals.figures
    assert figures["people"] >= 10
    assert figures["median_variance_spearman_of_moving_signals"] > 0.7
    smile = figures["by_expression"]["smile"]["mouth-width"]
    assert 0.6 < smile["variance_ratio"] < 1.6


def test_simulated_movement_falls_with_the_grade() -> None:
    config = load_config()
    spec = CohortSpec(subjects=1, expressions=("smile",))
    middle = []
    for grade in (0, 2, 4):
        variances = []
        for number in range(25):
            person = draw_subject(config, number, 21, grade=grade)
            _, clip = programme(spec, 0, "smile")

            clip = perform(
                "smile", seed=number, program=person.program(clip.expression),
                identity=person.identity, capture=clip.capture,
            )  # fmt: skip
            variances.append(stats(simulate(clip, (21, number)))["mouth-width"][1])
        middle.append(float(np.median(variances)))
    assert middle[0] > 1.5 * middle[1] > 2.0 * middle[2]


def test_a_simulated_table_is_a_feature_table_of_the_drawn_cohorts_people(tmp_path: Path) -> None:
    out = tmp_path / "table.csv"
    command = ["phantom", "table", "--subjects", "3", "--seed", "8", "--out", str(out)]
    assert main([*command, "--expressions", "rest,smile"]) == 0
    with out.open() as file:
        rows = list(csv.DictReader(file))
    spec = CohortSpec(subjects=3, seed=8)
    assert [row["subject"] for row in rows] == [
        programme(spec, number, "rest")[0].name for number in range(3)
    ]
    for row in rows:
        for name in (*columns_of("rest"), *columns_of("smile")):
            assert np.isfinite(float(row[name]))
    again = cohort_rows(CohortSpec(subjects=3, seed=8, expressions=("rest", "smile")), start=2)
    assert float(rows[2]["smile_mouth-width_var"]) == again[0]["smile_mouth-width_var"]


def test_a_model_for_other_channels_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "signals.json"
    shutil.copyfile(MODEL_FILE, path)
    data = json.loads(path.read_text())
    data["inputs"][0] = "whiskers"
    path.write_text(json.dumps(data))
    with pytest.raises(ConfigError, match="fit-signals"):
        load_models(path)
