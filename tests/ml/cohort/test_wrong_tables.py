"""What one reads on the screen where a table is not as it should be: understood and said, or one
line that says what to change. docs/training.md has the same list for people who read.

Every kind is made from one good table, so that nothing but the fault is refused.
"""

import csv
import io
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from ml.__main__ import main
from ml.cohort.columns import match
from ml.features import columns_of, parse_value

SMILE, DISGUST, SURPRISE = (columns_of(e) for e in ("smile", "disgust", "surprise"))
FEATURES = [*SMILE, *DISGUST, *SURPRISE]
HEADER = ["subject", "pd", "note", *FEATURES]
Make = Callable[[str], bytes]
#: What a face's signals are about, so that every check of their size passes.
MEANS = {
    "eye-open": 0.09,
    "eye-raise": 0.41,
    "mouth-open": 0.08,
    "mouth-width": 0.82,
    "jaw-open": 0.9,
}


def good(rows: int = 3) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(HEADER)
    for n in range(rows):
        cells = []
        for name in FEATURES:
            mean = next(v for signal, v in MEANS.items() if signal in name)
            # No two expressions are the same.
            own = 1 + 0.001 * (FEATURES.index(name) // len(SMILE))
            value = own * (mean + 0.01 * n if name.endswith("mean") else 0.0015 * (n + 1))
            cells.append(f"{value:.6g}")
        writer.writerow([f"p{n}", n % 2, f"row {n}", *cells])
    return stream.getvalue()


def encoded(change: Callable[[str], str], encoding: str = "utf-8") -> Make:
    return lambda text: change(text).encode(encoding)


def renamed(old: str, new: str) -> Make:
    """In the first line alone."""

    def change(text: str) -> str:
        head, _, rest = text.partition("\n")
        assert old in head
        return f"{head.replace(old, new)}\n{rest}"

    return encoded(change)


def cell(value: str, name: str = "smile_mouth-width_mean", row: int = 3) -> Make:
    """One cell of one row (the first line is row 1)."""

    def change(text: str) -> str:
        rows = list(csv.reader(io.StringIO(text)))
        rows[row - 1][HEADER.index(name)] = value
        stream = io.StringIO()
        csv.writer(stream, lineterminator="\n").writerows(rows)
        return stream.getvalue()

    return encoded(change)


def all_of(name: str, change: Callable[[float], float]) -> Make:
    """Every cell of a column."""

    def changed(text: str) -> str:
        rows = list(csv.reader(io.StringIO(text)))
        for row in rows[1:]:
            at = HEADER.index(name)
            row[at] = repr(change(float(row[at])))
        stream = io.StringIO()
        csv.writer(stream, lineterminator="\n").writerows(rows)
        return stream.getvalue()

    return encoded(changed)


def column_copied(old: str, new: str, text: str) -> str:
    """What stands under one title stands under another, too."""
    rows = list(csv.DictReader(io.StringIO(text)))
    stream = io.StringIO()
    writer = csv.DictWriter(stream, HEADER, lineterminator="\n")
    writer.writeheader()
    writer.writerows({**row, new: row[old]} for row in rows)
    return stream.getvalue()


def other_sides(text: str) -> str:
    """No two columns are the same: what a person's two sides are, too."""
    rows = list(csv.DictReader(io.StringIO(text)))
    stream = io.StringIO()
    writer = csv.DictWriter(stream, HEADER, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        own = {n: f"{float(row[n]) * (1 + 1e-5 * i):.9g}" for i, n in enumerate(FEATURES)}
        writer.writerow({**row, **own})
    return stream.getvalue()


def expression_copied(text: str) -> str:
    for old, new in zip(SMILE, DISGUST, strict=True):
        text = column_copied(old, new, text)
    return text


def lines(change: Callable[[list[str]], list[str]]) -> Make:
    return encoded(lambda text: "\n".join(change(text.splitlines())) + "\n")


def semicolons(text: str) -> str:
    return text.replace(",", ";")


UNDERSTOOD: dict[str, Make] = {
    "as it should be": encoded(str),
    "a byte-order mark": encoded(str, "utf-8-sig"),
    "two byte-order marks": encoded(lambda t: "\ufeff" + t, "utf-8-sig"),
    "UTF-16, as Excel's Unicode text": encoded(lambda t: t.replace(",", "\t"), "utf-16"),
    "semicolons": encoded(semicolons),
    "tabs": encoded(lambda t: t.replace(",", "\t")),
    "bars": encoded(lambda t: t.replace(",", "|")),
    "semicolons and decimal commas": encoded(lambda t: semicolons(t).replace(".", ",")),
    "a sep= line": encoded(lambda t: "sep=;\n" + semicolons(t)),
    "blank lines first": encoded(lambda t: "\n ,,\n" + t),
    "old Macintosh lines": encoded(lambda t: t.replace("\n", "\r")),
    "every cell in quotes": encoded(
        lambda t: "\n".join(
            ",".join(f'"{c}"' for c in line.split(",")) for line in t.splitlines()
        )
    ),
    "a line break in a quoted cell": encoded(lambda t: t.replace("row 1", '"row\n1"')),
    "capitals": encoded(lambda t: t.replace("smile_mouth-width", "Smile_Mouth-Width")),
    "underscores for dashes": encoded(lambda t: t.replace("eye-open-left", "eye_open_left")),
    "spaces in titles": encoded(lambda t: t.replace("smile_mouth-width_", " smile mouth width ")),
    "a typographic dash": encoded(lambda t: t.replace("eye-open", "eye‐open")),
    "camel case": renamed("smile_mouth-width_var", "smileMouthWidthVar"),
    "variance": encoded(lambda t: t.replace("_var", "_variance")),
    "left and right cut short": encoded(
        lambda t: t.replace("-left_", "-L_").replace("-right_", "-R_")
    ),
    "another order of words": renamed("smile_mouth-width_var", "var_mouth-width_smile"),
    "1e-3 for 0.001": cell("1.5e-3", "smile_mouth-width_var", 2),
    "empty cells beyond the last column": lines(lambda t: [f"{line},," for line in t]),
}  # fmt: skip


@pytest.fixture(scope="module")
def want(tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    """The indices of the good table: of movements that are small, larger, largest."""
    found = indices(tmp_path_factory.mktemp("good"), good().encode())
    assert found == sorted(found, reverse=True)
    return found


@pytest.mark.parametrize("kind", UNDERSTOOD)
def test_spellings_of_the_same_table_are_read_as_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, want: list[float]
) -> None:
    assert indices(tmp_path, UNDERSTOOD[kind](good())) == want
    assert "columns: used 14 of smile, 14 of disgust, 14 of surprise" in capsys.readouterr().err


def indices(folder: Path, data: bytes) -> list[float]:
    table, out = folder / "t.csv", folder / "s.csv"
    table.write_bytes(data)
    assert main(["score-table", str(table), "--out", str(out)]) == 0
    text = out.read_text("utf-8")
    head = text.splitlines()[0]
    delimiter = max(",;\t|", key=head.count)
    rows = list(csv.DictReader(io.StringIO(text), delimiter=delimiter))
    return [float(row["hypomimia_index"].replace(",", ".")) for row in rows]


WIDTH = "smile_mouth-width_mean"
NEAR = "; rename what is meant, or add --ignore-nearly-matching"
#: Kind → how the good table becomes it, and the line that is read, after the table's path.
REFUSED: dict[str, tuple[Make, str]] = {
    "a standard deviation": (
        renamed("smile_mouth-width_var", "smile_mouth-width_std"),
        ": 1 column is named nearly like one that is missing: 'smile_mouth-width_std'"
        f" (smile_mouth-width_var?){NEAR}",
    ),
    "another word for an expression": (
        encoded(lambda t: t.replace("smile_", "smiling_")),
        ": 14 columns are named nearly like one that is missing: 'smiling_eye-open-right_mean'"
        " (smile_eye-open-right_mean?), 'smiling_eye-open-left_mean' (smile_eye-open-left_mean?),"
        " 'smiling_eye-raise-right_mean' (smile_eye-raise-right_mean?) and 11 more" + NEAR,
    ),
    "a letter missing": (
        renamed("surprise_jaw-open_var", "suprise_jaw-open_var"),
        ": 1 column is named nearly like one that is missing: 'suprise_jaw-open_var'"
        f" (surprise_jaw-open_var?){NEAR}",
    ),
    "the same column twice": (
        renamed("smile_mouth-width_var", "smile_mouth-open_variance"),
        ", row 1: the columns 'smile_mouth-open_var' and 'smile_mouth-open_variance' both mean"
        " smile_mouth-open_var; keep one",
    ),
    "no feature column": (
        lambda _: b"subject,pd\na,1\n",
        ": no column is named <expression>_<signal>_<mean or var>, for example"
        " smile_mouth-width_var; rename the feature columns",
    ),
    "a thousands separator": (
        cell("1,234"),
        ", row 3: '1,234' and, above it, '0.09': decimal points and commas in one table; use one",
    ),
    "a decimal comma in one row": (
        encoded(lambda t: semicolons(t).replace("0.83", "0,83")),
        ", row 3: '0,83' and, above it, '0.09': decimal points and commas in one table; use one",
    ),
    "decimal commas between commas": (
        encoded(lambda t: t.replace("0.", "0,")),
        ", row 2: the row has 87 cells, the first line 45 (decimal commas in a table separated by"
        " commas? separate it by semicolons)",
    ),
    "two delimiters": (
        lines(lambda t: [*t[:2], semicolons(t[2]), *t[3:]]),
        ", row 3: the row has 1 cells, the first line 45 (it is separated by semicolons, the first"
        " line by commas)",
    ),
    "an underscore in a number": (
        cell("1_0"), f", row 3: '1_0' in column “{WIDTH}” is no number"
    ),
    "a unit in a cell": (cell("82 %"), f", row 3: '82 %' in column “{WIDTH}” is no number"),
    "digits of another script": (
        cell("٠"), f", row 3: '٠' in column “{WIDTH}” is no number"
    ),
    "a number too large to be one": (
        cell("1e999"), f", row 3: '1e999' in column “{WIDTH}” is no number"
    ),
    "a spreadsheet's error": (
        cell("#DIV/0!"),
        f", row 3: '#DIV/0!' in column “{WIDTH}” is a spreadsheet's error: mend its formula, or"
        " empty it",
    ),
    "an infinite number": (
        cell("-inf"),
        f", row 3: '-inf' in column “{WIDTH}” is infinite: a division by 0, or a logarithm of it?"
        " leave empty what failed",
    ),
    "a number of 308 digits": (
        cell("1e308"),
        f", row 3: '1e308' in column “{WIDTH}” is more than a face can move (at most about 5): is"
        " it in percent or pixels, or does it stand for missing? leave such cells empty",
    ),
    "percent": (
        all_of(WIDTH, lambda v: 100 * v),
        f", row 2: '82.0' in column “{WIDTH}” is more than a face can move (at most about 5): is"
        " it in percent or pixels, or does it stand for missing? leave such cells empty",
    ),
    "999 for missing": (
        cell("999"),
        f", row 3: '999' in column “{WIDTH}” is more than a face can move (at most about 5): is it"
        " in percent or pixels, or does it stand for missing? leave such cells empty",
    ),
    "divided by 100": (
        all_of(WIDTH, lambda v: v / 100),
        f": column “{WIDTH}” is 0.0083 in the median, and in no face below 0.05: was it divided by"
        " 100?",
    ),
    "a mean below 0": (
        cell("-0.82"),
        f", row 3: '-0.82' in column “{WIDTH}” is below 0, and no distance is (standardised, or a"
        " difference?)",
    ),
    "standard deviations": (
        all_of("smile_eye-open-left_var", math.sqrt),
        ": column “smile_eye-open-left_var” is 0.055 in the median, and in no face above 0.005:"
        " does it hold standard deviations?",
    ),
    "a variance below 0": (
        cell("-6.5", "smile_mouth-width_var"),
        ", row 3: '-6.5' in column “smile_mouth-width_var” is below 0, and no variance is (a"
        " logarithm?); leave empty what failed",
    ),
    "no rows": (lines(lambda t: t[:1]), ": the table has no rows"),
    "nothing": (lambda _: b"", ": the file is empty; its first line must name the columns"),
    "an Excel workbook": (
        lambda _: b"PK\x03\x04rest",
        ": is an Excel or LibreOffice workbook, no CSV table; save it as “CSV UTF-8”",
    ),
    "an old Excel workbook": (
        lambda _: b"\xd0\xcf\x11\xe0rest",
        ": is an old Excel workbook, no CSV table; save it as “CSV UTF-8”",
    ),
    "a web page": (
        lambda _: b"<html><table>", ": is a web page or XML, no CSV table; save it as “CSV UTF-8”"
    ),
    "Latin-1": (
        encoded(lambda t: t.replace("row 1", "Zürich"), "latin-1"),
        ", row 3: no UTF-8 text; save it as “CSV UTF-8”",
    ),
    "UTF-16 without a mark": (
        encoded(str, "utf-16-le"),
        ", row 1: holds a zero byte: it is damaged or no text; save it as “CSV UTF-8”",
    ),
    "a title above the names": (
        encoded(lambda t: "Study of 2026\n" + t),
        ", row 2: the names of the columns stand here; remove the lines above",
    ),
    "two tables in one file": (
        encoded(lambda t: t + t),
        ", row 5: the names of the columns stand here again: are two tables in one file?",
    ),
    "a quote that does not close": (
        encoded(lambda t: t.replace("row 1", '"row 1')),
        ", row 4: no CSV table: unexpected end of data (a quote that opens in row 3 does not"
        " close)",
    ),
    "whole lines in quotes": (
        lines(lambda t: [f'"{line}"' for line in t]),
        ", row 1: each line is one cell in quotes; export it without them",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_a_wrong_table_is_one_line_that_says_what_to_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    make, line = REFUSED[kind]
    table, out = tmp_path / "t.csv", tmp_path / "s.csv"
    table.write_bytes(make(good()))
    assert main(["score-table", str(table), "--out", str(out)]) == 2
    assert capsys.readouterr().err == f"score-table: {table}{line}\n"
    assert not out.exists()


def test_nearly_matching_columns_are_left_out_where_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, out = tmp_path / "t.csv", tmp_path / "s.csv"
    table.write_bytes(renamed("smile_mouth-width_var", "smile_mouth-width_std")(good()))
    arguments = ["score-table", str(table), "--out", str(out), "--ignore-nearly-matching"]
    assert main(arguments) == 0
    said = capsys.readouterr().err
    assert (
        "nearly matching, ignored as asked: 'smile_mouth-width_std' (smile_mouth-width_var?)"
        in said
    )
    assert "feature columns missing: 1 of smile's 14 (smile_mouth-width_var)" in said


def again(text: str) -> str:
    """The first row twice more, under other codes."""
    rows = text.splitlines()
    return "\n".join([*rows, rows[1].replace("p0", "p7", 1), rows[1].replace("p0", "p8", 1)]) + "\n"


#: Kind → the table, and what is read of it: scored, each row is the result of what it holds.
COPIED: dict[str, tuple[Callable[[], str], str]] = {
    "one expression copied to another": (
        lambda: expression_copied(good()),
        "row 2: all values of disgust are those of smile: was one copied from the other? leave"
        " empty what was not filmed",
    ),
    "a column filled down": (
        lambda: all_of("smile_jaw-open_var", lambda _: 0.002)(other_sides(good(5))).decode(),
        "column “smile_jaw-open_var” is 0.002 in all 5 rows that have it: was it filled down, or"
        " rounded away? leave empty what was not measured",
    ),
    "one side copied to the other": (
        lambda: column_copied(
            "smile_eye-open-right_mean", "smile_eye-open-left_mean", other_sides(good(5))
        ),
        "column “smile_eye-open-left_mean” is in every row what “smile_eye-open-right_mean” is:"
        " was one copied from the other? leave empty what was not measured",
    ),
    "a row entered again": (
        lambda: again(other_sides(good(4))),
        "2 of 6 rows have all values of an earlier one (row 6 those of row 2): was one entered"
        " twice?",
    ),
}


@pytest.mark.parametrize("kind", COPIED)
def test_what_was_copied_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    make, line = COPIED[kind]
    table = tmp_path / "t.csv"
    table.write_text(make())
    assert main(["score-table", str(table), "--out", str(tmp_path / "s.csv")]) == 0
    said = capsys.readouterr().err
    assert f"score-table: {line}\n" in said
    assert (
        sum("copied" in one or "filled" in one or "twice" in one for one in said.splitlines()) == 1
    )


def test_cells_that_say_missing_are_missing() -> None:
    for text in ("", " ", "NaN", "NA", "#N/A", "N/A", "null", "-", "."):
        assert parse_value(text) is None
    for text in ("inf", "-inf", "1 0", "1_0", "0x1", "1,5", "−1", "1.2.3", "e5", "١"):
        with pytest.raises(ValueError):
            parse_value(text)
    assert parse_value("1,5", ",") == 1.5
    with pytest.raises(ValueError):
        parse_value("1.5", ",")


def test_only_what_the_table_lacks_is_nearly_matching() -> None:
    """Further statistics beside ours, and the original repositories' columns, are none."""
    others = ["smile_mouth-width_std", "smile_mouth-width_entropy", "smile_AU12_mean", "smile_note",
              "smile_mouth-width_max", "Filename", "group", "visit"]  # fmt: skip
    read = match([*HEADER, *others])
    assert read.near == ()
    assert read.ignored == ("note", *others)


def test_a_wide_table_of_strange_columns_is_read_quickly() -> None:
    """Each title is compared with the features of one expression alone, not with all of them."""
    read = match([*FEATURES, *(f"smile_strange-{n}_mean" for n in range(2000))])
    assert len(read.features) == len(FEATURES)
