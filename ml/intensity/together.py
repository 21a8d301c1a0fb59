"""How far a face is along an expression, from all signals that move together, and when it rests.

The fixed direction of an expression says how far a movement goes; it reads few signals, each with
its own noise. Signals that rise and fall with it carry the same movement in time, so the time
course is read from all of them: a factor model with one factor, begun from the fixed direction and
kept on its scale.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.measuring.blinks import runs

FloatArray = npt.NDArray[np.floating[Any]]

ROUNDS = 10  # more change nothing
LEAST_AGREEMENT = 0.3  # of the fixed direction's variance that the common time course explains
LEAST_OWN = 0.07  # healthy displacements; no signal is trusted to less
CALM_SHARE = 0.3  # of a clip that alternates, this much at least is rest
CONSISTENT_MAD = 1.4826  # makes a median absolute deviation a standard deviation


@dataclass(frozen=True)
class Calm:
    """A face's level at rest and the standard deviation of its wavering about it."""

    level: float
    waver: float


@dataclass(frozen=True)
class RestLimits:
    """How a curve's rest is told from movement, in units of intensity.

    The clip's own rest may lie ``most_shift`` from that of the rest clip (the head turned a
    little); what lies farther is held movement and stays. The floor is ``floor_wavers`` times the
    face's own wavering, within ``least_floor`` and ``most_floor``; a stretch of movement rises to
    ``stands_out_wavers`` times it, or to ``most_stands_out``, at least once.
    """

    most_shift: float
    floor_wavers: float
    least_floor: float
    most_floor: float
    stands_out_wavers: float
    most_stands_out: float


def loadings(z: FloatArray, direction: FloatArray) -> FloatArray:
    """(K,) weights of the signals ``z`` (T, K) for the movement that ``direction`` (K,) reads.

    Each signal is its share of one common time course plus noise of its own, fitted by expectation
    maximisation (Rubin & Thayer, Psychometrika 1982). Scaled so that ``z @ weights`` is as large as
    ``z @ direction`` as far as the two agree. The direction itself where nothing moves, and where
    most of what the signals share is another movement: a weak expression beside turns of the head.
    """
    centred = z - z.mean(axis=0)
    first = centred @ direction
    power = float(first @ first)
    if power <= 1e-9 * len(z):
        return direction
    spread = centred.T @ centred / len(z)
    share = centred.T @ first / np.sqrt(len(z) * power)
    own = np.maximum(np.diag(spread) - share**2 / 2, LEAST_OWN**2)
    for _ in range(ROUNDS):
        guess = (share / own) / (1.0 + share @ (share / own))
        covered = spread @ guess
        share = covered / (1.0 - guess @ share + guess @ covered)
        own = np.maximum(np.diag(spread) - share * covered, 0.0) + LEAST_OWN**2
    weights = share / own
    course = centred @ weights
    both, whole = float(course @ first), float(course @ course)
    if both**2 < LEAST_AGREEMENT * whole * power:
        return direction
    return np.asarray(weights * both / whole)


def calm_of(course: FloatArray) -> Calm:
    """Level and waver of the rest within a clip that alternates, from ``course`` (T,) alone.

    The level is the middle of the shortest interval that holds ``CALM_SHARE`` of the clip in the
    lower half of its range; what lies below the level can only be wavering.
    """
    least, most = np.quantile(course, [0.02, 0.98])
    low = np.sort(course[course <= (least + most) / 2])
    count = int(np.clip(CALM_SHARE * len(course), 1, len(low)))
    widths = low[count - 1 :] - low[: len(low) - count + 1]
    start = int(np.argmin(widths))
    level = float(low[start] + low[start + count - 1]) / 2
    below = level - course[course < level]
    return Calm(level, CONSISTENT_MAD * float(np.median(below)) if len(below) else 0.0)


def firm(course: FloatArray, floor: float) -> FloatArray:
    """0 up to ``floor``, the value itself from twice the floor on, a line between: a curve without
    a step, whose heights are not lowered (firm shrinkage, Gao & Bruce, Statistica Sinica 1997)."""
    return np.asarray(np.clip(2.0 * (course - floor), 0.0, np.maximum(course, 0.0)))


def standing_out(course: FloatArray, least: float) -> FloatArray:
    """``course`` (T,) without the stretches that never reach ``least``: wavering, no movement."""
    kept = np.array(course)
    for start, stop in runs(course > 0):
        if course[start:stop].max() < least:
            kept[start:stop] = 0.0
    return kept


def above_rest(course: FloatArray, rested: FloatArray | None, limits: RestLimits) -> FloatArray:
    """Displacement ``course`` (T,) as intensity: 0 at rest, heights kept.

    ``rested`` (R,) the same of the person's rest clip, None where there is none; then the calm of
    the clip itself is the rest, wherever it lies.
    """
    calm = calm_of(course)
    waver = calm.waver
    if rested is not None:
        spread = float(np.median(np.abs(rested - np.median(rested))))
        waver = max(waver, CONSISTENT_MAD * spread)
    if rested is None or abs(calm.level) <= limits.most_shift:
        course = course - calm.level
    floor = float(np.clip(limits.floor_wavers * waver, limits.least_floor, limits.most_floor))
    least = min(limits.stands_out_wavers * waver, limits.most_stands_out)
    return standing_out(firm(course, floor), least)
