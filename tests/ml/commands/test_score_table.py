"""``score-table`` on other people's tables: nothing lost or reordered, wrong use explained."""

import csv
from pathlib import Path

import pytest

from ml.__main__ import main
from ml.features import columns_of
from ml.scoring.bundle import default_bundle_path, load

ADDED = ["hypomimia_index", "severity_expected", "p_pd", "abstained"]
SMILE = columns_of("smile")


def smile(width: float = 0.01) -> list[str]:
    return [str(width) if name == "smile_mouth-width_var" else
            ("0.001" if name.endswith("var") else "0.3") for name in SMILE]  # fmt: skip


def scored(path: Path, out: Path, *more: str) -> list[dict[str, str]]:
    assert main(["score-table", str(path), "--out", str(out), *more]) == 0
    with out.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def written(path: Path, header: list[str], rows: list[list[str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


def test_order_and_other_columns_stay(tmp_path: Path) -> None:
    rows = [[f'no. "{n}", ä', f"0{n}", *smile(0.001 * (n + 1))] for n in range(5)]
    table = written(tmp_path / "t.csv", ["who, when", "grade", *SMILE], rows)
    found = scored(table, tmp_path / "s.csv")
    assert list(found[0]) == ["who, when", "grade", *SMILE, *ADDED]
    assert [[*row.values()][:-4] for row in found] == rows
    index = [float(row["hypomimia_index"]) for row in found]
    assert index == sorted(index, reverse=True)
    assert {row["abstained"] for row in found} == {"missing_expressions"}
    assert all(row["p_pd"] and row["severity_expected"] for row in found)


def test_blank_nan_and_failed_cells(tmp_path: Path) -> None:
    blank = [""] * len(SMILE)
    failed = ["0" for _ in SMILE]
    part = ["NaN" if "eye" in name else cell for name, cell in zip(SMILE, smile(), strict=True)]
    short = ["x"]
    rows = [["a", *blank], ["b", *failed], ["c", *part], ["d", *smile()], short]
    found = scored(written(tmp_path / "t.csv", ["id", *SMILE], rows), tmp_path / "s.csv")
    nothing = [row["abstained"] == "no_usable_expression" for row in found]
    assert nothing == [True, True, False, False, True]
    assert all(row[column] for row in found for column in ADDED)


def test_without_evidence_the_numbers_are_the_prior(tmp_path: Path) -> None:
    """Every variance 0 is a failed extraction, whatever the means say; bad variances of one kind
    beside good means are used as far as they go."""
    failed = ["0" if name.endswith("var") else "0.3" for name in SMILE]
    means = ["" if name.endswith("var") else "0.3" for name in SMILE]
    table = written(tmp_path / "t.csv", ["id", *SMILE], [["a", *failed], ["b", *means]])
    metadata = load(default_bundle_path()).metadata
    people = metadata["grades"]["people_per_grade"]
    mean = sum(grade * count for grade, count in enumerate(people)) / sum(people)
    row, usable = scored(table, tmp_path / "s.csv")
    assert float(row["hypomimia_index"]) == 50
    assert float(row["p_pd"]) == pytest.approx(metadata["prevalence"])
    assert float(row["severity_expected"]) == pytest.approx(mean)
    assert usable["abstained"] == "missing_expressions"
    assert usable["p_pd"] != row["p_pd"]
    site = scored(table, tmp_path / "s2.csv", "--prevalence", "0.1")[0]
    assert float(site["p_pd"]) == pytest.approx(0.1)


def test_movements_that_the_index_does_not_read_leave_its_number_at_the_prior(
    tmp_path: Path,
) -> None:
    """Brows alone say nothing of a smile's lack of movement, but something of PD."""
    brows = [
        f"smile_eye-raise-{side}_{part}" for side in ("right", "left") for part in ("mean", "var")
    ]
    table = written(tmp_path / "t.csv", ["id", *brows], [["a", "0.6", "0.01", "0.6", "0.01"]])
    row = scored(table, tmp_path / "s.csv")[0]
    assert float(row["hypomimia_index"]) == 50
    assert all(row[column] for column in ADDED)
    assert row["abstained"] == "missing_expressions"


def test_a_column_that_is_replaced_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = written(tmp_path / "t.csv", ["p_pd", "id", *SMILE], [["0.77", "a", *smile()]])
    row = scored(table, tmp_path / "s.csv")[0]
    assert list(row) == ["id", *SMILE, *ADDED]
    assert row["p_pd"] != "0.77"
    lines = [line for line in capsys.readouterr().err.splitlines() if "named like ours" in line]
    assert len(lines) == 1
    assert lines[0].endswith(": p_pd")


def test_a_table_scored_again_is_the_same(tmp_path: Path) -> None:
    table = written(tmp_path / "t.csv", ["id", *SMILE], [["a", *smile()]])
    once = scored(table, tmp_path / "s.csv")
    assert scored(tmp_path / "s.csv", tmp_path / "s2.csv") == once


def test_underscores_capitals_and_semicolons(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    header = ["ID", *(name.replace("-", "_").upper() for name in SMILE)]
    table.write_text(";".join(header) + "\n" + ";".join(["a", *smile()]) + "\n")
    assert main(["score-table", str(table), "--out", str(tmp_path / "s.csv")]) == 0
    plain = written(tmp_path / "p.csv", ["ID", *SMILE], [["a", *smile()]])
    want = scored(plain, tmp_path / "ps.csv")[0]["hypomimia_index"]
    assert (tmp_path / "s.csv").read_text().splitlines()[1].split(";")[-4] == want


def test_faces_far_outside_the_norms_keep_their_order(tmp_path: Path) -> None:
    rows = [[str(n), *(c if not v.endswith("var") else f"{10.0 ** -(5 + n / 4):.6g}"
             for c, v in zip(smile(), SMILE, strict=True))] for n in range(8)]  # fmt: skip
    found = scored(written(tmp_path / "t.csv", ["id", *SMILE], rows), tmp_path / "s.csv")
    for column in ("hypomimia_index", "severity_expected"):
        values = [float(row[column]) for row in found]
        assert values == sorted(values)
        assert len(set(values)) == len(values)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "no such file"),
        ("", "is empty"),
        ("a,b\n1,2\n", "no column is named"),
        ("smile_jaw-open_mean\nwide\n", "row 2: 'wide'"),
    ],
)
def test_wrong_use_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, words: str
) -> None:
    table = tmp_path / "t.csv"
    if text is not None:
        table.write_text(text)
    assert main(["score-table", str(table), "--out", str(tmp_path / "s.csv")]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_prevalence_must_be_a_share(tmp_path: Path) -> None:
    table = written(tmp_path / "t.csv", ["id", *SMILE], [["a", *smile()]])
    options = ["--out", str(tmp_path / "s.csv"), "--prevalence", "7"]
    assert main(["score-table", str(table), *options]) == 2


def test_decimal_commas_in_a_comma_table_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every cell has slipped: whatever was scored would be nobody's."""
    table = tmp_path / "t.csv"
    halves = [half for cell in smile() for half in cell.split(".")]
    table.write_text(",".join(["id", *SMILE]) + "\n" + ",".join(["a", *halves]) + "\n")
    out = tmp_path / "s.csv"
    assert main(["score-table", str(table), "--out", str(out)]) == 2
    assert "row 2: the row has" in capsys.readouterr().err
    assert not out.exists()


def test_empty_cells_beyond_the_header_are_no_fault(tmp_path: Path) -> None:
    table = written(tmp_path / "t.csv", ["id", *SMILE], [["a", *smile(), "", " "]])
    assert scored(table, tmp_path / "s.csv")[0]["hypomimia_index"]
