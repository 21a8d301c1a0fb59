"""Points that somebody else's detector found become the same measurement as a film's.

What a film shows beyond points (light, sharpness, a second face) is not known here, and stays
``None``; the gates that can be asked are the film's own.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.errors import ClipUnusable, WrongUse
from ml.files import canonical, sha256
from ml.measuring import geometry, layouts, quality
from ml.measuring.clip import SIGNAL_DECIMALS, TIME_DECIMALS
from ml.measuring.geometry import FloatArray
from ml.measuring.layouts import PointLayout
from ml.measuring.measurement import Measurement, series
from ml.measuring.quality import Quality
from ml.measuring.video import Limits
from vocabulary.expressions import EXPRESSIONS, is_expression
from vocabulary.reasons import UnusableReason

MEASURER = "mimia-points"
MEASURER_VERSION = "1"
# Beyond this no coordinate is a share of the picture: a face may lean out of it, not leave it.
NORMALISED_WITHIN = 2.0
#: Of a face, whatever its expression and in any layout, in its own scale: how far below the eyes
#: the mouth is, how wide it is, how far from the middle, how far the lids are apart.
MOUTH_BELOW = (0.4, 3.0)
MOUTH_WIDE = (0.25, 2.5)
MOUTH_ASIDE = 0.8
LIDS_APART = 0.7
# What can be told without a picture.
_KNOWABLE = frozenset(
    {
        UnusableReason.TOO_SHORT, UnusableReason.LOW_FRAME_RATE, UnusableReason.TIME_GAP,
        UnusableReason.NO_FACE, UnusableReason.FACE_LOST, UnusableReason.TURNED_AWAY,
        UnusableReason.TILTED,
    }
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Points:
    """``points`` (T, K, 2 or 3) NaN where there was no face; ``times`` (T,) seconds, increasing.
    ``size``: width and height of the film in pixels, None where nobody said. ``faces``: how many
    the file held."""

    points: FloatArray
    times: FloatArray
    size: tuple[int, int] | None = None
    faces: int = 1


@dataclass(frozen=True, eq=False)
class MeasuredPoints:
    """``layout``: the one that the points were read in; ``assumed``: what nobody said, in words."""

    measured: Measurement
    layout: PointLayout
    assumed: tuple[str, ...]


def measurer(layout: PointLayout) -> dict[str, str]:
    """Who measures: the code and the layout, whose constants are in the digest."""
    decides = {
        "name": MEASURER,
        "version": MEASURER_VERSION,
        "layout": layout.digest,
        "gates": {name: value for name, value in vars(quality).items() if name.isupper()},
        "aspect": geometry.TABLE_ASPECT,
        "face": [NORMALISED_WITHIN, MOUTH_BELOW, MOUTH_WIDE, MOUTH_ASIDE, LIDS_APART],
    }
    digest = sha256(canonical(decides))
    return {
        "name": MEASURER, "version": MEASURER_VERSION, "digest": digest, "layout": layout.name,
    }  # fmt: skip


def measure_points(
    given: Points,
    layout: PointLayout,
    *,
    expression: str,
    cues: Iterable[float] | None = None,
    limits: Limits | None = None,
) -> MeasuredPoints:
    """Measures one recording's points. A bad recording is a result (state ``unusable``).

    Raises :class:`WrongUse`: an unknown expression, another number of points than the layout's,
    points that make no face in its numbering.
    """
    begin = perf_counter()
    if not is_expression(expression):
        raise WrongUse(f"no expression {expression!r}; one of: {', '.join(EXPRESSIONS)}")
    _check_shape(given.points, layout)
    squared, assumed = _square(given)
    layout, said = _numbering(squared, layout)
    own = layout.geometry
    lost = ~_whole(squared, layout)
    squared[lost] = np.nan
    signals, corners = geometry.signals(squared, own), geometry.corners(squared, own)
    capture = _quality(given, squared, layout)
    reason, detail = None, ""
    try:
        quality.check(capture, (limits or Limits()).min_seconds, _KNOWABLE)
    except ClipUnusable as unusable:
        reason, detail = unusable.reason, unusable.detail
    prompts = None if cues is None else tuple(float(cue) for cue in cues if math.isfinite(cue))
    spent = round(perf_counter() - begin, 6)
    measured = Measurement(
        expression=expression,
        state="measured" if reason is None else "unusable",
        reason=reason,
        detail=detail,
        quality=capture,
        timestamps=tuple(np.round(given.times - given.times[0], TIME_DECIMALS).tolist()),
        signals=_columns(signals, tuple(own.signals)),
        corners=_columns(corners, tuple(own.corners)),
        stats=_stats(signals, tuple(own.signals)),
        cues=prompts,
        timing={"geometry_s": spent, "total_s": spent},
        measurer=measurer(layout),
    )
    return MeasuredPoints(measured, layout, (*assumed, *said, f"scale: {layout.scale}"))


def _check_shape(points: FloatArray, layout: PointLayout) -> None:
    shape = tuple(points.shape)
    wanted = f"(frames, {layout.points}, 2 or 3)"
    if len(shape) != 3 or 0 in shape:
        raise WrongUse(f"the points are {shape}, and not {wanted}")
    if shape[2] not in (2, 3) and layout.points in shape[::2] and shape[1] in (2, 3):
        raise WrongUse(f"the points are {shape}: points and coordinates are exchanged; {wanted}")
    if shape[2] not in (2, 3):
        raise WrongUse(f"the points are {shape}, and not {wanted}")
    if shape[1] == layout.points:
        return
    if shape[0] == layout.points:
        raise WrongUse(f"the points are {shape}: frames and points are exchanged; {wanted}")
    others = " or ".join(layouts.of_size(shape[1]))
    hint = f"; --layout {others}?" if others else ""
    raise WrongUse(
        f"the file has {shape[1]} points a frame, and {layout.name} {layout.points}{hint}"
    )


def _square(given: Points) -> tuple[FloatArray, tuple[str, ...]]:
    """Points in square coordinates, and what had to be assumed for it."""
    if not _is_normalised(given):
        said = "coordinates: pixels, as wide as high"
        return np.array(given.points, np.float64), (said,)
    if given.size is None:
        aspect = geometry.TABLE_ASPECT
        said = "coordinates: shares of a picture of 4:3, since --width and --height are not given"
    else:
        aspect = given.size[0] / given.size[1]
        said = f"coordinates: shares of a picture of {given.size[0]} × {given.size[1]} pixels"
    return geometry.square(given.points, aspect), (said,)


def _numbering(squared: FloatArray, layout: PointLayout) -> tuple[PointLayout, tuple[str, ...]]:
    """The layout in whose numbering the points make a face: this one, or one that has as many."""
    if is_face(squared, layout):
        return layout, ()
    for name in layout.also:
        other = layouts.load(name)
        if is_face(squared, other):
            said = (
                f"numbering: {name}, in which the points make a face; in {layout.name} they do not"
            )
            return other, (said,)
    raise WrongUse(
        f"the points make no face in the numbering of {layout.name} ({layout.title}): are they in"
        " another layout, or in another order?"
    )


def is_face(squared: FloatArray, layout: PointLayout) -> bool:
    """Whether eyes and mouth are where a face has them, in the middle of all frames that have
    points; true where none has, since nothing speaks against it. Turned heads are faces too."""
    own = layout.geometry
    there = _whole(squared, layout)
    if not there.any():
        return True
    points = geometry.upright(squared[there], own) / own.scale(squared[there])[:, None, None]
    found = []
    if "mouth-width" in own.signals:
        ends = points[:, np.array(own.signals["mouth-width"]).ravel()]
        eyes = points[:, list(own.right + own.left)].mean(axis=1)
        aside, below = np.abs(np.median(ends.mean(axis=1) - eyes, axis=0))
        wide = float(np.median(np.abs(ends[:, 0] - ends[:, 1]).max(axis=1)))
        found += [
            aside < MOUTH_ASIDE,
            MOUTH_BELOW[0] < below < MOUTH_BELOW[1],
            MOUTH_WIDE[0] < wide < MOUTH_WIDE[1],
        ]
    values = geometry.signals(squared[there], own)
    for place, name in enumerate(own.signals):
        if name.startswith("eye-open"):
            found.append(float(np.median(values[:, place])) < LIDS_APART)
    return all(found)


def _whole(squared: FloatArray, layout: PointLayout) -> npt.NDArray[np.bool_]:
    """(T,) frames in which every point that is read is there, and the eyes are apart."""
    own = layout.geometry
    pairs = [pair for group in (own.signals, own.corners) for p in group.values() for pair in p]
    read = sorted({*own.right, *own.left, *own.eye_corners, *(n for pair in pairs for n in pair)})
    return np.asarray(
        np.isfinite(squared[:, read, :2]).all(axis=(1, 2)) & np.isfinite(own.scale(squared))
    )


def _quality(given: Points, squared: FloatArray, layout: PointLayout) -> Quality:
    """What of a film's quality points can tell."""
    times, frames = given.times, len(given.times)
    found = _whole(squared, layout)
    steps = np.diff(times)
    interval = float(np.median(steps)) if frames > 1 else None
    duration = float(times[-1] - times[0]) + interval if interval else 0.0
    lost = float(np.clip(np.round(steps / interval) - 1, 0, None).sum()) if interval else 0.0
    seen = squared[found]
    tilt = np.degrees(geometry.roll(seen, layout.geometry))
    pose = None
    if layout.depth and seen.shape[2] == 3 and len(seen) and np.isfinite(seen).all():
        pose = quality.head_pose(seen) if np.ptp(seen[:, :, 2]) > 0 else None
    width, height = given.size or (0, 0)
    across = given.points[found][:, :, 0]
    size = np.nanmax(across, axis=1) - np.nanmin(across, axis=1)
    share = size if _is_normalised(given) else size / width if width else np.empty(0)
    return Quality(
        face_found_rate=_rounded(found.mean()),
        faces_max=given.faces if found.any() else 0,
        turned_rate=_rounded(quality.turned(pose).mean()) if pose is not None else 0.0,
        tilted_rate=_rounded((np.abs(tilt) > quality.MAX_ROLL).mean()) if len(tilt) else 0.0,
        yaw=None if pose is None else round(float(np.median(pose[:, 0])), 1),
        pitch=None if pose is None else round(float(np.median(pose[:, 1])), 1),
        roll=round(float(np.median(tilt)), 1) if len(tilt) else None,
        face_size=_rounded(np.median(share)) if len(share) else None,
        frame_rate=round(1 / interval, 2) if interval else None,
        effective_frame_rate=round(int(found.sum()) / duration, 2) if duration else None,
        dropped_share=_rounded(lost / (lost + frames)),
        longest_gap_s=round(float(steps.max()), 4) if len(steps) else 0.0,
        longest_still_s=round(_longest_still(times, squared), 4),
        duration_s=round(duration, 4),
        frames=frames,
        width=width,
        height=height,
    )


