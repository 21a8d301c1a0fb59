"""Intensity from blendshapes and landmarks together: a source for real faces.

A model trained on real faces (``ml.measuring.blendshapes``) says eight times a second how
far each of 52 movements goes; the landmarks of every frame say when, and say more where the model
says little. Both are counted from the person's own rest, joined into action units
(``ml.intensity.action_units``), and each expression is a sum of units, less those of other
expressions. 1 is a plain, full movement, by the eye; strong movement goes above it.

An *approximation* like the geometric one, and beside it: norms and the index never read it. It
knows no drawn faces, which the model was not trained on.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.intensity import action_units, together
from ml.intensity.action_units import Reading
from ml.intensity.source import (
    ClipMaterial,
    IntensityCurve,
    Material,
    RestReference,
    SourceIdentity,
    digest_of,
    need,
)
from ml.measuring import blendshapes, blinks
from ml.measuring.blinks import blink_masks, bridged
from ml.measuring.geometry import CORNERS, SIGNALS
from ml.measuring.measurement import CropEncoder
from ml.measuring.smoothing import local_line
from vocabulary.expressions import EXPRESSIONS, POSED, Expression, is_expression

NAME = "blendshapes"
MADE = "of blendshapes and landmarks together"
_SHAPES = blendshapes.NAMES
FloatArray = npt.NDArray[np.floating[Any]]

VERSION = "1"
SMOOTH_S = 0.12
# Without a rest clip each blendshape's quantile of the clip stands in for it, since they rise from
# rest; but no less than what faces at rest read up to (by eye, on public films and portraits).
CALM_QUANTILE = 0.1
#: So far (seconds) from a look of the model nothing is known.
HOLDS_S = 1.0
AT_REST = MappingProxyType(
    {
        "browInnerUp": 0.2, "browOuterUp": 0.25, "browDown": 0.12, "eyeSquint": 0.5,
        "mouthShrugLower": 0.1, "mouthPress": 0.12, "mouthRollLower": 0.1,
    }
)  # fmt: skip
LIMITS = together.RestLimits(
    most_shift=0.1,
    floor_wavers=1.5,
    least_floor=0.02,
    most_floor=0.15,
    stands_out_wavers=3.0,
    most_stands_out=0.12,
)


def _digest() -> str:
    return digest_of(
        {
            "model": [blendshapes.SHA256, blendshapes.RATE],
            "units": {name: asdict(_plain(unit)) for name, unit in action_units.UNITS.items()},
            "limits": [action_units.MOST, action_units.LEAST, action_units.BLENDSHAPE_SHARE],
            "expressions": {str(e): dict(e.entry.units) for e in EXPRESSIONS if e.entry.units},
            "curve": [SMOOTH_S, CALM_QUANTILE, HOLDS_S, dict(AT_REST), *vars(LIMITS).values()],
            "together": [together.CALM_SHARE, together.CONSISTENT_MAD],
            "blinks": [blinks.DEPTH, blinks.EDGE, blinks.LONGEST_S, blinks.USUAL_WINDOW_S],
        }
    )


def _plain(unit: action_units.Unit) -> action_units.Unit:
    return action_units.Unit(unit.title, dict(unit.blendshapes), dict(unit.landmarks))


_IDENTITY = SourceIdentity(NAME, VERSION, _digest())


@dataclass(frozen=True)
class BlendshapeSource:
    """Meets :class:`~ml.intensity.source.IntensitySource`. No state: the model looked already."""

    material: Material = Material.BLENDSHAPES
    identity: SourceIdentity = _IDENTITY
    encoder: CropEncoder | None = None
    saved_for: str = VERSION

    def knows(self, expression: str) -> bool:
        """All of them: none is learnt."""
        return is_expression(expression)

    def curve(self, clip: ClipMaterial, rest: ClipMaterial | None) -> IntensityCurve:
        """See ``IntensitySource.curve``. Of a rest clip, and of free speech: the largest of all
        expressions' curves."""
        need(self.identity, clip, self.material)
        seen = _Track.of(clip)
        calm = rest if rest is not None and rest.has(self.material) else None
        still = None if calm is None else _Track.of(calm)
        zero = seen.lowest() if still is None else still.middle()
        units = seen.units(zero)
        rested = None if still is None else still.units(zero)
        own = (Expression(clip.expression),) if Expression(clip.expression) in POSED else POSED
        curves = [_curve(e, units, rested) for e in own]
        return IntensityCurve(
            expression=clip.expression,
            t=seen.t,
            intensity=np.max(curves, axis=0),
            source=self.identity,
            reference=RestReference.SAME_CLIP if calm is None else RestReference.REST_CLIP,
            smoothed_s=SMOOTH_S,
        )


