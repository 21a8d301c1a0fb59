"""Whatever is wrong with labelled data is one line with file and row, exit code 2, before the work.

The clips are grey pictures of half a second: nothing here may get as far as looking for a face.
"""

import csv
import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ml.__main__ import main
from ml.cohort.manifest import read_manifest
from ml.intensity import weights
from ml.scoring.bundle import default_bundle_path
from ml.training.clip_source.run_settings import TrainConfig
from tests.ml.conftest import even_times, write_video
from tests.ml.tiny_clip import NETWORK, PREPROCESS, TINY

Rows = list[dict[str, str]]
SETTINGS: dict[str, dict[str, object]] = {
    "severity": {"name": "x", "version": "1", "cohort": "c", "out": "o", "expressions": ["smile"],
                 "model": {"folds": 2}},
    "intensity": {**TrainConfig("c", "local-dir:tiny", NETWORK).to_json(), "out": "o"},
}  # fmt: skip
KINDS = tuple(SETTINGS)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, ...]:
    """Nine short films, no two the same; the ninth is a single picture."""
    folder = tmp_path_factory.mktemp("films")
    found = []
    for n in range(9):
        picture = np.full((48, 64, 3), 20 * n, np.uint8)
        times = even_times(0.5, 10)[: 1 if n == 8 else None]
        path = write_video(folder / f"{n}.mp4", [picture] * len(times), times)
        found.append(path.read_bytes())
    return tuple(found)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights") / "tiny"
    config = {"model_cfg": TINY, "preprocess_cfg": PREPROCESS}
    weights.save(folder, weights.build(TINY, folder), config, "tiny/x")
    return folder