def _is_normalised(given: Points) -> bool:
    known = np.abs(given.points[:, :, :2])
    known = known[np.isfinite(known)]
    return not len(known) or float(np.quantile(known, 0.99)) <= NORMALISED_WITHIN


def _longest_still(times: FloatArray, squared: FloatArray) -> float:
    """Seconds of the longest stretch with the very same points: detectors waver on any picture
    that moves, so that the film stood still, or that frames were filled in."""
    longest = since = 0.0
    for before in range(len(times) - 1):
        if np.array_equal(squared[before], squared[before + 1]):
            longest = max(longest, float(times[before + 1] - times[0]) - since)
        else:
            since = float(times[before + 1] - times[0])
    return longest


def _rounded(value: float | np.floating[Any]) -> float:
    return round(float(value), 4)


def _columns(values: FloatArray, names: Sequence[str]) -> dict[str, tuple[float | None, ...]]:
    return {name: series(values[:, i], SIGNAL_DECIMALS) for i, name in enumerate(names)}


def _stats(signals: FloatArray, names: Sequence[str]) -> dict[str, float]:
    """As of a film: plain numbers to ten decimals, empty without a face."""
    named: dict[str, float] = {}
    for name, (mean, variance) in geometry.stats(signals, names).items():
        if math.isfinite(mean):
            named |= {f"{name}_mean": round(mean, 10), f"{name}_var": round(variance, 10)}
    return named
