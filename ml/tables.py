"""CSV files of labelled people, read one way everywhere: feature tables and manifests alike.

Comma, semicolon or tab; UTF-8 with or without a byte-order mark. A mistake stops the reading with
file and row: nothing is repaired in silence. Rows are numbered by their line in the file.
"""

import csv
import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ml.errors import CohortError

UNKNOWN = -1
GRADES = range(5)
SPLITS = ("", "train", "val", "dev", "test")
DELIMITERS = ",;\t"

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
            short = len(cells) < len(self.header) and not allow_short
            if short or any(c.strip() for c in cells[len(self.header) :]):
                raise CohortError(
                    f"the row has {len(cells)} cells, the first line {len(self.header)}",
                    file=self.path,
                    row=line,
                )


def read(path: Path, *, keep_blank: bool = False) -> Table:
    """``keep_blank`` keeps rows whose cells are all empty.

    Raises :class:`CohortError`: no such file, no UTF-8 text, quotes that do not close, empty.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise CohortError("no such file; give the path of a CSV table", file=path) from None
    except OSError as fault:
        raise CohortError(f"cannot be read: {fault.strerror}", file=path) from fault
    text = _text(data, path)
    first_line = text.splitlines()[0] if text else ""
    delimiter = max(DELIMITERS, key=first_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = next(reader, [])
        rows = tuple(
            (reader.line_num, cells)
            for cells in reader
            if cells and (keep_blank or any(c.strip() for c in cells))
        )
    except csv.Error as fault:
        raise CohortError(f"no CSV table: {fault}", file=path, row=reader.line_num) from fault
    if not header:
        raise CohortError("the file is empty; its first line must name the columns", file=path)
    return Table(path, tuple(header), rows, delimiter, hashlib.sha256(data).hexdigest())


def _text(data: bytes, path: Path) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        row = data.count(b"\n", 0, fault.start) + 1
        raise CohortError("no UTF-8 text; save it as “CSV UTF-8”", file=path, row=row) from fault
    if "\0" in text:
        row = text.count("\n", 0, text.index("\0")) + 1
        raise CohortError("holds a zero byte: it is damaged or no text", file=path, row=row)
    # A table of a table may begin with two byte-order marks.
    return text.removeprefix("\ufeff")


def yes_no(text: str, path: Path | str, line: int) -> int:
    """1 with PD, 0 without, ``UNKNOWN`` where the cell does not say."""
    value = text.lower()
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
        value = float(text)
    except ValueError:
        raise CohortError(f"the grade {text!r} is no number", file=path, row=line) from None
    if value not in GRADES:
        raise CohortError(f"the grade {text} is not one of 0 to 4", file=path, row=line)
    return int(value)


def split(text: str, path: Path | str, line: int) -> str:
    """Which part of the cohort a person is in. A misspelt "Test" would be trained on."""
    if text not in SPLITS:
        raise CohortError(
            f"the split {text!r} is none of {', '.join(filter(None, SPLITS))}", file=path, row=line
        )
    return text


def place_of(header: Sequence[str], names: Sequence[str]) -> int | None:
    """Where the first of ``names`` stands in the header; None where none does."""
    lowered = [title.strip().lower() for title in header]
    return next((lowered.index(name) for name in names if name in lowered), None)