def load(folder: Path | None = None, device: str = "cpu") -> BlendshapeSource:
    """There is one. It reads what the model left in the measurement, and needs no file itself."""
    return BlendshapeSource()


@dataclass(frozen=True, eq=False)
class _Track:
    """What is read of a clip, at the times ``t`` (T,) of its frames: blendshapes (T, 52), signals
    and corners (T, 9), without blinks, smoothed; NaN where there was no face."""

    t: FloatArray
    shapes: FloatArray
    points: FloatArray

    @classmethod
    def of(cls, clip: ClipMaterial) -> "_Track":
        return clip.prepared(NAME, lambda: cls._made(clip))

    @classmethod
    def _made(cls, clip: ClipMaterial) -> "_Track":
        t = np.asarray(clip.timestamps, np.float64)
        raw = np.asarray(clip.signals, np.float64)
        lips = np.full((len(t), len(CORNERS)), np.nan) if clip.corners is None else clip.corners
        points = np.hstack([bridged(t, raw), np.asarray(lips, np.float64)])
        shapes = _at(t, clip, np.any([np.zeros(len(t), bool), *blink_masks(t, raw)], axis=0))
        shapes[~np.isfinite(raw).all(axis=1)] = np.nan
        return cls(t, local_line(t, shapes, SMOOTH_S), local_line(t, points, SMOOTH_S))

    def middle(self) -> tuple[FloatArray, FloatArray]:
        """The rest clip's level: (52,) and (9,)."""
        return np.nanmedian(self.shapes, axis=0), _median(self.points)

    def lowest(self) -> tuple[FloatArray, FloatArray]:
        """What stands in for it within this very clip; landmarks go both ways, and have none."""
        usual = [
            AT_REST.get(one.removesuffix("Left").removesuffix("Right"), 0.0) for one in _SHAPES
        ]
        shapes = np.maximum(np.nanquantile(self.shapes, CALM_QUANTILE, axis=0), usual)
        return shapes, np.full(self.points.shape[1], np.nan)

    def units(self, zero: tuple[FloatArray, FloatArray]) -> dict[str, FloatArray]:
        shapes = _reading(self.shapes - zero[0], _SHAPES, ("Left", "Right"))
        points = _reading(self.points - zero[1], (*SIGNALS, *CORNERS), ("-left", "-right"))
        return action_units.activations(shapes, points)


def _at(t: FloatArray, clip: ClipMaterial, blinking: npt.NDArray[np.bool_]) -> FloatArray:
    """(T, 52) at the frames' own times; drawn straight across blinks, which close the lids only.
    NaN where the model saw no face for long."""
    times = np.asarray(clip.blendshape_timestamps, np.float64)
    scores = np.asarray(clip.blendshapes, np.float64)
    open_eyes = np.interp(times, t, blinking.astype(float)) < 0.5
    kept = open_eyes if open_eyes.any() else np.ones(len(times), bool)
    seen = times[kept]
    columns = [np.interp(t, seen, scores[kept, k]) for k in range(scores.shape[1])]
    shapes = np.stack(columns, axis=1)
    shapes[np.abs(t[:, None] - seen).min(axis=1) > HOLDS_S] = np.nan
    return shapes


def _reading(change: FloatArray, names: tuple[str, ...], sides: tuple[str, str]) -> Reading:
    def read(name: str) -> FloatArray | None:
        wanted = {name, *(f"{name}{side}" for side in sides)}
        columns = change[:, [k for k, one in enumerate(names) if one in wanted]]
        measured = np.isfinite(columns).any(axis=0)
        return columns[:, measured].mean(axis=1) if measured.any() else None

    return read


def _median(points: FloatArray) -> FloatArray:
    """(9,) of the columns that were measured."""
    known = np.isfinite(points).any(axis=0)
    found = np.full(points.shape[1], np.nan)
    found[known] = np.nanmedian(points[:, known], axis=0)
    return found


def _curve(
    expression: Expression, units: dict[str, FloatArray], rested: dict[str, FloatArray] | None
) -> FloatArray:
    """(T,) intensity of one expression, 0 at rest, NaN where there was no face."""
    course, still = _sum(expression, units), None
    if rested is None:
        # Below 0 lies another expression, which is no rest to count from.
        course = np.maximum(course, 0.0)
    else:
        still = _sum(expression, rested)
        still = still[np.isfinite(still)]
    seen = np.isfinite(course)
    intensity = np.full(len(course), np.nan)
    if seen.any():
        intensity[seen] = together.above_rest(course[seen], still, LIMITS)
    return intensity


def _sum(expression: Expression, units: dict[str, FloatArray]) -> FloatArray:
    weighed = [weight * units[name] for name, weight in expression.entry.units.items()]
    return np.asarray(np.sum(weighed, axis=0))
