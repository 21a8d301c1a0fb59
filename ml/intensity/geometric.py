"""Intensity from geometry: how far the expression's signals are from the person's own rest.

An *approximation*, and labelled so: displacement is counted on the scale of twice the median
standard deviation of people without PD in the public tables. A clip that alternates evenly
between rest and an expression of amplitude A has the standard deviation A / 2, so 1 is about the
displacement of the median person without PD. Strong movement goes above 1 and is not cut off.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import median_filter

from ml.intensity import together
from ml.intensity.source import (
    ClipMaterial,
    IntensityCurve,
    Material,
    RestReference,
    SourceIdentity,
    digest_of,
    need,
)
from ml.measuring import blinks
from ml.measuring.blinks import bridged
from ml.measuring.geometry import CORNERS, SIGNALS
from ml.measuring.measurement import CropEncoder
from ml.measuring.smoothing import local_line
from vocabulary.expressions import EXPRESSIONS, POSED, Expression, is_expression

NAME = "geometric"
MADE = "of the face's geometry"
FloatArray = npt.NDArray[np.floating[Any]]
Scale = Mapping[str, float]
Names = tuple[str, ...]

# Median standard deviation over a clip (square root of the median variance) of the 632 people
# without PD in the three-expression table (pd-screening-smile, MIT licence), by signal.
HEALTHY_SD: Mapping[Expression, Scale] = MappingProxyType(
    {
        Expression.SMILE: MappingProxyType(dict(zip(SIGNALS, (
            0.0144, 0.0146, 0.0199, 0.0209, 0.0843, 0.1237, 0.0390), strict=True))),
        Expression.DISGUST: MappingProxyType(dict(zip(SIGNALS, (
            0.0180, 0.0181, 0.0283, 0.0293, 0.0094, 0.0514, 0.0379), strict=True))),
        Expression.SURPRISE: MappingProxyType(dict(zip(SIGNALS, (
            0.0254, 0.0242, 0.0398, 0.0417, 0.0013, 0.0270, 0.0258), strict=True))),
    }
)  # fmt: skip
# Nobody measured anger, sadness, fear or rest: they borrow the median of the three.
BORROWED_SD: Scale = MappingProxyType(
    {name: float(np.median([scale[name] for scale in HEALTHY_SD.values()])) for name in SIGNALS}
)

# Nor how far the corners of the mouth go: what FaceMesh reads of a drawn face whose corners drop.
CORNER_SD = 0.035
#: What an expression's entry may name: the seven signals, and beside them the mouth's corners.
READS = (*SIGNALS, *CORNERS)

OUTLIER_S, LEAST_OUTLIER_FRAMES = 0.16, 3  # a running median of this many seconds
SMOOTH_S = 0.14  # then this much smoothing: no shift in time, and onsets take its width off
MOST = 3.0  # one signal never counts for more healthy displacements than this
CALM_QUANTILE = 0.2  # of a clip that alternates, at least this much is rest
MOST_FLOOR = 0.15
LIMITS = together.RestLimits(
    most_shift=0.05,
    floor_wavers=1.5,
    least_floor=0.01,
    most_floor=MOST_FLOOR,
    stands_out_wavers=4.0,
    most_stands_out=0.1,
)


# The expressions that version 2 of the rule began with. Its digest counts these for ever: what was
# trained before an expression was added names it, and its own curves are the same.
_BEGAN_WITH = EXPRESSIONS[:7]


# Digests of before there was one for each expression, and what is read otherwise since: sadness at
# the corners of the mouth, anger and fear against what tells them from disgust and surprise.
_EARLIER = MappingProxyType(
    {
        "9808568617c965bc607903edc83c6486bc3399495d98d4bd988a0bf31c0cf603": frozenset(
            {str(Expression.ANGER), str(Expression.SADNESS), str(Expression.FEAR)}
        )
    }
)


def _scale(expression: Expression) -> dict[str, float]:
    """Healthy standard deviation of all that is read of this expression, by name."""
    corners = [name for name in CORNERS if name in expression.entry.moves]
    signals = dict(HEALTHY_SD.get(expression, BORROWED_SD))
    return signals | dict.fromkeys(corners, CORNER_SD)


def _digest(expressions: Sequence[Expression]) -> str:
    """Of all that decides the curves of these expressions."""
    return digest_of(
        {
            "scale": {e: _scale(e) for e in expressions},
            "directions": {e: dict(e.entry.moves) for e in expressions if e in POSED},
            "constants": [
                OUTLIER_S,
                LEAST_OUTLIER_FRAMES,
                SMOOTH_S,
                MOST,
                CALM_QUANTILE,
                *vars(LIMITS).values(),
                together.ROUNDS,
                together.LEAST_OWN,
                together.LEAST_AGREEMENT,
                together.CALM_SHARE,
            ],
            "blinks": [blinks.DEPTH, blinks.EDGE, blinks.LONGEST_S, blinks.USUAL_WINDOW_S],
        }
    )


_IDENTITY = SourceIdentity(
    name=NAME,
    version="2",
    digest=_digest(_BEGAN_WITH),
    parts=MappingProxyType({str(e): _digest((e,)) for e in EXPRESSIONS}),
    earlier=_EARLIER,
)


@dataclass(frozen=True)
class GeometricSource:
    """The geometric :class:`~ml.intensity.source.IntensitySource`. No state, no weights."""

    material: Material = Material.SIGNALS
    identity: SourceIdentity = _IDENTITY
    encoder: CropEncoder | None = None
    saved_for: str = _IDENTITY.version

    def knows(self, expression: str) -> bool:
        """All of them: none is learnt."""
        return is_expression(expression)

    def curve(self, clip: ClipMaterial, rest: ClipMaterial | None) -> IntensityCurve:
        """Displacement from rest along the expression, 0 at rest, read from all signals that move
        together (``together.loadings``).

        Rest is the median of the rest clip's signals, or, without one, of the clip itself (each
        signal's quantile on the side away from the movement); then the clip's own rest, where it
        lies close to that. What does not stand out of the face's own wavering is 0.
        """
        need(self.identity, clip, self.material)
        calm = rest if rest is not None and rest.has(self.material) else None
        names = _read(clip, calm)
        signals = _steady(clip, names)
        reference = RestReference.SAME_CLIP if calm is None else RestReference.REST_CLIP
        if not Expression(clip.expression).entry.moves:
            intensity = np.maximum(_any_movement(signals) - MOST_FLOOR, 0.0)
            reference = RestReference.SAME_CLIP
        elif calm is not None:
            still = _steady(calm, names)
            centre = np.nanmedian(still, axis=0)
            intensity = _posed(clip.expression, names, signals, centre, still)
        else:
            centre = _calm_centre(clip.expression, names, signals)
            intensity = _posed(clip.expression, names, signals, centre, None)
        return IntensityCurve(
            expression=clip.expression,
            t=np.asarray(clip.timestamps, np.float64),
            intensity=intensity,
            source=self.identity,
            reference=reference,
            smoothed_s=SMOOTH_S,
        )


def load(folder: Path | None = None, device: str = "cpu") -> GeometricSource:
    """There is one, without files; it runs wherever the caller does."""
    return GeometricSource()


def _read(clip: ClipMaterial, rest: ClipMaterial | None) -> Names:
    """What this clip's intensity is read from: the seven signals and, where the expression moves
    them and both clips have them, the corners of the mouth."""
    wanted = set(CORNERS) & set(Expression(clip.expression).entry.moves)
    both = [clip] if rest is None else [clip, rest]
    seen = all(one.corners is not None and np.isfinite(one.corners).any() for one in both)
    return READS if wanted and seen else SIGNALS


def _steady(clip: ClipMaterial, names: Names) -> FloatArray:
    """(T, len(names)) without blinks and without the frame-to-frame noise of landmarks found
    afresh. Done once for all expressions of a clip."""
    return clip.prepared(f"{NAME}:{len(names)}", lambda: _steadied(clip, names))


def _steadied(clip: ClipMaterial, names: Names) -> FloatArray:
    times = np.asarray(clip.timestamps, np.float64)
    steady = np.array(bridged(times, np.asarray(clip.signals, np.float64)))
    if len(names) > len(SIGNALS):
        steady = np.hstack([steady, np.asarray(clip.corners, np.float64)])
    seen = np.isfinite(steady).all(axis=1)
    if seen.any():
        step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
        frames = max(LEAST_OUTLIER_FRAMES, 2 * round(OUTLIER_S / 2 / max(step, 1e-3)) + 1)
        steady[seen] = median_filter(steady[seen], size=(frames, 1), mode="nearest")
    return local_line(times, steady, SMOOTH_S)


def healthy_displacement(expression: str, names: Names = SIGNALS) -> FloatArray:
    """(len(names),) twice the healthy median standard deviation: the displacement that counts
    as 1."""
    scale = _scale(Expression(expression))
    return 2.0 * np.array([scale[name] for name in names])


def _direction(expression: str, names: Names) -> FloatArray:
    weights = Expression(expression).entry.moves
    return np.array([weights.get(name, 0.0) for name in names])


def _displaced(
    expression: str, names: Names, signals: FloatArray, centre: FloatArray
) -> FloatArray:
    """(T, len(names)) displacement of each signal in healthy displacements."""
    return np.clip((signals - centre) / healthy_displacement(expression, names), -MOST, MOST)


def _posed(
    expression: str, names: Names, signals: FloatArray, centre: FloatArray, still: FloatArray | None
) -> FloatArray:
    """(T,) intensity from signals (T, K), their rest (K,) and the rest clip's signals (R, K)."""
    intensity = np.full(len(signals), np.nan)
    seen = np.isfinite(signals).all(axis=1)
    moved = _displaced(expression, names, signals[seen], centre)
    direction = _direction(expression, names)
    weights = together.loadings(moved, direction / np.abs(direction).sum())
    course = moved @ weights
    rested = None
    if still is not None:
        calm = still[np.isfinite(still).all(axis=1)]
        rested = _displaced(expression, names, calm, centre) @ weights
    intensity[seen] = together.above_rest(course, rested, LIMITS)
    return intensity


def _any_movement(signals: FloatArray) -> FloatArray:
    """(T,) root mean square displacement: rest and speech have no direction.

    Without mouth-open, whose borrowed scale is that of closed lips: lips parted at rest are a sign
    of their own.
    """
    z = (signals - np.nanmedian(signals, axis=0)) / healthy_displacement(Expression.REST)
    z = np.delete(np.clip(z, -MOST, MOST), SIGNALS.index("mouth-open"), axis=1)
    return np.asarray(np.sqrt(np.mean(z**2, axis=1)))


def _calm_centre(expression: str, names: Names, signals: FloatArray) -> FloatArray:
    direction = _direction(expression, names)
    low = np.nanquantile(signals, CALM_QUANTILE, axis=0)
    high = np.nanquantile(signals, 1 - CALM_QUANTILE, axis=0)
    return np.where(direction >= 0, low, high)
