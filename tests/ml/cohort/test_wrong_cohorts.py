"""Ways to train and judge on a table that says something else than one thinks: each is one line
before any work, or is said on the screen and on the card.
"""

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ml.__main__ import main
from ml.features import columns_of
from ml.scoring.bundle import load
from tests.ml.people import write_people

SMALL = {
    "folds": 2,
    "members": 1,
    "fusion": {"width": 8},
    "schedule": {"steps": 10, "batch": 32, "learning_rate": 0.03},
}
CONFIG = {
    "name": "own",
    "version": "1",
    "cohort": "people.csv",
    "out": "bundle",
    "expressions": ["smile", "disgust"],
    "model": SMALL,
}
Rows = list[dict[str, str]]
Screen = pytest.CaptureFixture[str]


def read(path: Path) -> Rows:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def write(path: Path, rows: Rows) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def renamed(path: Path, **titles: str) -> Path:
    return write(path, [{titles.get(k, k): v for k, v in row.items()} for row in read(path)])


def changed(path: Path, change: Callable[[int, dict[str, str]], dict[str, str]]) -> Path:
    return write(path, [change(n, row) for n, row in enumerate(read(path))])


def furnish(folder: Path) -> None:
    """Twenty people who came three times each."""
    path = write_people(folder / "people.csv", people=60)
    labels = {n: n % 2 for n in range(20)}
    changed(path, lambda n, row: row | {"subject": f"Q{n % 20:02d}", "pd": str(labels[n % 20])})
    (folder / "config.json").write_text(json.dumps(CONFIG))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    furnish(tmp_path)
    return tmp_path


def train(place: Path, *more: str) -> int:
    return main(["train", str(place / "config.json"), "--cache", str(place / "cache"), *more])


