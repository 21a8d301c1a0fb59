"""Cohorts of points in place of films: the same manifest, the same commands, and no mixing."""

import csv
import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.__main__ import main
from ml.cohort.clip_features import cohort_of_clips
from ml.cohort.manifest import read_manifest
from ml.errors import CohortError
from ml.evaluation.judge import judge, subgroups
from ml.metrics import auroc
from ml.scoring.bundle import load
from tests.ml.drawn_points import Floats, face68, openface_csv, wavering

Rows = list[dict[str, str]]
QUICK = {"members": 1, "folds": 3, "schedule": {"steps": 40}, "fusion": {"fusion": "attention"}}


def speech(rng: np.random.Generator, frames: int = 60) -> Floats:
    """(T,) of a mouth that speaks: 0 to 1, without a rhythm."""
    noise = np.convolve(rng.standard_normal(frames + 20), np.hanning(7) / 3, "same")[10:-10]
    return np.asarray(np.abs(noise) / np.abs(noise).max())


def write_cohort(folder: Path, people: int = 40, *, as_csv: int = 0, lively: float = 1.0) -> Rows:
    """Who has PD moves less; 15 frames a second for four seconds; NPZ after ``as_csv`` tables."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for n in range(people):
        rng = np.random.default_rng([n, 3])
        amplitude = lively * np.exp(rng.normal(-0.7 if n % 2 else 0.0, 0.35))
        points = wavering(face68(speech(rng), amplitude=amplitude, blinks=(20,)), seed=n)
        path = folder / f"p{n:02d}.{'csv' if n < as_csv else 'npz'}"
        if n < as_csv:
            path.write_text(openface_csv(points, fps=15.0))
        else:
            np.savez(path, points=points)
        rows.append({
            "subject": f"p{n:02d}", "clip": path.name, "expression": "free", "pd": str(n % 2),
            "layout": "ibug68", "fps": "15",
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        })  # fmt: skip
    write_manifest(folder, rows)
    return rows


def write_manifest(folder: Path, rows: Rows) -> None:
    with (folder / "manifest.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("points") / "cohort"
    write_cohort(folder, as_csv=2)
    return folder


@pytest.fixture(scope="module")
def bundle(cohort: Path) -> Path:
    config = {"name": "free", "version": "1", "cohort": "cohort", "out": "bundle",
              "expressions": ["free"], "model": QUICK}  # fmt: skip
    (cohort.parent / "c.json").write_text(json.dumps(config))
    cache = str(cohort.parent / "cache")
    assert main(["train", str(cohort.parent / "c.json"), "--cache", cache]) == 0
    return cohort.parent / "bundle"


def test_points_are_measured_once_as_clips_are(cohort: Path, tmp_path: Path) -> None:
    read = cohort_of_clips(cohort, tmp_path)
    assert read.layout == "ibug68"
    assert np.isfinite(read.values).all()
    kept = sorted(tmp_path.iterdir())
    assert len(kept) == 40
    stamps = [file.stat().st_mtime_ns for file in kept]
    assert cohort_of_clips(cohort, tmp_path).values == pytest.approx(read.values)
    assert [file.stat().st_mtime_ns for file in sorted(tmp_path.iterdir())] == stamps


def test_a_bundle_is_trained_on_free_speech_and_says_whose_norms(bundle: Path) -> None:
    trained = load(bundle)
    assert trained.expressions == ("free",)
    assert trained.scorer.index.expressions == ("free",)
    assert trained.norms.people == 20
    assert trained.metadata["layout"] == "ibug68"
    assert "20 recordings of people without PD" in trained.card
    assert "layout ibug68" in trained.card


def test_age_and_sex_come_from_the_manifest(cohort: Path, tmp_path: Path) -> None:
    shutil.copytree(cohort, tmp_path / "aged")
    rows = [
        row | {"age": "" if n == 2 else f"{50 + n}", "sex": "Female" if n % 2 else "male"}
        for n, row in enumerate(_rows(cohort))
    ]
    write_manifest(tmp_path / "aged", rows)
    read = cohort_of_clips(tmp_path / "aged", tmp_path / "cache")
    assert list(read.age[:2]) == [50, 51]
    assert np.isnan(read.age[2])
    assert set(subgroups(read)) >= {"sex female", "sex male", "age below 60", "age 70 and above"}
    write_manifest(tmp_path / "aged", [row | {"age": "1951"} for row in rows])
    with pytest.raises(CohortError, match="row 2: the age 1951 is not from 0 to 120"):
        read_manifest(tmp_path / "aged")


def _rows(cohort: Path) -> Rows:
    with (cohort / "manifest.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_it_judges_people_of_its_own_layout_alone(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    others = tmp_path / "others"
    rows = write_cohort(others, 24)
    for n, row in enumerate(rows):
        row["subject"] = f"q{n:02d}"
    write_manifest(others, rows)
    ask = ["evaluate", str(bundle), str(others), "--json", "--out", str(tmp_path / "report"),
           "--cache", str(tmp_path / "cache")]  # fmt: skip
    (tmp_path / "cache").mkdir()
    assert main(ask) == 0
    assert json.loads(capsys.readouterr().out)["pd"]["auroc"]["value"] > 0.7
    # The table of a film, with nothing said of points, is another source.
    read = cohort_of_clips(others, tmp_path / "cache")
    with pytest.raises(CohortError, match=r"films.*was trained on points of ibug68"):
        judge(load(bundle), replace(read, layout=""))


def _one(rows: Rows, **change: str) -> Rows:
    return [rows[0], rows[1] | change, *rows[2:]]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda r: _one(r, layout="points106"), "row 3: p01.npz is points of points106, and row 2"),
        (lambda r: _one(r, layout=""), "row 3: p01.npz is no film"),
        (lambda r: _one(r, fps="0"), "row 3: the fps '0' is not above 0"),
        (lambda r: _one(r, fps=""), "has no timestamps"),
        (lambda r: [x | {"layout": "mediapipe478"} for x in r], "--layout ibug68?"),
        (lambda r: [x | {"layout": "wflw98"} for x in r], "no layout 'wflw98'"),
        (lambda r: [{**x, "width": "640"} for x in r], "go together"),
    ],
)
def test_what_is_wrong_is_named_by_its_row(
    change: Callable[[Rows], Rows], says: str, tmp_path: Path
) -> None:
    write_manifest(tmp_path, change(write_cohort(tmp_path, 4)))
    with pytest.raises(CohortError) as fault:
        read_manifest(tmp_path)
    assert says in str(fault.value)


def test_films_and_points_do_not_mix(tmp_path: Path) -> None:
    rows = write_cohort(tmp_path, 4)
    (tmp_path / "film.mp4").write_bytes(b"whatever")
    write_manifest(tmp_path, _one(rows, clip="film.mp4", layout=""))
    with pytest.raises(CohortError, match=r"film.mp4 is a film, and row 2 points of ibug68"):
        read_manifest(tmp_path)


def test_ten_people_without_pd_are_the_least_for_norms(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_cohort(tmp_path / "cohort", 18)
    config = {"name": "free", "version": "1", "cohort": "cohort", "out": "bundle",
              "expressions": ["free"], "model": QUICK}  # fmt: skip
    (tmp_path / "c.json").write_text(json.dumps(config))
    assert main(["train", str(tmp_path / "c.json"), "--cache", str(tmp_path / "cache")]) == 2
    assert "9 people without PD" in capsys.readouterr().err


def test_less_movement_is_a_higher_index(bundle: Path, cohort: Path) -> None:
    read = cohort_of_clips(cohort, cohort.parent / "cache")
    index = np.array([one.hypomimia_index for one in load(bundle).score(read.records())])
    assert auroc(read.pd, index) > 0.85
