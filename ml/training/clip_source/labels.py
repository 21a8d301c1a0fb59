"""How strongly the expression of a training clip is shown at each moment, and from whom we know."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.cohort.clips import measured_clip
from ml.cohort.manifest import LabelledClip, Visit
from ml.intensity.blendshapes import BlendshapeSource
from ml.measuring import blendshapes
from ml.measuring.measurement import Measurement
from ml.scoring.assessment import session_curves
from vocabulary.expressions import Expression

Floats = npt.NDArray[np.float32]
#: A clip and its frames' times (N,) in seconds → intensity (N,), NaN where nobody knows it.
Truth = Callable[[LabelledClip, npt.NDArray[Any]], Floats]


def programmed(clip: LabelledClip, times: npt.NDArray[Any]) -> Floats:
    """What a drawn person was programmed to do, NaN for a clinic's clip. Rest is 0 by meaning."""
    if clip.expression == Expression.REST:
        return np.zeros(len(times), dtype=np.float32)
    known = clip.read_truth()
    if known is None:
        return np.full(len(times), np.nan, dtype=np.float32)
    curve = np.interp(times, known["t"], known["intensity"])
    return np.asarray(np.maximum(curve, 0.0), dtype=np.float32)


def taught(clips: Iterable[LabelledClip], cache: Path) -> Truth:
    """The curve of each clip's blendshapes over the same visit's rest, as a teacher for clips that
    nobody programmed; 1 is a plain, full movement. Clips are measured once, into ``cache``. Raises
    :class:`ConfigError` where there is no model for blendshapes."""
    blendshapes.required()
    rests = {clip.visit: clip for clip in clips if clip.expression == Expression.REST}
    source, kept = BlendshapeSource(), {}

    def usable(clip: LabelledClip) -> dict[str, Measurement]:
        measured = measured_clip(clip, cache, shapes=True)
        seen = measured.state == "measured" and measured.blendshapes is not None
        return {clip.expression: measured} if seen else {}

    def rest_of(visit: Visit) -> dict[str, Measurement]:
        if visit not in kept:
            kept[visit] = usable(rests[visit]) if visit in rests else {}
        return kept[visit]

    def truth(clip: LabelledClip, times: npt.NDArray[Any]) -> Floats:
        if clip.expression == Expression.REST:
            return np.zeros(len(times), dtype=np.float32)
        curve = session_curves({**rest_of(clip.visit), **usable(clip)}, source).get(clip.expression)
        if curve is None:
            return np.full(len(times), np.nan, dtype=np.float32)
        known = np.isfinite(curve.intensity)
        return np.interp(times, curve.t[known], curve.intensity[known]).astype(np.float32)

    return truth
