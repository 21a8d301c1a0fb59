"""The measured signs of one clip: expressivity and rigidity from its curve, and the face at rest.

Each sign has its unit, and a percentile only where the bundle carries a norm for exactly that
number (clip means and variances of the seven signals). No band is drawn where none was measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy.signal import lombscargle

from ml.intensity.source import IntensityCurve
from ml.measuring.blinks import MIN_RATE, blink_masks, bridged
from ml.measuring.geometry import CORNERS, SIGNALS
from ml.measuring.measurement import Measurement, table
from ml.measuring.smoothing import local_line
from ml.signs import repetitions
from vocabulary import assessment as shape
from vocabulary.expressions import Expression
from vocabulary.signs import EXPRESSIVITY, SIGNS

FloatArray = npt.NDArray[np.floating[Any]]

MIN_EFFECTIVE_RATE = 10.0  # frames per second; below, latency and rates are not given
LIPS_PARTED = 0.03  # mouth-open in eye distances; about 2 mm, closed lips read 0.00–0.01
TREMOR_BAND = (3.5, 7.5)  # Hz
TREMOR_MIN_RATE = 15.0  # frames per second: twice the band's upper end
TREMOR_MIN_SECONDS = 2.0
SLOW_S = 0.12  # smoothing that lets no more than 3 % of the band through
LEAST_SIDE = 0.02  # eye distances; two sides that both move less have no asymmetry


class Percentiles(Protocol):
    """What the signs need of a bundle's norms."""

    @property
    def reference(self) -> str: ...

    def percentile(self, column: str, value: float | None) -> float | None: ...


@dataclass(frozen=True)
class Sign:
    """``value`` None: could not be told from this clip. ``percentile`` 0 to 100 among the people
    that ``norm`` names, both None where nobody was measured."""

    name: str
    value: float | None
    unit: str
    percentile: float | None = None
    norm: str | None = None

    def to_json(self) -> shape.Sign:
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "percentile": self.percentile,
            "norm": self.norm,
        }


def signs(
    measured: Measurement, curve: IntensityCurve, norms: Percentiles | None = None
) -> list[Sign]:
    """All signs of a measured clip, in the order in which they are shown."""
    if measured.expression == Expression.REST:
        own = at_rest(measured)
    else:
        own = _expressivity(curve) + _rigidity(measured, curve)
    return own + _statistics(measured, norms)


def _sign(name: str, value: float | None) -> Sign:
    known = value is not None and np.isfinite(value)
    unit = SIGNS[name].unit
    return Sign(name, round(float(value), 5) if known and value is not None else None, unit)


def _expressivity(curve: IntensityCurve) -> list[Sign]:
    """Peak (98th percentile), amplitude over the clip's calm, mean, area and repetitions."""
    intensity = curve.intensity
    seen = intensity[np.isfinite(intensity)]
    if not len(seen):
        return [_sign(name, None) for name in EXPRESSIVITY]
    peak = repetitions.peak_of(intensity)
    calm = float(np.quantile(seen, 0.1))
    at = curve.t[np.isfinite(intensity)]
    return [
        _sign("peak", peak),
        _sign("amplitude", peak - calm),
        _sign("mean", float(seen.mean())),
        _sign("area", float(np.trapz(seen, at))),
        _sign("repetitions", float(len(repetitions.find(curve.t, intensity)))),
    ]


def _rigidity(measured: Measurement, curve: IntensityCurve) -> list[Sign]:
    """Latency from the prompt, rates, speed, plateau jitter, asymmetry (medians where repeated)."""
    found = repetitions.find(curve.t, curve.intensity, curve.smoothed_s)
    timed = _rate_of(curve) >= MIN_EFFECTIVE_RATE
    latency = repetitions.latencies(found, measured.cues) if measured.cues else []
    speed = repetitions.mean_speed(curve.t, curve.intensity)
    return [
        _sign("onset-latency", _median(latency) if timed else None),
        _sign("rise-rate", _median([r.rise_rate for r in found]) if timed else None),
        _sign("decay-rate", _median([r.decay_rate for r in found]) if timed else None),
        _sign("mean-speed", speed if timed else None),
        _sign("plateau-jitter", _median([r.jitter for r in found])),
        _sign("asymmetry", asymmetry(measured)),
    ]


def _rate_of(curve: IntensityCurve) -> float:
    """Values per second that the curve really holds."""
    at = curve.t[np.isfinite(curve.intensity)]
    lasted = float(at[-1] - at[0]) if len(at) > 1 else 0.0
    return (len(at) - 1) / lasted if lasted else 0.0


