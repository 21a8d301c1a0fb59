"""The numbers in a feature table's cells: which decimal mark they have, and whether they can be.

Features are shares of the face's own size, so a percentage, a logarithm or a sentinel such as 999
is found out here, cell by cell: scored, it would be somebody's result.
"""

import re
from collections.abc import Mapping
from statistics import median

from ml.cohort.csv_files import Table
from ml.errors import CohortError
from ml.features import parse_value
from vocabulary.expressions import Expression

#: Above all that a face can do: of 2,372 people in the public tables no mean exceeds 1.5 and no
#: variance 0.1.
MOST = {"mean": 5.0, "var": 1.0}
#: Below what these are in any face at all: of the same people none has a mean below 0.23.
LEAST = {"mouth-width": 0.05, "jaw-open": 0.05, "eye-raise-left": 0.02, "eye-raise-right": 0.02}
#: Above what their variances are in any face: of the same people none has more than 0.0042. Their
#: standard deviations are above, in the median (0.014).
MOST_VARIANCE = {"eye-open-left": 0.005, "eye-open-right": 0.005}
_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+([eE][+-]?[0-9]+)?")
_POINT = re.compile(r"[+-]?[0-9]*[.][0-9]+([eE][+-]?[0-9]+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}(,[0-9]{3})+")
_SPREADSHEET_ERROR = re.compile(r"#(DIV/0|VALUE|REF|NAME|NUM|NULL|WERT|BEZUG|ZAHL)[!?]?|#+")
_INFINITE = re.compile(r"[+-]?(inf(inity)?|1\.?#inf\w*|∞)", re.IGNORECASE)

Numbers = list[dict[str, float | None]]


def decimal_mark(table: Table, features: Mapping[int, str]) -> str:
    """``.`` or ``,``: what these columns are written with. Raises :class:`CohortError` where they
    are written with both, or where it cannot be told from a thousands separator."""
    comma = point = None
    ambiguous = True
    for line, cells in table.rows:
        for place in features:
            text = cells[place].strip() if place < len(cells) else ""
            if _COMMA.fullmatch(text) or _THOUSANDS.fullmatch(text):
                comma = comma or (line, text)
                ambiguous &= bool(_THOUSANDS.fullmatch(text))
            elif point is None and _POINT.fullmatch(text):
                point = (line, text)
    if comma and point:
        line, text = max(comma, point)
        _, other = min(comma, point)
        raise CohortError(
            f"{text!r} and, above it, {other!r}: decimal points and commas in one table; use one",
            file=table.path,
            row=line,
        )
    if comma and ambiguous:
        raise CohortError(
            f"{comma[1]!r}: a decimal comma or a thousands separator? write decimal points",
            file=table.path,
            row=comma[0],
        )
    return "," if comma else "."


def numbers(table: Table, features: Mapping[int, str]) -> Numbers:
    """Each row's features, None where a cell is blank or missing.

    Raises :class:`CohortError` naming row and column: no number, or one that no face can have.
    """
    decimal = decimal_mark(table, features)
    found = [
        {
            name: _number(table, line, cells[place] if place < len(cells) else "", name, decimal)
            for place, name in features.items()
        }
        for line, cells in table.rows
    ]
    for name in features.values():
        _check_scale(table, name, [row[name] for row in found])
    return found


def _number(table: Table, line: int, text: str, name: str, decimal: str) -> float | None:
    try:
        value = parse_value(text, decimal)
    except ValueError:
        why = "is no number"
        if _SPREADSHEET_ERROR.fullmatch(text.strip()):
            why = "is a spreadsheet's error: mend its formula, or empty it"
        elif _INFINITE.fullmatch(text.strip()):
            why = "is infinite: a division by 0, or a logarithm of it? leave empty what failed"
        raise _fault(table, line, text, name, why) from None
    if value is None:
        return None
    statistic = name.rpartition("_")[2]
    if statistic == "var" and value < 0:
        why = "is below 0, and no variance is (a logarithm?); leave empty what failed"
        raise _fault(table, line, text, name, why)
    if value < 0:
        why = "is below 0, and no distance is (standardised, or a difference?)"
        raise _fault(table, line, text, name, why)
    if value > MOST[statistic]:
        why = (
            f"is more than a face can move (at most about {MOST[statistic]:g}): is it in percent or"
            " pixels, or does it stand for missing? leave such cells empty"
        )
        raise _fault(table, line, text, name, why)
    return value


def _fault(table: Table, line: int, text: str, name: str, why: str) -> CohortError:
    return CohortError(f"{text.strip()!r} in column “{name}” {why}", file=table.path, row=line)


def _check_scale(table: Table, name: str, column: list[float | None]) -> None:
    expression, signal, statistic = name.split("_")
    if expression == Expression.FREE:
        return  # no table says how it is in most people
    known = [value for value in column if value is not None and value > 0]
    if statistic == "var" and known and median(known) > MOST_VARIANCE.get(signal, MOST["var"]):
        raise CohortError(
            f"column “{name}” is {median(known):.2g} in the median, and in no face above"
            f" {MOST_VARIANCE[signal]:g}: does it hold standard deviations?",
            file=table.path,
        )
    if statistic == "mean" and known and median(known) < LEAST.get(signal, 0.0):
        raise CohortError(
            f"column “{name}” is {median(known):.2g} in the median, and in no face below"
            f" {LEAST[signal]:g}: was it divided by 100?",
            file=table.path,
        )
