"""Blinks: found in the eye-open signals, counted at rest, bridged before movement is measured.

A blink closes the lids for 0.1 to 0.4 s. It moves the eye-open signals by more than most
expressions do (and eye-raise with them, whose pairs start at the lid), so an intensity curve must
look through it; at rest its rate is a sign of its own.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import median_filter

from ml.measuring.geometry import SIGNALS

FloatArray = npt.NDArray[np.floating[Any]]
Mask = npt.NDArray[np.bool_]

# A blink goes below this share of the eye's usual opening; neighbours count as long as they are
# below the second share.
DEPTH = 0.65
EDGE = 0.88
LONGEST_S = 0.8
USUAL_WINDOW_S = 2.0
MIN_RATE = 12.0  # frames per second below which a blink can fall between two frames

_RIGHT, _LEFT = SIGNALS.index("eye-open-right"), SIGNALS.index("eye-open-left")
EYE_SIGNALS = tuple(i for i, name in enumerate(SIGNALS) if name.startswith("eye-"))


def blink_masks(times: FloatArray, signals: FloatArray) -> list[Mask]:
    """One (T,) mask for each blink, in order. ``times`` (T,) s; ``signals`` (T, 7), NaN allowed."""
    opening = (signals[:, _RIGHT] + signals[:, _LEFT]) / 2
    seen = np.isfinite(opening)
    if seen.sum() < 3:
        return []
    filled = np.interp(times, times[seen], opening[seen])
    usual = _usual(times, filled)
    low = filled < EDGE * usual
    masks = []
    for start, stop in runs(low):
        deep = filled[start:stop] < DEPTH * usual[start:stop]
        lasted = times[min(stop, len(times) - 1)] - times[max(start - 1, 0)]
        if deep.any() and lasted <= LONGEST_S:
            mask = np.zeros(len(times), bool)
            mask[max(start - 1, 0) : stop + 1] = True
            masks.append(mask)
    return masks


def bridged(times: FloatArray, signals: FloatArray) -> FloatArray:
    """``signals`` (T, 7) with the eye signals drawn straight across each blink."""
    masks = blink_masks(times, signals)
    if not masks:
        return signals
    closed = np.any(masks, axis=0)
    open_frames = ~closed & np.isfinite(signals[:, _RIGHT])
    if open_frames.sum() < 2:
        return signals
    result = np.array(signals, dtype=np.float64)
    for column in EYE_SIGNALS:
        across = np.interp(times[closed], times[open_frames], signals[open_frames, column])
        result[closed, column] = np.where(np.isfinite(signals[closed, column]), across, np.nan)
    return result


def _usual(times: FloatArray, opening: FloatArray) -> FloatArray:
    """The eye's opening around each moment: a running median much longer than a blink."""
    step = float(np.median(np.diff(times)))
    window = max(3, round(USUAL_WINDOW_S / max(step, 1e-3)) | 1)
    usual: FloatArray = median_filter(
        opening, size=min(window, 2 * len(opening) - 1), mode="nearest"
    )
    return usual


def runs(mask: Mask) -> list[tuple[int, int]]:
    """(start, stop) of each stretch of True, stop exclusive."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
