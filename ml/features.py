"""The names of feature columns, ``<expression>_<signal>_<mean or var>``, and what a valid value is.

Light on purpose (no numpy, no video): tables, norms, models and commands all agree here.
"""

import math
import re

from vocabulary import signs

SIGNALS = tuple(signs.SIGNALS)
STATISTICS = tuple(signs.STATISTICS)

# A token's layout everywhere in the severity model: seven means, then seven variances.
TOKEN_PARTS = tuple((signal, statistic) for statistic in STATISTICS for signal in SIGNALS)
TOKEN_WIDTH = len(TOKEN_PARTS)

# What a cell may say in place of a number that is missing; SAS and Stata write a point.
_BLANK = {"", "na", "n/a", "#n/a", "#n/v", "nan", "none", "null", "-", "."}
_NUMBER = re.compile(r"[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?")


def column(expression: str, signal: str, statistic: str) -> str:
    """The column's name: ``smile_mouth-width_var``."""
    return f"{expression}_{signal}_{statistic}"


def columns_of(expression: str) -> tuple[str, ...]:
    """The fourteen columns of one expression, in the order of :data:`TOKEN_PARTS`."""
    return tuple(column(expression, signal, statistic) for signal, statistic in TOKEN_PARTS)


def parse_value(text: str, decimal: str = ".") -> float | None:
    """A cell as a finite number, None where it is blank or says "not a number".

    Stricter than Python, which reads ``1_0`` as 10 and ``١`` as 1; ``decimal``: the table's decimal
    mark. Raises :class:`ValueError` for text that is neither.
    """
    plain = text.strip()
    if plain.lower() in _BLANK:
        return None
    if decimal != ".":
        plain = plain.replace(".", "?").replace(decimal, ".")
    if not _NUMBER.fullmatch(plain):
        raise ValueError(text)
    value = float(plain)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def usable(statistic: str, value: float | None) -> bool:
    """False where extraction failed: no number, a mean below 0, or a variance not above 0."""
    if value is None or not math.isfinite(value):
        return False
    return value > 0.0 if statistic == "var" else value >= 0.0
