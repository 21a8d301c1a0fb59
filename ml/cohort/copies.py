"""Numbers in a feature table that were copied: from another expression, another side, another row.

Two measurements never agree to the last digit in all they have. In the 2,372 rows of the public
tables no two rows of a table are alike, no two expressions of a row, and no column is the same
throughout. Where people are trained on or judged a copy is refused; where rows are scored, each by
itself, it is said: a table may be made to see what one value does.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from ml.cohort.csv_files import Table
from ml.errors import CohortError
from ml.features import columns_of
from vocabulary.expressions import EXPRESSIONS

Row = Mapping[str, float | None]

#: So many values of one expression, in which two agree by no accident.
LEAST_VALUES = 3
#: So many rows make a column that is the same in all of them, or two that are, no accident.
LEAST_ROWS = 5


@dataclass(frozen=True)
class Copy:
    """What was copied, in words; ``row``: line in the file, None where it is a whole column."""

    text: str
    row: int | None = None

    def __str__(self) -> str:
        return self.text if self.row is None else f"row {self.row}: {self.text}"


def found(table: Table, numbers: Sequence[Row], features: Sequence[str]) -> list[Copy]:
    """The first of each kind: one expression's numbers under another's name, a column that is the
    same in all rows, a column that is another one."""
    kinds = (_expressions(table, numbers), _columns(numbers, features))
    return [first for kind in kinds if (first := next(kind, None)) is not None]


def refuse(
    table: Table, numbers: Sequence[Row], features: Sequence[str], subjects: Sequence[str]
) -> None:
    """Nobody is trained on or judged by what was copied. Raises :class:`CohortError` for the first
    copy, and for one row under two people's codes."""
    copies = found(table, numbers, features)
    for place, earlier in same_rows(numbers):
        if (one := subjects[earlier]) != (other := subjects[place]):
            text = (
                f"all values are those of row {table.rows[earlier][0]}, and they are of {one!r} and"
                f" {other!r}: one person under two codes? remove one"
            )
            copies.append(Copy(text, table.rows[place][0]))
    if copies:
        raise CohortError(copies[0].text, file=table.path, row=copies[0].row)


def same_rows(numbers: Iterable[Row]) -> Iterator[tuple[int, int]]:
    """Places of each row, and of the first one before it with all the same numbers."""
    first: dict[tuple[float | None, ...], int] = {}
    for place, row in enumerate(numbers):
        values = tuple(row.values())
        if len({value for value in values if value is not None}) < LEAST_VALUES:
            continue
        if (earlier := first.setdefault(values, place)) != place:
            yield place, earlier


def said_of_rows(numbers: Iterable[Row], lines: Sequence[int]) -> str | None:
    """What one reads where rows come again; ``lines``: each one's line in the file."""
    again = list(same_rows(numbers))
    if not again:
        return None
    place, earlier = again[0]
    return (
        f"{len(again)} of {len(lines)} rows have all values of an earlier one (row {lines[place]}"
        f" those of row {lines[earlier]}): was one entered twice?"
    )


def _expressions(table: Table, numbers: Sequence[Row]) -> Iterator[Copy]:
    for (line, _), row in zip(table.rows, numbers, strict=True):
        there = {e: values for e in EXPRESSIONS if len(set(values := _values(row, e))) > 1}
        for one, other in combinations(there, 2):
            if len(set(there[one]) - {None}) >= LEAST_VALUES and there[one] == there[other]:
                yield Copy(
                    f"all values of {other} are those of {one}: was one copied from the other?"
                    " leave empty what was not filmed",
                    line,
                )


def _columns(numbers: Sequence[Row], features: Sequence[str]) -> Iterator[Copy]:
    seen: dict[tuple[float | None, ...], str] = {}
    for name in features:
        column = tuple(row[name] for row in numbers)
        known = [value for value in column if value is not None]
        # Nothing but 0 is a failed extraction, and missing.
        if len(known) < LEAST_ROWS or not any(known):
            continue
        if len(set(known)) == 1:
            yield Copy(
                f"column “{name}” is {known[0]:g} in all {len(known)} rows that have it: was it"
                " filled down, or rounded away? leave empty what was not measured"
            )
        elif column in seen:
            yield Copy(
                f"column “{name}” is in every row what “{seen[column]}” is: was one copied from"
                " the other? leave empty what was not measured"
            )
        seen.setdefault(column, name)


def _values(row: Row, expression: str) -> tuple[float | None, ...]:
    """Empty where nothing is known."""
    values = tuple(row.get(name) for name in columns_of(expression))
    return values if any(value is not None for value in values) else ()
