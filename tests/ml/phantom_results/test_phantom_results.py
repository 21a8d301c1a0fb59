"""The phantom results run from drawing to the page, and a second run measures nothing again."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.evaluate import Interval
from ml.phantom_results import Plan, report, run
from ml.phantom_results.figures import (
    ClipFigure,
    median_latency_error,
    median_spearman,
    model_figures,
    over_people,
)

PLAN = Plan(
    expressions=("smile",),
    conditions=("15fps",),
    filmed=2,
    degraded=1,
    learning=2,
    simulated=24,
    simulated_test=16,
    seconds=3.0,
    clip_epochs=1,
    lstm_epochs=2,
)


@pytest.mark.slow
def test_from_drawing_to_the_page_and_a_second_run_is_free(tmp_path: Path) -> None:
    page, cache = tmp_path / "docs" / "results-phantom.md", tmp_path / "cache"
    first = run(page, cache, PLAN, workers=1)
    measured = [*(cache / "measured").iterdir(), *cache.glob("cohort-*/*.mp4")]
    kept = {path: path.stat().st_mtime_ns for path in (*measured, *(cache / "crops").iterdir())}
    second = run(page, cache, PLAN, workers=1)
    assert kept == {p: p.stat().st_mtime_ns for p in kept}
    for name in ("intensity", "conditions", "diagnosis", "filmed_agreement"):
        assert first[name] == second[name]
    json.dumps(first, allow_nan=False)
    assert first["intensity"]["geometric"]["spearman_clip"]["value"] > 0.8
    assert first["intensity"]["clip"]["clips"] == 2
    assert set(first["diagnosis"]) >= {"constant", "LSTM", "oracle"}
    assert first["diagnosis"]["oracle"]["share"]["value"] == 1
    assert {source["name"] for source in first["sources"]} == {"geometric", "clip"}
    text = page.read_text()
    assert "nothing about people" in text
    assert str(tmp_path) not in text
    assert "Aims not reached" in text  # one epoch of a random network cannot reach them


def clips(values: list[float], latency: list[float | None]) -> list[ClipFigure]:
    return [
        ClipFigure(f"p{i // 2}", "smile", value, late)
        for i, (value, late) in enumerate(zip(values, latency, strict=True))
    ]


def test_a_flat_curve_counts_as_no_correlation() -> None:
    some = clips([float("nan"), 0.9, float("nan"), 0.8], [None, 0.02, 0.04, None])
    assert median_spearman(some) == pytest.approx(0.4)
    assert median_latency_error(some) == pytest.approx(0.03)
    interval = over_people(some, median_spearman)
    assert interval.low <= interval.value <= interval.high


def test_the_share_is_of_the_oracle_on_the_same_people() -> None:
    labels = np.tile([0, 1], 50)
    oracle = np.where(np.arange(100) < 80, labels, 1 - labels) * 0.8 + 0.1
    model = np.where(np.arange(100) < 60, labels, 1 - labels) * 0.8 + 0.1
    found = model_figures(labels, model, oracle)
    assert found.accuracy.value == pytest.approx(0.6)
    assert found.share.value == pytest.approx(0.75)
    assert found.share.low < 0.75 < found.share.high
    assert model_figures(labels, oracle, oracle).share == Interval(1.0, 1.0, 1.0)


def test_missed_aims_are_said() -> None:
    good = {"clips": 1, "spearman_clip": {"value": 0.99}, "latency_error_s": {"value": 0.01}}
    worse = {**good, "spearman_clip": {"value": 0.9}}
    data = {
        "intensity": {"geometric": good, "clip": good},
        "diagnosis": {"LSTM": {"share": {"value": 0.97}}},
        "conditions": {"home": {"geometric": good, "clip": good}},
    }
    assert "All reached" in report._shortfalls(data)
    data["conditions"]["dark"] = {"geometric": good, "clip": worse}
    data["diagnosis"]["LSTM"]["share"]["value"] = 0.9
    said = report._shortfalls(data)
    assert "clip intensity, dark: loses 9.1%" in said
    assert "LSTM: 0.900 of the oracle" in said


def test_plans_are_data() -> None:
    assert replace(Plan(), filmed=3).filmed == 3
