"""Intensity curves on a steady 10 Hz grid, for the LSTM alone.

Signs are measured at the video's own timestamps; a network that steps through time needs equal
steps. Samples are averages over a smooth window, so that what is faster than the grid can show is
removed and not folded into slow movement. A curve is padded and masked, never stretched: how long
a movement takes is what rigidity is about.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.intensity.source import IntensityCurve, SourceIdentity, one_source

FloatArray = npt.NDArray[np.floating[Any]]
BoolArray = npt.NDArray[np.bool_]

RATE = 10.0
# Half the Hann window in steps of the grid: its spectrum is zero from 1 / 1.5 steps on (6.7 Hz at
# 10 Hz) and 0.16 at the grid's own limit of 5 Hz.
HALF_WINDOW = 1.5


@dataclass(frozen=True, eq=False)
class SessionCurves:
    """One person's curves on the grid: ``values`` (T, E) with 0 where ``mask`` (T, E) is False.

    ``source`` None when no curve at all is there. ``signs`` (S,) that the model asks for beside the
    curves (``summary.SIGNS``), NaN where they are not known; none by default.
    """

    values: npt.NDArray[np.float32]
    mask: BoolArray
    source: SourceIdentity | None
    signs: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))


def resample(t: FloatArray, values: FloatArray, rate: float = RATE) -> tuple[FloatArray, BoolArray]:
    """``values`` (N,) at ``t`` (N,) seconds, NaN unknown → (T,) on the grid from 0 s and its mask.

    A grid point is known when a known value lies within one step of it.
    """
    known = np.isfinite(values) & np.isfinite(t)
    t, values = np.asarray(t)[known], np.asarray(values)[known]
    if not len(t):
        return np.zeros(0), np.zeros(0, dtype=bool)
    grid = np.arange(int(np.floor(t[-1] * rate + 1e-6)) + 1) / rate
    distance = np.abs(grid[:, None] - t[None, :]) * rate
    hann = np.where(distance < HALF_WINDOW, 0.5 * (1 + np.cos(np.pi * distance / HALF_WINDOW)), 0.0)
    # Each value stands for the time around it, so that a burst of frames does not count more.
    weights = hann * _share_of_time(t, 1 / rate)
    total = weights.sum(axis=1)
    mask = (distance.min(axis=1) <= 1.0) & (total > 0)
    smooth = np.where(mask, weights @ values / np.where(total > 0, total, 1.0), 0.0)
    return smooth, mask


def stack(
    curves: Mapping[str, IntensityCurve], expressions: Sequence[str], longest: float
) -> SessionCurves:
    """One session's curves side by side, cut at ``longest`` seconds; missing ones are masked.

    Raises ``SourceError`` when they come from different sources.
    """
    source = one_source(curves.values())
    columns = [
        resample(curves[e].t, curves[e].intensity) if e in curves else (np.zeros(0), np.zeros(0))
        for e in expressions
    ]
    length = min(max((len(v) for v, _ in columns), default=0), round(longest * RATE) + 1)
    values = np.zeros((length, len(expressions)), np.float32)
    mask = np.zeros((length, len(expressions)), dtype=bool)
    for index, (column, known) in enumerate(columns):
        count = min(len(column), length)
        values[:count, index], mask[:count, index] = column[:count], known[:count]
    return SessionCurves(values, mask, source)


def _share_of_time(t: FloatArray, most: float) -> FloatArray:
    """(N,) half the time to either neighbour, at most one step: a gap belongs to nobody."""
    if len(t) < 2:
        return np.ones(len(t))
    gaps = np.minimum(np.diff(t), most)
    return np.asarray(np.concatenate([[gaps[0]], gaps]) + np.concatenate([gaps, [gaps[-1]]])) / 2
