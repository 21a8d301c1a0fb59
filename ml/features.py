"""The names of feature columns, ``<expression>_<signal>_<mean or var>``, and what a valid value is.

Light on purpose (no numpy, no video): tables, norms, models and commands all agree here.
"""

import math
import re

from ml.expressions import EXPRESSIONS

SIGNALS = (
    "eye-open-right",
    "eye-open-left",
    "eye-raise-right",
    "eye-raise-left",
    "mouth-open",
    "mouth-width",
    "jaw-open",
)
STATISTICS = ("mean", "var")

# A token's layout everywhere in the severity model: seven means, then seven variances.
TOKEN_PARTS = tuple((signal, statistic) for statistic in STATISTICS for signal in SIGNALS)
TOKEN_WIDTH = len(TOKEN_PARTS)

_COLUMN = re.compile(
    rf"^({'|'.join(EXPRESSIONS)})[_ ]({'|'.join(SIGNALS)})[_ ](mean|var)$", re.IGNORECASE
)
_BLANK = {"", "na", "n/a", "nan", "none", "null", "inf", "-inf", "-"}


def column(expression: str, signal: str, statistic: str) -> str:
    """The column's name: ``smile_mouth-width_var``."""
    return f"{expression}_{signal}_{statistic}"


def columns_of(expression: str) -> tuple[str, ...]:
    """The fourteen columns of one expression, in the order of :data:`TOKEN_PARTS`."""
    return tuple(column(expression, signal, statistic) for signal, statistic in TOKEN_PARTS)


def canonical_column(name: str) -> str | None:
    """Our name of a table's column; None for every column that is no feature of ours.

    The original repositories use the same names beside action units and entropies, which are
    left out on purpose: their definitions differ between releases, and entropies measure
    clip length. Underscores for hyphens and any letter case are accepted.
    """
    text = name.strip().lower()
    for signal in SIGNALS:
        text = text.replace(signal.replace("-", "_"), signal)
    match = _COLUMN.match(text)
    return column(*match.groups()) if match else None


def parse_value(text: str) -> float | None:
    """A cell as a finite number, None where it is blank or says "not a number".

    Raises :class:`ValueError` for text that is neither.
    """
    if text.strip().lower() in _BLANK:
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def usable(statistic: str, value: float | None) -> bool:
    """False where extraction failed: no number, a mean below 0, or a variance not above 0."""
    if value is None or not math.isfinite(value):
        return False
    return value > 0.0 if statistic == "var" else value >= 0.0