def evaluate(place: Path, table: Path, *more: str) -> int:
    out = place / "report"
    return main(["evaluate", str(place / "bundle"), str(table), "--out", str(out), *more])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the people of ``write_people`` with codes Q00 to Q39, and their table."""
    folder = tmp_path_factory.mktemp("trained")
    path = write_people(folder / "people.csv", people=40)
    changed(path, lambda n, row: row | {"subject": f"Q{n:02d}"})
    (folder / "config.json").write_text(json.dumps(CONFIG))
    assert train(folder) == 0
    return folder


def numbered(n: int, row: dict[str, str]) -> dict[str, str]:
    return {"id": str(n), "patient_id": row["subject"]} | {
        k: v for k, v in row.items() if k != "subject"
    }


def without(*titles: str) -> Callable[[Path], Path]:
    return lambda path: changed(
        path, lambda _, row: {k: v for k, v in row.items() if k not in titles}
    )


def cell(title: str, value: str) -> Callable[[Path], Path]:
    """Of the second person, in row 3."""
    return lambda path: changed(path, lambda n, row: row | ({title: value} if n == 1 else {}))


def smile_for_disgust(_: int, row: dict[str, str]) -> dict[str, str]:
    pairs = zip(columns_of("smile"), columns_of("disgust"), strict=True)
    return row | {disgust: row[smile] for smile, disgust in pairs}


def copied(path: Path, **changes: str) -> Path:
    """The first row once more at the end."""
    rows = read(path)
    return write(path, [*rows, rows[0] | changes])


#: Kind → what is done to the table, further options, and the line that is read.
REFUSED: dict[str, tuple[Callable[[Path], object], tuple[str, ...], str]] = {
    "patient_id for subject": (
        lambda p: renamed(p, subject="patient_id"),
        (),
        "no column is named subject, so nothing tells whose rows are one person's: say which does"
        " with --subject-column patient_id",
    ),
    "two that may be it": (
        lambda p: changed(p, lambda n, r: {"MRN": r["subject"], "case": r["subject"], **r})
        and without("subject")(p),
        (),
        "say which does with --subject-column case (there are case, MRN)",
    ),
    "no subject at all": (
        without("subject"),
        (),
        "no column is named subject, so nothing tells whose rows are one person's: say which does"
        " with --subject-column COLUMN",
    ),
    "rows that are numbered": (
        lambda p: changed(p, numbered),
        (),
        "'id' is another one in each row, and 'patient_id' is not: say which tells people apart"
        " with --subject-column patient_id, or id",
    ),
    "a column that is not there": (
        without(),
        ("--subject-column", "patient"),
        "no column, or more than one, is named 'patient'; there are subject, protocol, pd, grade",
    ),
    "one person spelt twice": (
        cell("subject", "q00"),
        (),
        "row 3: subject 'q00', and 'Q00' in row 2: one person? spell them alike",
    ),
    "no code": (cell("subject", " "), (), "row 3: the row names no subject"),
    "Set for split": (
        lambda p: renamed(p, split="Set"),
        (),
        "1 column is named nearly like one that is missing: 'Set' (split?); rename what is meant,"
        " or add --ignore-nearly-matching",
    ),
    "PD status for pd": (
        lambda p: renamed(p, pd="PD status"),
        (),
        "1 column is named nearly like one that is missing: 'PD status' (pd?)",
    ),
    "no label": (without("pd"), (), "no column is named pd (1 with PD, 0 without)"),
    "labels 1 and 2": (cell("pd", "2"), (), "row 3: the PD label '2' is neither yes nor no"),
    "a year for the age": (
        lambda p: changed(p, lambda _, r: r | {"age": "1951"}),
        (),
        "row 2: the age 1951 is not from 0 to 120",
    ),
    "features misnamed": (
        lambda p: renamed(
            p, **{n: n.replace("disgust", "disguts") for n in columns_of("disgust")[:7]}
        ),
        (),
        "7 columns are named nearly like one that is missing: 'disguts_eye-open-right_mean'"
        " (disgust_eye-open-right_mean?),",
    ),
    "percent": (
        cell("smile_jaw-open_mean", "93"),
        (),
        "row 3: '93' in column “smile_jaw-open_mean” is more than a face can move (at most about"
        " 5): is it in percent",
    ),
    "one person under two codes": (
        lambda p: copied(p, subject="Q99"),
        (),
        "row 62: all values are those of row 2, and they are of 'Q00' and 'Q99': one person under"
        " two codes? remove one",
    ),
    "smile for disgust": (
        lambda p: changed(p, smile_for_disgust),
        (),
        "row 2: all values of disgust are those of smile: was one copied from the other?",
    ),
    "one row for all": (
        lambda p: changed(p, lambda _, r: r | {"smile_jaw-open_var": "0.002"}),
        (),
        "column “smile_jaw-open_var” is 0.002 in all 60 rows that have it: was it filled down",
    ),
    "no rows": (
        lambda p: p.write_text(p.read_text().splitlines()[0] + "\n"),
        (),
        "the table has no rows",
    ),
    "somebody in two splits": (
        cell("split", "test"), (), "row 23: subject Q01 is in split 'test' (row 3) and in 'train'"
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_a_wrong_cohort_is_one_line_before_any_work(place: Path, capsys: Screen, kind: str) -> None:
    spoil, more, line = REFUSED[kind]
    spoil(place / "people.csv")
    assert train(place, *more) == 2
    read = capsys.readouterr().err
    assert read.startswith(f"train: {place / 'people.csv'}")
    assert line in read
    assert read.count("\n") == 1
    assert not (place / "bundle").exists()


def test_the_subject_column_may_be_called_anything_that_is_said(place: Path) -> None:
    assert train(place) == 0
    renamed(place / "people.csv", subject="Patient ID")
    (place / "bundle").rename(place / "first")
    assert train(place, "--subject-column", "patient_id") == 0
    first, second = (load(place / name).metadata["training"] for name in ("first", "bundle"))
    for entry in ("subjects", "pd", "rows", "people"):
        assert first[entry] == second[entry]


def test_people_are_counted_and_rows_stand_beside(place: Path, capsys: Screen) -> None:
    assert train(place) == 0
    assert "train: 20 people in 60 rows, 10 with PD\n" in capsys.readouterr().err
    card = " ".join(load(place / "bundle").card.split())
    assert "Trained on 20 people, 10 with PD, in 60 rows, 30 of them with PD (prev" in card


def test_what_lacks_is_on_the_screen_before_and_on_the_card_after(
    place: Path, capsys: Screen
) -> None:
    """Misnamed beyond recognition, seven of the columns are nobody's; smiles lack in some rows."""
    gone = {name: f"lips {n}" for n, name in enumerate(columns_of("disgust")[7:])}
    renamed(place / "people.csv", **gone)
    smile = dict.fromkeys(columns_of("smile"), "")
    changed(place / "people.csv", lambda n, row: row | (smile if n >= 55 else {}))
    assert train(place) == 0
    said = capsys.readouterr().err
    wanted = (
        "disgust: nobody has 7 of 14: disgust_eye-open-right_var, disgust_eye-open-left_var,"
        " disgust_eye-raise-right_var and others",
        "smile: missing in 5 of 60 rows",
        "columns not read: note, lips 0, lips 1, lips 2, lips 3, lips 4, lips 5, lips 6",
    )
    card = load(place / "bundle").card
    assert all(f"\n- {line}\n" in card for line in wanted)
    before, _, after = said.partition("training steps")
    assert after
    assert all(f"train: lacks {line}\n" in before for line in wanted[:2])
    assert "columns: used 14 of smile, 7 of disgust, subject, protocol, pd, grade, split;" in before


