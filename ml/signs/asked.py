"""What was asked, what was done: notes on one clip, from the curves of all expressions.

Each rule asks for a clear movement that should not be there, or for a state of most of the clip;
none looks at how little a face moves, so that a weak but right performance is never noted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.signal import find_peaks

from ml.intensity.source import IntensityCurve
from ml.measuring.blinks import bridged
from ml.measuring.geometry import SIGNALS
from ml.measuring.measurement import Measurement
from ml.measuring.smoothing import local_line
from ml.signs import repetitions
from ml.signs.signs import asymmetry
from vocabulary.expressions import POSED, Expression
from vocabulary.notes import Note

FloatArray = npt.NDArray[np.floating[Any]]

CLEAR = 0.4  # intensity that nobody takes for rest
MOVED_S = 0.5  # seconds of it within a rest clip
OWN_SHARE = 0.3  # of the other expression's peak; with less of its own it was another one
MORE_BY = 2  # repetitions beyond those prompted
LOPSIDED = 0.7  # asymmetry of a face of which one half moves
SHUT_SHARE, SHUT = 0.4, 0.04  # of the eyes' usual opening, and in eye distances: shut below both
SHUT_MOST = 0.6  # of the clip
SPOKEN_OPENING, SPOKEN_RATE = 0.05, 0.8  # eye distances of one opening; openings a second
LIPS_SMOOTH_S = 0.04


@dataclass(frozen=True)
class Done:
    """``notes`` in the order of :class:`~vocabulary.notes.Note`; ``shown``: the expression that was
    shown where another one was asked for; ``weight``: what the clip counts for, 0 to 1."""

    notes: tuple[Note, ...] = ()
    shown: str | None = None

    @property
    def weight(self) -> float:
        return min((note.weight for note in self.notes), default=1.0)


NOTHING_ELSE = Done()


def done(
    measured: Measurement, curves: Mapping[str, IntensityCurve], rest: Measurement | None = None
) -> Done:
    """``curves`` of this very clip, by expression; ``rest``: the person's rest clip, if there is
    one."""
    expression = Expression(measured.expression)
    peaks = {e: repetitions.peak_of(c.intensity) for e, c in curves.items() if e in POSED}
    found = set()
    if expression is Expression.REST and _moved(curves):
        found.add(Note.MOVED_AT_REST)
    if expression in peaks:
        found |= _posed(measured, curves[expression], peaks)
    if _eyes_closed(measured, rest):
        found.add(Note.EYES_CLOSED)
    if expression is not Expression.FREE and _talking(measured):
        found.add(Note.TALKING)
    shown = max(peaks, key=lambda e: peaks[e]) if Note.ANOTHER_EXPRESSION in found else None
    return Done(tuple(note for note in Note if note in found), shown)


def _moved(curves: Mapping[str, IntensityCurve]) -> bool:
    """Whether some expression is clearly there for a while."""
    for expression, curve in curves.items():
        step = float(np.median(np.diff(curve.t))) if len(curve.t) > 1 else 0.0
        if expression in POSED and step * np.sum(curve.intensity > CLEAR) >= MOVED_S:
            return True
    return False


def _posed(measured: Measurement, curve: IntensityCurve, peaks: Mapping[str, float]) -> set[Note]:
    own = peaks[measured.expression]
    other = max((peak for e, peak in peaks.items() if e != measured.expression), default=0.0)
    found = set()
    if other >= CLEAR and own < OWN_SHARE * other:
        found.add(Note.ANOTHER_EXPRESSION)
    if own >= CLEAR:
        asked = len(measured.cues or ())
        made = len(repetitions.find(curve.t, curve.intensity, curve.smoothed_s))
        if asked and made < asked:
            found.add(Note.FEWER_REPETITIONS)
        if asked and made >= asked + MORE_BY:
            found.add(Note.MORE_REPETITIONS)
        if abs(asymmetry(measured) or 0.0) >= LOPSIDED:
            found.add(Note.ONE_HALF)
    return found


def _eyes_closed(measured: Measurement, rest: Measurement | None) -> bool:
    opening = _opening(measured)
    usual = _opening(measured if rest is None else rest)
    if not len(opening) or not len(usual):
        return False
    shut = max(SHUT_SHARE * float(np.quantile(usual, 0.8)), SHUT)
    return float(np.mean(opening < shut)) >= SHUT_MOST


def _opening(measured: Measurement) -> FloatArray:
    """(N,) of both eyes, blinks looked through, where a face was seen."""
    signals = bridged(np.array(measured.timestamps), measured.signal_table())
    both = signals[:, [SIGNALS.index(f"eye-open-{side}") for side in ("right", "left")]].mean(
        axis=1
    )
    return np.asarray(both[np.isfinite(both)])


def _talking(measured: Measurement) -> bool:
    """Lips that part and meet again and again, faster than any expression is repeated."""
    times, signals = np.array(measured.timestamps), measured.signal_table()
    lips = local_line(times, signals[:, [SIGNALS.index("mouth-open")]], LIPS_SMOOTH_S)[:, 0]
    seen = np.isfinite(lips)
    lasted = float(times[seen][-1] - times[seen][0]) if seen.sum() > 2 else 0.0
    if lasted < 1.0:
        return False
    openings, _ = find_peaks(lips[seen], prominence=SPOKEN_OPENING)
    return len(openings) / lasted >= SPOKEN_RATE
