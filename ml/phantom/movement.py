"""Programmed movement over time: smooth rises and falls, blinks, drift, tremor.

The rise is the minimum-jerk profile of Flash & Hogan (J Neurosci 1985): 10 s³ - 15 s⁴ + 6 s⁵.
Every function takes frame times (T,) in seconds and returns (T,) float64.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

BLINK_SHORTEST_S, BLINK_SHAPE = 0.3, 4.0
BLINK_CLOSE_S, BLINK_HOLD_S, BLINK_OPEN_S = 0.07, 0.02, 0.13


def minimum_jerk(progress: npt.ArrayLike) -> Floats:
    """0 → 1 while ``progress`` runs 0 → 1, with no velocity or acceleration at either end."""
    s = np.clip(np.asarray(progress, np.float64), 0.0, 1.0)
    return s**3 * (10.0 - 15.0 * s + 6.0 * s * s)


def pulse(t: Floats, start: float, rise: float, end: float, fall: float) -> Floats:
    """Rises from ``start`` for ``rise`` seconds, holds, and from ``end`` falls for ``fall``.

    A fall that begins before the rise has ended turns round smoothly below 1.
    """
    up = minimum_jerk((t - start) / rise)
    down = 1.0 - minimum_jerk((t - end) / fall)
    return up * down


def blinks(t: Floats, starts: Sequence[float]) -> Floats:
    """Lid closure, 0 open to 1 closed, for blinks that begin at ``starts``."""
    closed = np.zeros_like(t)
    for start in starts:
        held = start + BLINK_CLOSE_S + BLINK_HOLD_S
        closed = np.maximum(closed, pulse(t, start, BLINK_CLOSE_S, held, BLINK_OPEN_S))
    return closed


def blink_starts(rng: np.random.Generator, seconds: float, per_minute: float) -> list[float]:
    """Onsets of blinks: a renewal process long under way, intervals of a fixed 0.3 s plus a gamma
    of shape 4 (neither clockwork nor clusters), with that mean rate. Its counts have a known
    distribution, which the oracle uses (``oracle.py``)."""
    if per_minute <= 0:
        return []
    spread = max(60.0 / per_minute - BLINK_SHORTEST_S, 0.05)
    at, starts = -10.0 * 60.0 / per_minute, []
    while at < seconds:
        if at >= 0.0:
            starts.append(round(at, 4))
        at += BLINK_SHORTEST_S + float(rng.gamma(BLINK_SHAPE, spread / BLINK_SHAPE))
    return starts


def drift(
    t: Floats, rng: np.random.Generator, slowest: float = 0.08, fastest: float = 0.9
) -> Floats:
    """Smooth wandering with standard deviation near 1: six sines between two frequencies (Hz)."""
    frequency = np.geomspace(slowest, fastest, 6) * rng.uniform(0.85, 1.15, 6)
    phase = rng.uniform(0.0, 2.0 * np.pi, 6)
    weight = 1.0 / np.sqrt(np.arange(1, 7))
    weight /= np.sqrt(0.5 * np.sum(weight**2))
    waves = np.sin(2.0 * np.pi * t[:, None] * frequency + phase)
    return np.asarray(waves @ weight, np.float64)


def oscillation(t: Floats, rng: np.random.Generator, frequency: float) -> Floats:
    """A tremor of that frequency (Hz) whose strength wavers by a third, between -1 and 1."""
    phase = float(rng.uniform(0.0, 2.0 * np.pi))
    waver = 1.0 - 0.17 * (1.0 + np.sin(2.0 * np.pi * 0.4 * t + rng.uniform(0.0, 6.28)))
    return np.asarray(waver * np.sin(2.0 * np.pi * frequency * t + phase), np.float64)


def episodes(t: Floats, rng: np.random.Generator, share: float, length_s: float = 2.2) -> Floats:
    """0/1 with soft edges, 1 for about ``share`` of the time, in episodes of about ``length_s``.

    A drifting level crosses a threshold chosen so that the share holds for this very clip.
    """
    if share <= 0.0:
        return np.zeros_like(t)
    if share >= 1.0:
        return np.ones_like(t)
    level = drift(t, rng, 0.2 / length_s, 1.0 / length_s)
    threshold = float(np.quantile(level, 1.0 - share))
    return minimum_jerk(0.5 + (level - threshold) / 0.5)
