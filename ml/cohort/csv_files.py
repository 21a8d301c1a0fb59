"""CSV files of labelled people, read one way everywhere: feature tables and manifests alike.

What spreadsheets and statistics programs write as CSV is understood where it means one thing only
(commas, semicolons, tabs or bars, a ``sep=`` line, blank lines before the header, UTF-8 or UTF-16,
decimal commas); all else stops the reading with file and row and says what to change. Nothing is
repaired in silence. Rows are numbered by their line in the file.
"""

import csv
import hashlib
import io
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ml.cohort.columns import known_titles
from ml.errors import CohortError
from ml.features import parse_value

UNKNOWN = -1
GRADES = range(5)
SPLITS = ("", "train", "val", "dev", "test")
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
# So many names of ours in one line, and it is the one that names the columns.
HEADER_LIKE = 3
# Nobody is older: what is more is a year of birth, or another column.
OLDEST = 120
SAVE_AS = "save it as “CSV UTF-8”"
# How files begin that are no CSV, whatever their name says.
_SIGNATURES = {
    b"PK\x03\x04": "an Excel or LibreOffice workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "a compressed file",
    b"%PDF": "a PDF document",
    b"<": "a web page or XML",
    b"{": "JSON",
}
_UTF16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_SEPARATOR = re.compile(r'"?sep=(.)"?[,;]*', re.IGNORECASE)

_YES = {"1", "1.0", "yes", "pd", "true"}
_NO = {"0", "0.0", "no", "non-pd", "control", "false"}
_UNLABELLED = {"", "nan", "na", "none", "unknown", "possible", "probable", "unlikely"}


@dataclass(frozen=True)
class Table:
    """``rows``: line number in the file and cells as they stand there; blank lines are left out."""

    path: Path
    header: tuple[str, ...]
    rows: tuple[tuple[int, list[str]], ...]
    delimiter: str
    sha256: str

    def check_unique(self, titles: Iterable[str | None]) -> None:
        """Raises :class:`CohortError` where two columns mean the same (None: means nothing)."""
        first: dict[str, str] = {}
        for title, meaning in zip(self.header, titles, strict=True):
            if meaning is not None and meaning in first:
                raise CohortError(
                    f"the columns {first[meaning]!r} and {title!r} both mean {meaning}; keep one",
                    file=self.path,
                    row=1,
                )
            if meaning is not None:
                first[meaning] = title

    def check_widths(self, *, allow_short: bool = False) -> None:
        """Raises :class:`CohortError` for a row with more cells than columns (behind a slipped
        cell, as a decimal comma makes one, every value would stand in the wrong column), and,
        unless ``allow_short``, for a row cut short. Empty cells beyond the header are no fault."""
        for line, cells in self.rows:
            is_short = len(cells) < len(self.header)
            is_long = any(c.strip() for c in cells[len(self.header) :])
            is_other = is_short and self._other_delimiter(cells) is not None
            if is_long or is_other or (is_short and not allow_short):
                raise CohortError(
                    f"the row has {len(cells)} cells, the first line {len(self.header)}"
                    f"{self._why_other_width(cells)}",
                    file=self.path,
                    row=line,
                )

    def _why_other_width(self, cells: list[str]) -> str:
        if other := self._other_delimiter(cells):
            return f" (it is separated by {other}, the first line by {DELIMITERS[self.delimiter]})"
        if self.delimiter == "," and len(cells) > len(self.header):
            return " (decimal commas in a table separated by commas? separate it by semicolons)"
        return ""

    def _other_delimiter(self, cells: list[str]) -> str | None:
        """What separates this row, where it is something else than in the first line."""
        line = self.delimiter.join(cells)
        for mark, name in DELIMITERS.items():
            if mark != self.delimiter and line.count(mark) == len(self.header) - 1 > 0:
                return name
        return None