@pytest.fixture
def place(tmp_path: Path, films: tuple[bytes, ...], tiny: Path) -> Path:
    """Four people, two with PD, a rest and a smile clip each: good in all that is checked early."""
    (tmp_path / "c").mkdir()
    (tmp_path / "tiny").symlink_to(tiny)
    rows = []
    for n in range(8):
        name, film = f"clip-{n}.mp4", films[n]
        (tmp_path / "c" / name).write_bytes(film)
        rows.append({
            "subject": f"p{n // 2}", "clip": name, "expression": ("rest", "smile")[n % 2],
            "grade": "", "pd": str(n // 2 % 2), "protocol": "home", "split": "train",
            "sha256": hashlib.sha256(film).hexdigest(),
        })  # fmt: skip
    write(tmp_path, rows)
    for kind, data in SETTINGS.items():
        (tmp_path / f"{kind}.json").write_text(json.dumps(data))
    return tmp_path


def write(place: Path, rows: Rows) -> None:
    with (place / "c" / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def rows_of(place: Path) -> Rows:
    with (place / "c" / "manifest.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def cell(column: str, value: str) -> Callable[[Path], None]:
    """Changes one cell of row 4 (the first line names the columns)."""

    def change(place: Path) -> None:
        rows = rows_of(place)
        rows[2][column] = value
        write(place, rows)

    return change


def content(data: bytes) -> Callable[[Path], None]:
    """Another file behind row 4, with its right hash."""

    def change(place: Path) -> None:
        (place / "c" / "clip-2.mp4").write_bytes(data)
        cell("sha256", hashlib.sha256(data).hexdigest())(place)

    return change


def text(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def changed(place: Path) -> None:
        path = place / "c" / "manifest.csv"
        path.write_bytes(change(path.read_bytes()))

    return changed


def missing(place: Path) -> None:
    (place / "c" / "clip-2.mp4").unlink()


def refused(arguments: list[object], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that a command ended with."""
    capsys.readouterr()
    assert main([str(argument) for argument in arguments]) == 2
    caught = capsys.readouterr()
    assert caught.out == ""
    assert caught.err.count("\n") == 1, caught.err
    return caught.err


MANIFEST_FAULTS = {
    "grade out of range": (cell("grade", "5"), "row 4: the grade 5 is not one of 0 to 4"),
    "grade no number": (cell("grade", "mild"), "row 4: the grade 'mild' is no number"),
    "label out of range": (cell("pd", "2"), "row 4: the PD label '2' is neither yes nor no"),
    "half a label": (cell("pd", "nan"), "row 5: subject p1 has other labels than in row 4"),
    "two splits": (cell("split", "val"), "row 5: subject p1 is in split 'val' .row 4. and in"),
    "misspelt split": (cell("split", "Test"), "row 4: the split 'Test' is none of"),
    "missing file": (missing, "row 4: the clip clip-2.mp4 is missing"),
    "folder for a file": (cell("clip", "."), r"row 4: the clip \. is a folder"),
    "outside": (cell("clip", "../c/clip-2.mp4"), "row 4: the clip .* inside the cohort's folder"),
    "absolute": (cell("clip", "/etc/hosts"), "row 4: the clip .* inside the cohort's folder"),
    "no clip named": (cell("clip", ""), "row 4: the row names no clip"),
    "no subject": (cell("subject", " "), "row 4: the row names no subject"),
    "changed file": (cell("sha256", "0" * 64), "row 4: the content of clip-2.mp4 is not what"),
    "no hash": (cell("sha256", "abc"), "row 4: the sha256 is not 64 hexadecimal digits"),
    "unknown expression": (cell("expression", "grin"), "row 4: unknown expression 'grin'"),
    "expression twice": (cell("expression", "smile"), "row 5: subject p1 has smile in row 4"),
    "zero bytes": (content(b""), "row 4: the clip clip-2.mp4 is empty"),
    "no video": (content(b"no video at all"), "row 4: the clip clip-2.mp4 cannot be read"),
    "no text": (text(lambda b: b.replace(b"home", b"\xf6", 1)), "row 2: no UTF-8 text"),
    "zero byte": (text(lambda b: b.replace(b"home", b"\0", 1)), "row 2: holds a zero byte"),
    "cut row": (text(lambda b: b[:-70]), "row 9: the row has . cells, the first line 8"),
    "open quote": (text(lambda b: b.replace(b"home", b'"', 1)), "row 9: no CSV table"),
    "column twice": (text(lambda b: b.replace(b"grade", b"pd")), "row 1: the columns 'pd' and"),
    "no column": (text(lambda b: b.replace(b"sha256", b"hash")), "row 1: no column named sha256"),
    "nothing": (text(lambda b: b""), "manifest.csv: the file is empty"),
    "no rows": (text(lambda b: b.splitlines()[0]), "manifest.csv: the manifest has no rows"),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", MANIFEST_FAULTS)
def test_a_manifest_that_cannot_be_used(
    place: Path, capsys: pytest.CaptureFixture[str], fault: str, kind: str
) -> None:
    change, words = MANIFEST_FAULTS[fault]
    change(place)
    cache = place / "cache"
    line = refused(["train", place / f"{kind}.json", "--cache", cache], capsys)
    assert str(place / "c" / "manifest.csv") in line
    assert re.search(words, line), line
    assert list(cache.iterdir()) == [], "stopped before anything was measured"


@pytest.mark.parametrize("kind", KINDS)
def test_a_clip_of_one_frame_and_a_clip_of_two_people(
    place: Path, films: tuple[bytes, ...], capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    content(films[8])(place)
    line = refused(["train", place / f"{kind}.json", "--cache", place / "cache"], capsys)
    assert "manifest.csv, row 4: the clip clip-2.mp4 has one frame alone" in line
    content(films[0])(place)
    line = refused(["train", place / f"{kind}.json", "--cache", place / "cache"], capsys)
    assert "manifest.csv, row 4: the clip clip-2.mp4 is also in row 2" in line


@pytest.mark.parametrize("label", ["", "1"])
def test_an_empty_class(place: Path, capsys: pytest.CaptureFixture[str], label: str) -> None:
    write(place, [{**row, "pd": label} for row in rows_of(place)])
    line = refused(["train", place / "severity.json", "--cache", place / "cache"], capsys)
    assert re.search("manifest.csv.*(empty|row 2: the row has no PD label)", line), line


def test_semicolons_and_a_byte_order_mark_are_read(place: Path) -> None:
    before = read_manifest(place / "c")
    text(lambda b: b"\xef\xbb\xbf" + b.replace(b",", b";").replace(b"subject", b"Subject"))(place)
    assert read_manifest(place / "c") == before


def test_a_damaged_truth(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "c" / "truth").mkdir()
    truth = place / "c" / "truth" / "clip-3.json"
    for damaged, words in (("{", "not JSON"), ('{"t": [0], "intensity": [NaN]}', "finite numbers")):
        truth.write_text(damaged)
        line = refused(["train", place / "intensity.json", "--cache", place / "cache"], capsys)
        assert f"{truth}: " in line
        assert words in line


def test_intensity_needs_a_rest_of_the_same_visit(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{**row, "session": row["expression"]} for row in rows_of(place)]
    write(place, rows)
    settings = {**SETTINGS["intensity"], "network": {**NETWORK.to_json(), "expressions": ["smile"]}}
    (place / "s.json").write_text(json.dumps(settings))
    line = refused(["train", place / "s.json", "--cache", place / "cache"], capsys)
    assert "manifest.csv: no visit in split train has both a rest clip and another" in line


WRONG_SETTINGS: list[tuple[str, dict[str, object], str]] = [
    ("severity", {"kind": "severe"}, "kind: must be one of severity, intensity"),
    ("severity", {"colour": 1}, "colour: no such entry"),
    ("severity", {"expressions": "smile"}, "expressions: must be a list"),
    ("severity", {"expressions": ["grin"]}, "expressions: must be some of"),
    ("severity", {"expressions": ["smile", "smile"]}, "expressions: must be some of .* each once"),
    ("severity", {"seed": "x"}, "seed: must be a whole number"),
    ("severity", {"grades": "no"}, "grades: must be true or false"),
    ("severity", {"model": {"folds": 1}}, "model: folds must be 2 to 100"),
    ("severity", {"model": {"fusion": {"width": "8"}}}, "model.fusion.width: must be a whole"),
    ("severity", {"model": {"balance": {"beta": 2}}}, "model.balance: beta and momentum"),
    ("severity", {"model": {"schedule": {"learning_rate": float("nan")}}}, "must be a finite"),
    ("severity", {"cohort": "nowhere"}, "nowhere: no such file"),
    ("severity", {"out": "severity.json"}, "severity.json cannot be written to"),
    ("severity", {"expressions": ["fear"]}, "no row to train on has fear"),
    ("intensity", {"weights": 3}, "weights: must be a text"),
    ("intensity", {"weights": "local-dir:nowhere"}, "nowhere: no such directory"),
    ("intensity", {"rates": {"image": "x"}}, "rates.image: must be a finite number"),
    ("intensity", {"precision": "fp8"}, "precision: must be one of fp32, bf16"),
    ("intensity", {"image_blocks": 99}, "image_blocks, tune_text: asked to unlock 99 of 2"),
    ("intensity", {"out": "intensity.json"}, "no clip of surprise in split train: an empty class"),
]


@pytest.mark.parametrize(("kind", "wrong", "words"), WRONG_SETTINGS)
def test_settings_that_cannot_work(
    place: Path,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    wrong: dict[str, object],
    words: str,
) -> None:
    path = place / "wrong.json"
    path.write_text(json.dumps({**SETTINGS[kind], **wrong}))
    line = refused(["train", path, "--cache", place / "cache"], capsys)
    assert re.search(words, line), line
    assert list((place / "cache").iterdir()) == []


@pytest.mark.parametrize("damage", ["{", "[]", "", "\xff"])
def test_settings_that_are_no_object(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(damage.encode("latin-1"))
    assert str(path) in refused(["train", path, "--cache", tmp_path / "cache"], capsys)
    assert str(tmp_path) in refused(["train", tmp_path, "--cache", tmp_path / "cache"], capsys)
    assert str(path) in refused(["train", path / "x", "--cache", path], capsys)


HEADER = "subject,pd,split,smile_mouth-width_mean,smile_mouth-width_var\n"
TABLE_FAULTS = {
    "a,1,train,wide,0.01\n": "row 2: 'wide' in column .*smile_mouth-width_mean.* is no number",
    "a,1,train,0.8,0.01\nb,7,train,0.9,0.02\n": "row 3: the PD label '7' is neither",
    "a,1,train,0.8,0.01\na,1,test,0.9,0.02\n": "row 3: subject a is in split 'train'",
    "a,1,Test,0.8,0.01\n": "row 2: the split 'Test' is none of",
    "a,1,train,0.8\n": "row 2: the row has 4 cells, the first line 5",
    "a,1,train,nan,inf\nb,0,train,,0\n": "row 2: 'inf' in column .* is infinite",
    "a,1,train,nan,\nb,0,train,,0\n": "no row has a usable feature",
    "a,1,train,0.8,0.01\nb,1,train,0.9,0.02\n": "no row has pd 0: that class is empty",
    "\n,1,train,0.8,0.01\n": "row 3: the row names no subject",
    "": "no row",
}


@pytest.mark.parametrize("rows", TABLE_FAULTS)
def test_a_feature_table_that_cannot_be_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: str
) -> None:
    table = tmp_path / "people.csv"
    table.write_text(HEADER + rows)
    (tmp_path / "t.json").write_text(json.dumps({**SETTINGS["severity"], "cohort": "people.csv"}))
    line = refused(["train", tmp_path / "t.json", "--cache", tmp_path / "cache"], capsys)
    assert str(table) in line
    assert re.search(TABLE_FAULTS[rows], line), line
    if "row " in TABLE_FAULTS[rows] and "no row" not in TABLE_FAULTS[rows]:
        report = tmp_path / "report"
        assert line.removeprefix("train") == refused(
            ["evaluate", default_bundle_path(), table, "--out", report], capsys
        ).removeprefix("evaluate")
        assert not report.exists()


def test_two_columns_of_one_meaning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "t.csv"
    table.write_text("id,smile_jaw-open_var,smile_Jaw_Open_Var\na,1,2\n")
    for arguments in (
        ["score-table", table, "--out", tmp_path / "s.csv"],
        ["evaluate", default_bundle_path(), table, "--out", tmp_path / "report"],
    ):
        assert "row 1: the columns 'smile_jaw-open_var' and" in refused(arguments, capsys)
    assert not (tmp_path / "s.csv").exists()


def test_evaluating_a_changed_or_missing_bundle(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = place / "bundle"
    shutil.copytree(default_bundle_path(), bundle)
    (bundle / "norms.json").write_text("{}")
    arguments = ["evaluate", bundle, place / "c", "--cache", place / "cache"]
    assert f"{bundle / 'norms.json'} was changed" in refused(arguments, capsys)
    assert f"{place / 'no'}" in refused(["evaluate", place / "no", place / "c"], capsys)
    cell("grade", "9")(place)
    arguments = ["evaluate", default_bundle_path(), place / "c", "--cache", place / "cache"]
    assert "manifest.csv, row 4: the grade 9" in refused(arguments, capsys)
    assert not (place / "cache").exists()
