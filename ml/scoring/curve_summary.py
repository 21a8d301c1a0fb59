"""Expressivity and rigidity of a whole session, expression by expression.

The signs themselves are measured in ``ml.signs.signs`` at the video's own timestamps; here they are
gathered under the two words of the paper, and as one row of numbers for simple models.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.intensity.source import IntensityCurve, SourceIdentity, one_source
from ml.measuring.measurement import Measurement
from ml.signs.signs import at_rest, blinking, signs
from vocabulary.expressions import Expression
from vocabulary.signs import AT_REST, EXPRESSIVITY, RIGIDITY

# What the item's text begins with and no curve of a posed expression shows.
SIGNS = tuple(AT_REST)
# Numbers of a clip that do not grow with its length, so that no model can read the recording's.
FEATURES = ("peak", "amplitude", "mean", "onset-latency", "rise-rate", "decay-rate", "mean-speed")


@dataclass(frozen=True)
class SessionSummary:
    """Values by expression and sign; None where the clip did not bear the sign."""

    expressivity: Mapping[str, Mapping[str, float | None]]
    rigidity: Mapping[str, Mapping[str, float | None]]
    source: SourceIdentity | None


def summarise(
    measured: Mapping[str, Measurement], curves: Mapping[str, IntensityCurve]
) -> SessionSummary:
    """Signs of every posed expression that has a curve."""
    posed = {e: c for e, c in curves.items() if e != Expression.REST and e in measured}
    found = {e: {s.name: s.value for s in signs(measured[e], c)} for e, c in posed.items()}
    return SessionSummary(
        expressivity={e: {n: v.get(n) for n in EXPRESSIVITY} for e, v in found.items()},
        rigidity={e: {n: v.get(n) for n in RIGIDITY} for e, v in found.items()},
        source=one_source(curves.values()),
    )


def feature_row(summary: SessionSummary, expressions: Iterable[str]) -> dict[str, float | None]:
    """``<expression>_<sign>`` → value, None where missing: curve statistics for simple models."""
    row: dict[str, float | None] = {}
    for expression in expressions:
        own = {
            **summary.expressivity.get(expression, {}),
            **summary.rigidity.get(expression, {}),
        }
        row |= {f"{expression}_{name}": own.get(name) for name in FEATURES}
    return row


def session_signs(
    measured: Mapping[str, Measurement], names: Sequence[str]
) -> npt.NDArray[np.float32]:
    """(S,) of ``SIGNS`` by name, NaN where unknown: lips and tremor of the rest clip, the blink
    rate over all usable clips, because ten seconds hold two or three blinks."""
    usable = {e: m for e, m in measured.items() if m.state == "measured"}
    found: dict[str, float | None] = {}
    if Expression.REST in usable:
        found |= {sign.name: sign.value for sign in at_rest(usable[Expression.REST])}
    blinked = [b for b in map(blinking, usable.values()) if b is not None]
    if blinked:
        found["blink-rate"] = 60 * sum(n for n, _ in blinked) / sum(s for _, s in blinked)
    values = [found.get(name) for name in names]
    return np.array([np.nan if value is None else value for value in values], np.float32)
