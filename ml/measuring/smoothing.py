"""Smoothing at a video's own, uneven timestamps, without shifting anything in time."""

from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating[Any]]


def local_line(times: FloatArray, values: FloatArray, width: float) -> FloatArray:
    """Each value replaced by a straight line through its neighbours in time, weighted by a
    Gaussian of standard deviation ``width`` seconds.

    ``times`` (T,) s, increasing; ``values`` (T, K), NaN where unknown (and there they stay NaN).
    A line, not a mean, so that the first and last moments and slopes are not bent. Frames that
    are missing simply weigh nothing. Returns (T, K) float64.
    """
    count = len(times)
    if count < 3:
        return np.array(values, dtype=np.float64)
    step = float(np.median(np.diff(times)))
    reach = int(np.clip(np.ceil(3 * width / max(step, 1e-3)), 1, max(1, count - 1)))
    padding = [(reach, reach), (0, 0)]
    near_t = _windows(np.pad(np.asarray(times, np.float64)[:, None], padding), reach)[..., 0]
    table = np.asarray(values, np.float64)
    known = np.isfinite(table)
    near = _windows(np.pad(np.where(known, table, 0.0), padding), reach)
    weight_known = _windows(np.pad(known.astype(np.float64), padding), reach)
    away = near_t - np.asarray(times, np.float64)[:, None]
    bell = np.exp(-0.5 * (away / width) ** 2)[..., None] * weight_known
    x = away[..., None]
    s0, s1, s2 = bell.sum(1), (bell * x).sum(1), (bell * x * x).sum(1)
    y0, y1 = (bell * near).sum(1), (bell * near * x).sum(1)
    determinant = s0 * s2 - s1 * s1
    alone = determinant <= 1e-9 * width**2 * s0 * s0
    with np.errstate(invalid="ignore", divide="ignore"):
        line = np.where(alone, y0 / s0, (s2 * y0 - s1 * y1) / determinant)
    return np.where(known, line, np.nan)


def _windows(padded: FloatArray, reach: int) -> FloatArray:
    """(T + 2·reach, K) → (T, 2·reach + 1, K)."""
    view = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=0)
    return np.moveaxis(view, -1, 1)
