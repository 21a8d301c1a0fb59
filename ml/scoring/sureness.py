"""How sure a probability is: the calibration learnt anew from resampled people, by each member.

Members that agree say nothing of how few people taught them all. So the calibration is fitted anew
on bootstrap samples of the held-out people that it was learnt from, and each fit is asked about
each member's log-odds: what other people of the same kind would have made of it. Ten people bear a
wide interval and no other. Why this way: docs/decisions/interval-of-the-probability.md.
"""

import numpy as np
import numpy.typing as npt
from scipy.special import expit
from scipy.stats import norm, t

Floats = npt.NDArray[np.float64]

DRAWS = 200
INTERVAL = (0.05, 0.95)
_STEPS = 25
_LONGEST_STEP = 2.0
_RIDGE = 1e-3
#: People whose draws stand in memory at once.
_BLOCK = 512


def calibrations(no_pd: Floats, pd: Floats, *, seed: int = 0) -> Floats:
    """(DRAWS, 2): scale and bias of as many fits of a logistic calibration on resampled people.

    ``no_pd`` and ``pd``: their held-out raw log-odds. Targets as in Platt (1999), a little within
    0 and 1 by how many there are, so that a sample of one class, or a separable one, has a fit.
    """
    raw = np.concatenate([no_pd, pd])
    labels = np.concatenate([np.zeros(len(no_pd)), np.ones(len(pd))])
    centre, spread = (raw.mean(), raw.std()) if len(raw) else (0.0, 1.0)
    spread = spread if spread > 0 else 1.0
    x = (raw - centre) / spread
    drawn = np.random.default_rng(seed).multinomial(
        len(raw), np.full(len(raw), 1 / max(len(raw), 1)), size=DRAWS
    )
    positive = drawn @ labels
    negative = drawn.sum(axis=1) - positive
    high, low = (positive + 1) / (positive + 2), 1 / (negative + 2)
    target = np.where(labels == 1, high[:, None], low[:, None])
    fitted = _logistic(x, target, drawn.astype(np.float64))
    scale = fitted[:, 0] / spread
    return np.stack([scale, fitted[:, 1] - scale * centre], axis=1)


def _logistic(x: Floats, target: Floats, weight: Floats) -> Floats:
    """Newton's method for all draws at once. ``x`` (n,), the others (draws, n) → (draws, 2)."""
    point = np.zeros((len(target), 2))
    for _ in range(_STEPS):
        p = expit(point[:, :1] * x + point[:, 1:])
        wrong, curved = weight * (p - target), weight * p * (1 - p)
        gradient = np.stack([wrong @ x, wrong.sum(axis=1)], axis=1) + _RIDGE * point
        a, b, c = curved @ x**2 + _RIDGE, curved @ x, curved.sum(axis=1) + _RIDGE
        inverse = np.stack([np.stack([c, -b], axis=1), np.stack([-b, a], axis=1)], axis=1)
        step = np.einsum("dij,dj->di", inverse, gradient) / (a * c - b**2)[:, None]
        point -= np.clip(step, -_LONGEST_STEP, _LONGEST_STEP)
    return point


def interval(members: Floats, fits: Floats, people: int) -> tuple[Floats, Floats]:
    """Where nine of ten log-odds lie, over all fits and all members, a little farther out where few
    ``people`` taught the fits. ``members`` (N, M) raw log-odds, ``fits`` (draws, 2) → (N,), (N,).
    """
    low, high = np.empty(len(members)), np.empty(len(members))
    for start in range(0, len(members), _BLOCK):
        block = members[start : start + _BLOCK]
        odds = block[:, None, :] * fits[:, :1] + fits[:, 1:]
        below, middle, above = np.quantile(
            odds.reshape(len(block), -1), (INTERVAL[0], 0.5, INTERVAL[1]), axis=-1
        )
        low[start : start + _BLOCK] = middle - _few(people) * (middle - below)
        high[start : start + _BLOCK] = middle + _few(people) * (above - middle)
    return low, high


def _few(people: int) -> float:
    """A bootstrap of few people is too narrow: √(n / (n − 2)) · t / z mends it, for the two numbers
    of a line (after Hesterberg 2015, doi 10.1080/00031305.2015.1089789)."""
    freedom = max(people - 2, 1)
    ratio = t.ppf(INTERVAL[1], freedom) / norm.ppf(INTERVAL[1])
    return float(np.sqrt(max(people, 3) / freedom) * ratio)
