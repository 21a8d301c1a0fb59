"""``score-table`` with a column that tells people apart: the person's result beside each row's."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.__main__ import main
from ml.commands import score_people
from ml.scoring import repeatability
from ml.scoring.bundle import default_bundle_path, load
from ml.scoring.person import INDEX, Reading, person_score
from tests.ml.commands.test_score_table import ADDED, SMILE, scored, smile, written

PERSON = [
    "person_hypomimia_index",
    "person_hypomimia_index_low",
    "person_hypomimia_index_high",
    "person_severity_expected",
    "person_sessions",
]


def test_each_row_of_a_person_has_the_persons_result(tmp_path: Path) -> None:
    rows = [["b", *smile(0.004)], ["a", *smile(0.02)], ["b", *smile(0.009)]]
    table = written(tmp_path / "t.csv", ["subject", *SMILE], rows)
    first, other, second = scored(table, tmp_path / "s.csv")
    assert list(first) == ["subject", *SMILE, *ADDED, *PERSON]
    assert [first[c] for c in PERSON] == [second[c] for c in PERSON]
    assert first["person_sessions"] == "2"
    assert other["person_sessions"] == "1"
    known = repeatability.load().index
    assert known is not None
    sessions = [Reading(float(row["hypomimia_index"])) for row in (first, second)]
    expected = person_score(sessions, known, INDEX)
    assert float(first["person_hypomimia_index"]) == pytest.approx(expected.value)
    assert float(first["person_hypomimia_index_low"]) == pytest.approx(expected.low)
    assert float(first["person_hypomimia_index_high"]) == pytest.approx(expected.high)
    assert 0 <= float(first["person_severity_expected"]) <= 4


def test_without_people_nothing_changes_and_a_likely_column_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [["p", *smile()], ["p", *smile()]]
    table = written(tmp_path / "t.csv", ["patient_id", *SMILE], rows)
    assert list(scored(table, tmp_path / "s.csv")[0]) == ["patient_id", *SMILE, *ADDED]
    assert "--subject-column 'patient_id'" in capsys.readouterr().err
    asked = scored(table, tmp_path / "s2.csv", "--subject-column", "patient_id")
    assert [row["person_sessions"] for row in asked] == ["2", "2"]
    unknown = ["score-table", str(table), "--out", str(tmp_path / "s3.csv")]
    assert main([*unknown, "--subject-column", "who"]) == 2
    assert "named 'who'" in capsys.readouterr().err


def test_rows_of_one_session_are_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    header = ["subject", "session", *SMILE]
    rows = [["a", "1", *smile(0.001)], ["a", "1", *smile(0.03)], ["a", "2", *smile(0.01)],
            ["b", "1", *smile(0.01)], ["a", "", *smile(0.01)], ["a", "", *smile(0.01)]]  # fmt: skip
    found = scored(written(tmp_path / "t.csv", header, rows), tmp_path / "s.csv")
    assert [row["person_sessions"] for row in found] == ["4", "4", "4", "1", "4", "4"]
    error = capsys.readouterr().err
    assert "1 rows have person and 'session' of an earlier one: one session each" in error
    assert "used 14 of smile, subject, session" in error


def test_a_session_of_another_day_is_another_one(tmp_path: Path) -> None:
    header = ["subject", "session", "date", *SMILE]
    days = ("2026-01-01", "2026-01-01", "2026-02-01")
    rows = [["a", "1", day, *smile()] for day in days]
    found = scored(written(tmp_path / "t.csv", header, rows), tmp_path / "s.csv")
    assert {row["person_sessions"] for row in found} == {"2"}


def test_blank_subjects_are_people_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [["", *smile()], [" ", *smile()], ["A", *smile()], ["a", *smile()]]
    found = scored(written(tmp_path / "t.csv", ["subject", *SMILE], rows), tmp_path / "s.csv")
    assert {row["person_sessions"] for row in found} == {"1"}
    error = capsys.readouterr().err
    assert "2 rows name no subject, and are a person of their own each" in error
    assert "'A' and 'a' are taken as different people" in error


def test_a_session_without_a_usable_expression_does_not_count(tmp_path: Path) -> None:
    blank = [""] * len(SMILE)
    rows = [["a", *smile()], ["a", *blank], ["b", *blank]]
    found = scored(written(tmp_path / "t.csv", ["subject", *SMILE], rows), tmp_path / "s.csv")
    assert [row["person_sessions"] for row in found] == ["1", "1", "0"]
    low, high = (float(found[2][f"person_hypomimia_index_{end}"]) for end in ("low", "high"))
    one_low, one_high = (float(found[0][f"person_hypomimia_index_{e}"]) for e in ("low", "high"))
    ends = INDEX.into(np.array([low, high, one_low, one_high]))
    assert ends[1] - ends[0] > ends[3] - ends[2]
    assert found[2]["hypomimia_index"] == "50.0"


def test_a_table_with_people_scored_again_is_the_same(tmp_path: Path) -> None:
    rows = [["a", *smile(0.001)], ["a", *smile(0.01)]]
    table = written(tmp_path / "t.csv", ["subject", *SMILE], rows)
    once = scored(table, tmp_path / "s.csv")
    assert scored(tmp_path / "s.csv", tmp_path / "s2.csv") == once


def test_decimal_commas_stay(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    cells = ";".join(["a", *smile()]).replace(".", ",")
    table.write_text(";".join(["subject", *SMILE]) + "\n" + cells + "\n")
    assert main(["score-table", str(table), "--out", str(tmp_path / "s.csv")]) == 0
    person = (tmp_path / "s.csv").read_text().splitlines()[1].split(";")[-5:]
    assert all("," in cell for cell in person[:4])
    assert person[4] == "1"


def test_another_models_scores_get_the_plain_mean_and_no_band() -> None:
    known = repeatability.load()
    unknown = replace(known, index=None, grade=None)
    people = score_people.People((0, 0, 1), (-1, -2, -3), ())
    scores = load(default_bundle_path()).score(
        [{name: float(cell) for name, cell in zip(SMILE, smile(width), strict=True)}
         for width in (0.001, 0.02, 0.004)]
    )  # fmt: skip
    cells, said = score_people.person_cells(people, scores, unknown)
    first, second, alone = cells
    assert first == second
    assert first[1:3] == ["", ""]
    index = [score.hypomimia_index for score in scores]
    assert index[0] is not None
    assert index[1] is not None
    assert index[1] < float(first[0]) < index[0]
    assert float(alone[0]) == pytest.approx(index[2])
    assert [line.split(":")[0] for line in said if "the plain mean" in line] == [
        "person_hypomimia_index",
        "person_severity_expected",
    ]


def test_enough_repeats_in_the_table_give_another_model_its_band() -> None:
    unknown = replace(repeatability.load(), index=None, grade=None)
    generator = np.random.default_rng(1)
    persons = tuple(range(30)) * 2 + (30,)
    widths = 10.0 ** generator.uniform(-3, -1.5, 31)[list(persons)]
    rows = [{name: float(cell) for name, cell in zip(SMILE, smile(width), strict=True)}
            for width in widths * generator.uniform(0.8, 1.2, 61)]  # fmt: skip
    scores = load(default_bundle_path()).score(rows)
    people = score_people.People(persons, tuple(range(61)), ())
    cells, said = score_people.person_cells(people, scores, unknown)
    assert all(float(low) < float(high) for _, low, high, *_ in cells)
    assert "by 30 people with repeats in this table" in " ".join(said)
    few = score_people.People(persons[:59], tuple(range(59)), ())
    assert score_people.person_cells(few, scores[:59], unknown)[0][0][1] == ""