def test_a_visit_that_is_entered_twice_is_said(place: Path, capsys: Screen) -> None:
    copied(place / "people.csv")
    assert train(place) == 0
    line = "1 of 61 rows have all values of an earlier one (row 62 those of row 2)"
    assert f"train: {line}: was one entered twice?\n" in capsys.readouterr().err
    assert f"\n- {line}: was one entered twice?\n" in load(place / "bundle").card


def test_a_bundle_is_never_trained_over(trained: Path, capsys: Screen) -> None:
    before = {f.name: f.read_bytes() for f in (trained / "bundle").iterdir() if f.is_file()}
    (trained / "people.csv").rename(trained / "away.csv")
    try:
        assert train(trained) == 2
    finally:
        (trained / "away.csv").rename(trained / "people.csv")
    line = capsys.readouterr().err
    assert f"{trained / 'bundle'} holds a trained model (bundle.json); give another folder" in line
    assert {f.name: f.read_bytes() for f in (trained / "bundle").iterdir() if f.is_file()} == before
    report = ["evaluate", str(trained / "bundle"), str(trained / "people.csv")]
    assert main([*report, "--out", str(trained / "bundle")]) == 2
    assert "holds a trained model" in capsys.readouterr().err


JUDGED: dict[str, tuple[Callable[[Path], object], tuple[str, ...], str]] = {
    "as it was": (without(), (), "own 1 was trained on everybody in it"),
    "another title": (
        lambda p: renamed(p, subject="patient_id"),
        (),
        "column 'patient_id' holds 40 of the people that own 1 was trained on: say who is who with"
        " --subject-column 'patient_id'",
    ),
    "another title that is said": (
        lambda p: renamed(p, subject="patient_id"),
        ("--subject-column", "patient_id"),
        "own 1 was trained on everybody in it",
    ),
    "a title that nobody would guess": (
        lambda p: renamed(p, subject="teilnehmer"),
        (),
        "column 'teilnehmer' holds 40 of the people",
    ),
    "a number for each row beside it": (
        lambda p: changed(p, lambda n, r: {"teilnehmer": r["subject"]} | r | {"subject": str(n)}),
        (),
        "column 'teilnehmer' holds 40 of the people",
    ),
    "spelt otherwise": (
        lambda p: changed(p, lambda _, r: r | {"subject": r["subject"].lower()}),
        (),
        "own 1 was trained on everybody in it",
    ),
}


@pytest.mark.parametrize("kind", JUDGED)
def test_people_of_the_training_are_recognised_whatever_the_column_is_called(
    trained: Path, tmp_path: Path, capsys: Screen, kind: str
) -> None:
    spoil, more, line = JUDGED[kind]
    table = tmp_path / "again.csv"
    shutil.copy(trained / "people.csv", table)
    spoil(table)
    assert evaluate(trained, table, *more) == 2
    said = capsys.readouterr().err
    assert line in said.splitlines()[-1]
    assert not (trained / "report").exists()


def test_who_was_left_out_is_said(trained: Path, tmp_path: Path, capsys: Screen) -> None:
    both = read(trained / "people.csv")[:10]
    both += read(write_people(tmp_path / "strangers.csv", people=12, seed=5))
    assert evaluate(trained, write(tmp_path / "both.csv", both)) == 0
    said = capsys.readouterr().err
    assert "evaluate: 10 of 22 people left out: own 1 was trained on them\n" in said
    assert evaluate(trained, tmp_path / "strangers.csv") == 0
    assert "own 1 was trained on none of these 12 people\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("subject", "patient_id", "no column named subject; rename 'patient_id' (subject?)"),
        ("sha256", "hash", "no column named sha256; rename 'hash' (sha256?)"),
        ("split", "Set", "named nearly like a column that is missing: 'Set' (split?); rename"),
        ("pd", "PD_status", "named nearly like a column that is missing: 'PD_status' (pd?)"),
        ("session", "visit", "named nearly like a column that is missing: 'visit' (session?)"),
    ],
)
def test_a_manifest_named_nearly_right(
    tmp_path: Path, capsys: Screen, old: str, new: str, line: str
) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    titles = ["subject", "session", "clip", "expression", "pd", "split", "sha256"]
    head = ",".join(new if title == old else title for title in titles)
    (folder / "manifest.csv").write_text(f"{head}\n" + ",".join("x" for _ in titles) + "\n")
    config = {**CONFIG, "cohort": "clips"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert train(tmp_path) == 2
    found = capsys.readouterr().err
    assert re.fullmatch(r"train: \S+: \S+manifest.csv, row 1: .*\n|train: .*row 1: .*\n", found)
    assert line in found
