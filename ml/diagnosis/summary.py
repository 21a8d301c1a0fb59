"""Expressivity and rigidity of a whole session, expression by expression.

The signs themselves are measured in ``ml.signs`` at the video's own timestamps; here they are
gathered under the two words of the paper, and as one row of numbers for simple models.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ml.expressions import Expression
from ml.intensity.source import IntensityCurve, SourceIdentity, one_source
from ml.measurement import Measurement
from ml.signs import signs

EXPRESSIVITY = ("peak", "amplitude", "mean", "area", "repetitions")
RIGIDITY = (
    "onset-latency", "rise-rate", "decay-rate", "mean-speed", "plateau-jitter", "asymmetry",
)  # fmt: skip
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