def read(path: Path, *, keep_blank: bool = False) -> Table:
    """``keep_blank`` keeps rows whose cells are all empty.

    Raises :class:`CohortError`: no such file, no text, quotes that do not close, no header.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise CohortError("no such file; give the path of a CSV table", file=path) from None
    except OSError as fault:
        raise CohortError(f"cannot be read: {fault.strerror}", file=path) from fault
    text, skipped, separator = _without_preamble(_text(data, path))
    delimiter = separator or _delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begun = 0
    lines: list[tuple[int, list[str]]] = []
    try:
        for cells in reader:
            begun = reader.line_num
            lines.append((begun + skipped, cells))
    except csv.Error as fault:
        opens = f" (a quote that opens in row {begun + skipped + 1} does not close)"
        row = reader.line_num + skipped
        raise CohortError(f"no CSV table: {fault}{opens}", file=path, row=row) from fault
    if not lines:
        raise CohortError("the file is empty; its first line must name the columns", file=path)
    header, first = lines[0][1], lines[0][0]
    _check_header(header, lines[1:], path, first)
    rows = tuple(
        (line, cells)
        for line, cells in lines[1:]
        if cells and (keep_blank or any(c.strip() for c in cells))
    )
    return Table(path, tuple(header), rows, delimiter, hashlib.sha256(data).hexdigest())


def _text(data: bytes, path: Path) -> str:
    for begins, what in _SIGNATURES.items():
        if data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(begins):
            raise CohortError(f"is {what}, no CSV table; {SAVE_AS}", file=path)
    encoding = _UTF16.get(data[:2], "utf-8-sig")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as fault:
        row = data.count(b"\n", 0, fault.start) + 1
        raise CohortError(f"no UTF-8 text; {SAVE_AS}", file=path, row=row) from fault
    if "\0" in text:
        row = text.count("\n", 0, text.index("\0")) + 1
        raise CohortError(
            f"holds a zero byte: it is damaged or no text; {SAVE_AS}", file=path, row=row
        )
    # A table of a table may begin with two byte-order marks.
    return text.lstrip("\ufeff")


def _without_preamble(text: str) -> tuple[str, int, str | None]:
    """The text from its header on, how many lines were before it, and what a ``sep=`` line said."""
    skipped, separator = 0, None
    lines = text.splitlines(keepends=True)
    for line in lines:
        said = _SEPARATOR.fullmatch(line.rstrip("\r\n"))
        if said and separator is None:
            separator = said[1]
        elif line.strip().strip("".join(DELIMITERS) + '" \t'):
            break
        skipped += 1
    return "".join(lines[skipped:]), skipped, separator


def _delimiter(text: str) -> str:
    """What separates the header: where most of its names are ours, else where it has most cells."""
    first_line = text.splitlines()[0] if text else ""

    def names(mark: str) -> tuple[int, int]:
        cells = next(csv.reader([first_line], delimiter=mark), [])
        return known_titles(cells), len(cells)

    return max(DELIMITERS, key=names)


def _check_header(
    header: list[str], rows: list[tuple[int, list[str]]], path: Path, line: int
) -> None:
    """Raises :class:`CohortError` where the names of the columns stand somewhere else, or twice."""
    if known_titles(header) == 0:
        inside = next(csv.reader([header[0]]), []) if len(header) == 1 else []
        if known_titles(inside) >= HEADER_LIKE:
            raise CohortError(
                "each line is one cell in quotes; export it without them", file=path, row=line
            )
        for other, cells in rows[:20]:
            if known_titles(cells) >= HEADER_LIKE:
                raise CohortError(
                    "the names of the columns stand here; remove the lines above",
                    file=path,
                    row=other,
                )
    elif len(header) >= HEADER_LIKE:
        for other, cells in rows:
            if cells == header:
                raise CohortError(
                    "the names of the columns stand here again: are two tables in one file?",
                    file=path,
                    row=other,
                )


def yes_no(text: str, path: Path | str, line: int) -> int:
    """1 with PD, 0 without, ``UNKNOWN`` where the cell does not say."""
    value = text.lower().replace(",", ".")
    if value in _YES:
        return 1
    if value in _NO:
        return 0
    if value in _UNLABELLED:
        return UNKNOWN
    raise CohortError(f"the PD label {text!r} is neither yes nor no", file=path, row=line)


def grade(text: str, path: Path | str, line: int) -> int:
    """An MDS-UPDRS 3.2 grade, ``UNKNOWN`` where the cell does not say."""
    if text.lower() in _UNLABELLED:
        return UNKNOWN
    try:
        value = parse_value(text.replace(",", "."))
    except ValueError:
        raise CohortError(f"the grade {text!r} is no number", file=path, row=line) from None
    if value is None:
        return UNKNOWN
    if value not in GRADES:
        raise CohortError(f"the grade {text} is not one of 0 to 4", file=path, row=line)
    return int(value)


def age(text: str, path: Path | str, line: int) -> float:
    """Years, NaN where the cell does not say."""
    try:
        value = parse_value(text.replace(",", "."))
    except ValueError:
        raise CohortError(f"the age {text!r} is no number", file=str(path), row=line) from None
    if value is not None and not 0 <= value <= OLDEST:
        raise CohortError(f"the age {text} is not from 0 to {OLDEST}", file=str(path), row=line)
    return math.nan if value is None else value


def split(text: str, path: Path | str, line: int) -> str:
    """Which part of the cohort a person is in. A misspelt "Test" would be trained on."""
    if text not in SPLITS:
        raise CohortError(
            f"the split {text!r} is none of {', '.join(filter(None, SPLITS))}", file=path, row=line
        )
    return text