def _median(values: list[float] | list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def asymmetry(measured: Measurement) -> float | None:
    """(left − right) / larger movement of the two sides, −1 to 1: above 0 the right moves less.

    Of the pairs that the expression's entry names (the corners of the mouth for a smile, the brows
    for surprise, …). The person's own right and left. None where neither side moves.
    """
    times = np.array(measured.timestamps)
    signals = bridged(times, measured.signal_table())
    sides = {
        "corner": table(measured.corners, CORNERS, len(times)),
        "raise": signals[:, [SIGNALS.index(f"eye-raise-{side}") for side in ("right", "left")]],
        "open": signals[:, [SIGNALS.index(f"eye-open-{side}") for side in ("right", "left")]],
    }
    used = Expression(measured.expression).entry.sides
    right, left = np.sum([_range(sides[name]) for name in used], axis=0)
    larger = max(right, left)
    if not np.isfinite(larger) or larger < LEAST_SIDE:
        return None
    return float((left - right) / larger)


def _range(pair: FloatArray) -> FloatArray:
    """(2,) how far each of two columns moves, outliers aside."""
    if not np.isfinite(pair).any():
        return np.full(2, np.nan)
    return np.asarray(np.nanquantile(pair, 0.95, axis=0) - np.nanquantile(pair, 0.05, axis=0))


def blinking(measured: Measurement) -> tuple[int, float] | None:
    """Blinks of one clip and the seconds in which the face was seen; None where the clip has too
    few frames a second to show them."""
    times, signals = np.array(measured.timestamps), measured.signal_table()
    seen = np.isfinite(signals[:, 0])
    lasted = float(times[-1] - times[0]) if len(times) > 1 else 0.0
    if not lasted or seen.sum() / lasted < MIN_RATE:
        return None
    return len(blink_masks(times, signals)), lasted * float(seen.mean())


def at_rest(measured: Measurement) -> list[Sign]:
    """Of a rest clip: blinks a minute, share of the time with parted lips, tremor of the jaw."""
    times = np.array(measured.timestamps)
    signals = measured.signal_table()
    seen = np.isfinite(signals[:, 0])
    lasted = float(times[-1] - times[0]) if len(times) > 1 else 0.0
    rate = float(seen.sum()) / lasted if lasted else 0.0
    blinked = blinking(measured)
    parted = signals[seen, SIGNALS.index("mouth-open")] > LIPS_PARTED
    return [
        _sign("blink-rate", 60 * blinked[0] / blinked[1] if blinked else None),
        _sign("lips-parted", float(parted.mean()) if len(parted) else None),
        _sign("tremor", tremor(times, signals) if rate >= TREMOR_MIN_RATE else None),
    ]


def tremor(times: FloatArray, signals: FloatArray) -> float | None:
    """Root mean square of the jaw's movement between 3.5 and 7.5 Hz, in eye distances.

    From the least-squares spectrum (Lomb and Scargle) of jaw-open at the video's own times, with
    the level of the neighbouring band (the noise of the landmarks) taken off. None for clips too
    short to hold the band.
    """
    jaw = signals[:, SIGNALS.index("jaw-open")]
    seen = np.isfinite(jaw)
    if seen.sum() < 8 or times[-1] - times[0] < TREMOR_MIN_SECONDS:
        return None
    t, jaw = times[seen] - times[seen][0], jaw[seen]
    lasted = float(t[-1])
    # Slow movement first: with frames missing, it would leak into the band.
    level = jaw - local_line(t, jaw[:, None], SLOW_S)[:, 0]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * t / lasted)
    low, high = TREMOR_BAND
    nyquist = 0.5 / float(np.median(np.diff(t)))
    frequency = np.arange(low, nyquist, 1 / lasted)
    power = lombscargle(t, level * window, 2 * np.pi * frequency) * 2 / np.sum(window**2)
    inside = frequency <= high
    noise = float(np.median(power[~inside])) if (~inside).any() else 0.0
    return float(np.sqrt(max(0.0, float(np.sum(power[inside] - noise)))))


def _statistics(measured: Measurement, norms: Percentiles | None) -> list[Sign]:
    """Mean and variance of each signal over the clip: the numbers that have norms."""
    given: Mapping[str, float] = measured.stats
    result = []
    for name, value in given.items():
        column = f"{measured.expression}_{name}"
        percentile = norms.percentile(column, value) if norms is not None else None
        known = percentile is not None
        result.append(
            Sign(
                name=name,
                value=value,
                unit=SIGNS[name].unit,
                percentile=round(percentile, 1) if percentile is not None else None,
                norm=norms.reference if known and norms is not None else None,
            )
        )
    return result
