"""A folder of landmark files, a table of labels, no films: what a researcher types, end to end."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from ml.__main__ import main
from ml.cohort.table import read_table
from ml.errors import CohortError
from ml.metrics import auroc
from ml.scoring.bundle import load
from ml.scoring.zero_shot import free_index
from tests.ml.cohort.test_landmark_cohorts import QUICK, write_cohort

Rows = list[dict[str, str]]


def rows_of(path: Path) -> Rows:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def write(path: Path, rows: Rows) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The table of 40 people, the first two of them as OpenFace writes it, by the command."""
    folder = tmp_path_factory.mktemp("speech")
    known = write_cohort(folder / "files", as_csv=2)
    labels = [{"subject": row["subject"], "pd": row["pd"], "age": "66"} for row in known]
    write(folder / "labels.csv", labels)
    (folder / "files" / "p00_of_details.txt").write_text("Input:p00.mp4")
    ask = [str(folder / "files"), "--layout", "ibug68", "--fps", "15", "--expression", "free"]
    ask += ["--labels", str(folder / "labels.csv"), "--out", str(folder / "table.csv")]
    assert main(["measure-landmarks", *ask]) == 0
    return folder / "table.csv"


def scored(table: Path, out: Path) -> Rows:
    assert main(["score-table", str(table), "--out", str(out)]) == 0
    return rows_of(out)


def numbers(rows: Rows, column: str) -> np.ndarray:
    return np.array([float(row[column]) for row in rows])


def test_the_table_holds_labels_and_features(measured: Path) -> None:
    rows = rows_of(measured)
    assert [row["subject"] for row in rows] == [f"p{n:02d}" for n in range(40)]
    assert {row["layout"] for row in rows} == {"ibug68"}
    assert all(row["pd"] and row["age"] == "66" and not row["reason"] for row in rows)
    read = read_table(measured)
    assert read.layout == "ibug68"
    assert np.isfinite(read.values).all()


def test_untrained_the_controls_of_the_table_are_the_reference(
    measured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = scored(measured, tmp_path / "scores.csv")
    index, pd = numbers(rows, "free_hypomimia_index"), numbers(rows, "pd").astype(int)
    assert auroc(pd, index) > 0.85
    assert np.median(index[pd == 0]) == pytest.approx(50, abs=8)
    assert numbers(rows, "hypomimia_index") == pytest.approx(index)
    assert "among 20 people without PD of this table" in capsys.readouterr().err


def test_without_labels_all_people_are_and_it_says_so(
    measured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = rows_of(measured)
    pd = numbers(known, "pd").astype(int)
    bare = write(tmp_path / "bare.csv", [{**row, "pd": ""} for row in known])
    index = numbers(scored(bare, tmp_path / "scores.csv"), "free_hypomimia_index")
    assert auroc(pd, index) > 0.85
    assert np.median(index) == pytest.approx(50, abs=8)
    assert "all 40 people of this table" in capsys.readouterr().err


def test_the_brows_count_as_the_mouth_does() -> None:
    still = np.full((40, 14), 0.01) * np.exp(np.random.default_rng(2).normal(0, 0.3, (40, 14)))
    pd = np.zeros(40, dtype=np.int64)
    people = [str(n) for n in range(40)]
    for place in range(7, 14):
        less = still.copy()
        less[0, place] = 1e-4
        before, after = (free_index(v, pd, people) for v in (still, less))
        assert before is not None
        assert after is not None
        assert after.index[0] > before.index[0], place
    assert free_index(still[:9], pd[:9], people[:9]) is None


def test_a_bundle_is_trained_on_the_table_and_scores_it(
    measured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = {"name": "speech", "version": "1", "cohort": str(measured), "out": "bundle",
              "expressions": ["free"], "model": QUICK}  # fmt: skip
    (tmp_path / "c.json").write_text(json.dumps(config))
    assert main(["train", str(tmp_path / "c.json"), "--cache", str(tmp_path / "cache")]) == 0
    trained = load(tmp_path / "bundle")
    assert trained.metadata["layout"] == "ibug68"
    out = tmp_path / "scores.csv"
    ask = ["score-table", str(measured), "--out", str(out), "--bundle", str(tmp_path / "bundle")]
    assert main(ask) == 0
    rows = rows_of(out)
    assert "free_hypomimia_index" not in rows[0]
    pd = numbers(rows, "pd").astype(int)
    assert auroc(pd, numbers(rows, "p_pd")) > 0.85
    # The same numbers, said to be of another detector.
    other = write(tmp_path / "b.csv", [{**r, "layout": "points106"} for r in rows_of(measured)])
    ask[1] = str(other)
    assert main(ask) == 2
    assert "was trained on points of ibug68" in capsys.readouterr().err


def test_two_layouts_in_one_table_are_refused(measured: Path, tmp_path: Path) -> None:
    rows = rows_of(measured)
    rows[5]["layout"] = "points106"
    mixed = write(tmp_path / "mixed.csv", rows)
    with pytest.raises(CohortError, match=r"row 7: the layout 'points106'"):
        read_table(mixed)
    assert main(["score-table", str(mixed), "--out", str(tmp_path / "out.csv")]) == 2


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ([], "--out"),
        (["--out", "t.csv", "--json"], "for one file"),
        (["--out", "t.csv", "--labels", "labels.csv"], "no such file"),
    ],
)
def test_wrong_use_of_a_folder_is_one_line(
    more: list[str],
    says: str,
    measured: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = str(measured.parent / "files")
    ask = ["measure-landmarks", folder, "--layout", "ibug68", "--fps", "15", "--expression", "free"]
    assert main([*ask, *more]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert says in told


def test_labels_that_name_nothing_are_said(
    measured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(measured.parent / "files")
    ask = ["measure-landmarks", folder, "--layout", "ibug68", "--fps", "15", "--expression", "free"]
    ask += ["--out", str(tmp_path / "t.csv"), "--labels", str(tmp_path / "l.csv")]
    write(tmp_path / "l.csv", [{"subject": "nobody", "pd": "1"}])
    assert main(ask) == 2
    assert "none of its rows names a file" in capsys.readouterr().err
    write(tmp_path / "l.csv", [{"clip": "p03.npz", "pd": "1"}, {"clip": "gone.npz", "pd": "0"}])
    assert main(ask) == 0
    told = capsys.readouterr().err
    assert "1 rows of l.csv name no file" in told
    assert "39 files have no row" in told
    assert [row["subject"] for row in rows_of(tmp_path / "t.csv")] == ["p03"]
