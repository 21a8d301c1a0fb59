"""An intensity curve, cut into its repetitions: when each began, how fast it rose and fell.

All times are the video's own. Onsets are extrapolated: a movement is seen only once it stands
above the noise, so its beginning is where the minimum-jerk profile (Flash & Hogan, J Neurosci
1985: 10 s³ − 15 s⁴ + 6 s⁵) through the seen part of its rise starts from zero. A source that
smooths its curve makes every rise longer than it was; the known width of the smoothing is taken off
again, as variances of a movement's speed over time add up.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.measuring.blinks import runs

FloatArray = npt.NDArray[np.floating[Any]]

LEAST_PEAK = 0.05  # of the healthy displacement; what stays below is no movement
HIGH_SHARE, LOW_SHARE = 0.5, 0.25  # of the clip's peak, for hysteresis
SHORTEST_S = 0.15
PLATEAU_SHARE = 0.8
_RISE_LEVELS = np.linspace(0.2, 0.8, 13)
_S = np.linspace(0, 1, 1001)
_PROFILE = 10 * _S**3 - 15 * _S**4 + 6 * _S**5
_LOW_LEVEL, _HIGH_LEVEL = 0.2, 0.8
# A minimum-jerk rise of D seconds, smoothed with standard deviation s, is fitted with the duration
# √(D² + 20.5 s²): within 4 % for D from 0.35 to 0.9 s and s from 0.08 to 0.16 s (computed).
_WIDENING = 20.5
_LEAST_SHARE = 0.3  # of the fitted duration is left, whatever the smoothing


@dataclass(frozen=True)
class Repetition:
    """One rise and fall. Times in seconds, rates in intensity per second, None where the clip
    begins or ends in the middle of it. ``jitter`` is the plateau's standard deviation about its
    own straight line."""

    start: float
    end: float
    peak_at: float
    peak: float
    onset: float | None
    rise_rate: float | None
    decay_rate: float | None
    jitter: float | None


def peak_of(intensity: FloatArray) -> float:
    """The 98th percentile of what was seen: a peak that one bad frame cannot make."""
    seen = intensity[np.isfinite(intensity)]
    return float(np.quantile(seen, 0.98)) if len(seen) else 0.0


def find(t: FloatArray, intensity: FloatArray, smoothed_s: float = 0.0) -> list[Repetition]:
    """``t`` (N,) seconds, ``intensity`` (N,) with NaN where no face was seen; ``smoothed_s`` how
    much the curve was smoothed (standard deviation, seconds)."""
    seen = np.isfinite(intensity)
    peak = peak_of(intensity)
    if seen.sum() < 4 or peak < LEAST_PEAK:
        return []
    t, curve = t[seen], intensity[seen]
    found = []
    for start, stop in runs(curve > LOW_SHARE * peak):
        part = curve[start:stop]
        if part.max() >= HIGH_SHARE * peak and t[stop - 1] - t[start] >= SHORTEST_S:
            found.append(_repetition(t, curve, (start, stop), smoothed_s))
    return found


def _repetition(
    t: FloatArray, curve: FloatArray, where: tuple[int, int], smoothed_s: float
) -> Repetition:
    start, stop = where
    part = curve[start:stop]
    height = float(np.quantile(part, 0.9))
    above = start + np.flatnonzero(part >= PLATEAU_SHARE * height)
    first, last = int(above[0]), int(above[-1])
    up = _crossings(t, curve, first, -1, height)
    down = _crossings(t, curve, last, +1, height)
    rise, fall = _slope(up, smoothed_s), _slope(down, smoothed_s)
    flat = slice(first, last + 1)
    return Repetition(
        start=float(t[start]),
        end=float(t[stop - 1]),
        peak_at=float(t[start + int(np.argmax(part))]),
        peak=height,
        onset=None if rise is None or rise.lasted <= 0 else rise.middle - rise.lasted / 2,
        rise_rate=_rate(up, height, rise),
        decay_rate=_rate(down, height, fall),
        jitter=_jitter(t[flat], curve[flat]),
    )


def _crossings(
    t: FloatArray, curve: FloatArray, at: int, step: int, height: float
) -> dict[float, float]:
    """Times at which the curve passes each level (share of ``height``), walking away from ``at``
    down the slope; a level that is not reached within the clip is absent."""
    times: dict[float, float] = {}
    i = at
    for level in sorted({*_RISE_LEVELS, _LOW_LEVEL, _HIGH_LEVEL}, reverse=True):
        wanted = level * height
        while 0 <= i < len(curve) and curve[i] > wanted:
            i += step
        if not 0 <= i < len(curve):
            break
        inner = i - step
        if not 0 <= inner < len(curve) or curve[inner] <= wanted:
            continue
        share = (curve[inner] - wanted) / (curve[inner] - curve[i])
        times[float(level)] = float(t[inner] + share * (t[i] - t[inner]))
    return times


@dataclass(frozen=True)
class _Slope:
    """The minimum-jerk profile through a rise or fall: its middle and how long it lasted, in
    seconds (below 0 for a fall), and which share of the fitted duration that is."""

    middle: float
    lasted: float
    share: float


def _slope(crossings: dict[float, float], smoothed_s: float) -> _Slope | None:
    """Least squares on the profile's phase; the smoothing's width is taken off."""
    levels = [level for level in map(float, _RISE_LEVELS) if level in crossings]
    if len(levels) < 4:
        return None
    phase = np.interp(levels, _PROFILE, _S)
    fitted, begin = np.polyfit(phase, [crossings[level] for level in levels], 1)
    if fitted == 0:
        return None
    share = np.sqrt(max(1.0 - _WIDENING * (smoothed_s / fitted) ** 2, _LEAST_SHARE**2))
    return _Slope(float(begin + fitted / 2), float(fitted * share), float(share))


def _rate(crossings: dict[float, float], height: float, slope: _Slope | None) -> float | None:
    """Intensity per second between a fifth and four fifths of the height."""
    low, high = crossings.get(_LOW_LEVEL), crossings.get(_HIGH_LEVEL)
    if low is None or high is None or low == high:
        return None
    share = 1.0 if slope is None else slope.share
    return (_HIGH_LEVEL - _LOW_LEVEL) * height / abs(high - low) / share


def _jitter(t: FloatArray, plateau: FloatArray) -> float | None:
    if len(plateau) < 6:
        return None
    slope = np.polyfit(t - t[0], plateau, 1)
    return float(np.std(plateau - np.polyval(slope, t - t[0])))


def mean_speed(t: FloatArray, intensity: FloatArray) -> float | None:
    """Mean |dI/dt| over the intervals whose both ends were seen, intensity per second."""
    both = np.isfinite(intensity[1:]) & np.isfinite(intensity[:-1])
    if not both.any():
        return None
    steps, lasted = np.abs(np.diff(intensity)[both]), np.diff(t)[both]
    return float(steps.sum() / lasted.sum())


def latencies(found: list[Repetition], cues: tuple[float, ...], early: float = 0.1) -> list[float]:
    """Seconds from each prompt to the first onset after it and before the next prompt.

    A movement that began up to ``early`` seconds before its prompt counts as 0 (the cue's own
    time is not exact); prompts without an answer give nothing.
    """
    ends = (*cues[1:], float("inf"))
    answers = []
    onsets = [r.onset for r in found if r.onset is not None]
    for cue, end in zip(cues, ends, strict=True):
        after = [onset for onset in onsets if cue - early <= onset < end - early]
        if after:
            answers.append(max(0.0, after[0] - cue))
    return answers
