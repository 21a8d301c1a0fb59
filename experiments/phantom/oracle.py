"""The best that anyone could do on a phantom: Bayes' posterior over grades from the programmed
parameters and the very distributions that the grades were drawn from.

Only what a clip can show counts as seen: amplitudes, the upper face's share, speed, latency,
asymmetry, tremor, parted lips, and how many blinks happened (not the rate behind them). Figures of
a trained model on phantoms are given as a share of this oracle's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import gammainc
from scipy.stats import beta, norm

from ml.errors import ConfigError
from ml.phantom.graded_people import AMPLITUDE_RANGE, GRADES, GradeConfig
from ml.phantom.movement import BLINK_SHAPE, BLINK_SHORTEST_S
from vocabulary.expressions import Expression

Floats = npt.NDArray[np.float64]

_RATE_NODES = 25
_TIME_STEPS = 400


@dataclass(frozen=True)
class Seen:
    """What one person's clips show. ``blinks`` per clip as (count, seconds)."""

    amplitudes: Mapping[Expression, float]
    upper: float
    speed: float
    latency_s: float
    asymmetry: float
    tremor: bool
    lips_parted: float
    blinks: tuple[tuple[int, float], ...]


def seen(truths: Sequence[Mapping[str, Any]]) -> Seen:
    """Gathers one person's truth files. Raises :class:`ConfigError` where there is none."""
    if not truths:
        raise ConfigError("the oracle needs at least one truth of the person")
    first = truths[0]
    posed = [truth for truth in truths if truth["expression"] != Expression.REST]
    return Seen(
        amplitudes={Expression(truth["expression"]): truth["amplitude"] for truth in posed},
        upper=first["upper"],
        speed=first["speed"],
        latency_s=first["latency_s"],
        asymmetry=first["asymmetry"],
        tremor=first["tremor"] > 0,
        lips_parted=first["lips_parted"],
        blinks=tuple((len(truth["blinks_s"]), truth["seconds"]) for truth in truths),
    )


def posterior(person: Seen, config: GradeConfig, *, at_rest: bool = True) -> Floats:
    """Probability of each grade (5,) given everything in ``person``, or, with ``at_rest`` False,
    given posed movement alone (no blinks, lips and tremor)."""
    seen_of = _log_likelihood if at_rest else _movement
    with np.errstate(divide="ignore"):
        score = np.log(config.prior()) + seen_of(person, config)
    weights = np.exp(score - score.max())
    return np.asarray(weights / weights.sum())


def p_pd(person: Seen, config: GradeConfig) -> float:
    """Probability of PD: movement tells of PD only through the grade."""
    return float(posterior(person, config) @ config.pd_given_grade())


def _log_likelihood(person: Seen, config: GradeConfig) -> Floats:
    """(5,) up to a constant. With rest alone only blinks, lips and tremor are visible."""
    total = np.zeros(len(GRADES))
    lips = float(np.clip(person.lips_parted, 1e-4, 1 - 1e-4))
    for g in GRADES:
        mean, strength = config.lips_parted[g], config.lips_parted_concentration
        total[g] += beta.logpdf(lips, mean * strength, (1 - mean) * strength)
        total[g] += np.log(abs(config.tremor_share[g] - (not person.tremor)))
    total += _blinks(person.blinks, config)
    if person.amplitudes:
        total += _movement(person, config)
    return total


def _movement(person: Seen, config: GradeConfig) -> Floats:
    total = np.zeros(len(GRADES))
    kinds = sorted(person.amplitudes)
    logs = np.log(np.clip([person.amplitudes[kind] for kind in kinds], *AMPLITUDE_RANGE))
    own = np.array([config.own_log_sd(kind) for kind in kinds])
    precision = np.linalg.inv(np.diag(own**2) + config.amplitude_shared_log_sd**2)
    for g in GRADES:
        away = logs - np.log(config.lower_face[g])
        ratio = config.upper_face[g] / config.lower_face[g]
        total[g] += -0.5 * away @ precision @ away
        total[g] += norm.logpdf(np.log(person.upper / ratio), 0, config.upper_ratio_log_sd)
        total[g] += norm.logpdf(np.log(person.speed / config.speed[g]), 0, config.speed_log_sd)
        late = np.log(person.latency_s / config.latency_s[g])
        total[g] += norm.logpdf(late, 0, config.latency_log_sd)
        total[g] += norm.logpdf(person.asymmetry, 0, config.asymmetry_sd[g])
    return total


def _blinks(clips: Sequence[tuple[int, float]], config: GradeConfig) -> Floats:
    """Log-likelihood (5,) of the blinks counted in each clip, the rate integrated out."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(_RATE_NODES)
    total = np.zeros(len(GRADES))
    for g in GRADES:
        likelihood = np.ones_like(nodes)
        for count, seconds in clips:
            middle, spread = config.blinks_per_minute[g], config.blinks_log_sd
            likelihood = likelihood * _at_nodes(count, seconds, middle, spread)
        total[g] = np.log(max(float(likelihood @ weights), 1e-300))
    return total


@lru_cache(maxsize=4096)
def _at_nodes(count: int, seconds: float, per_minute: float, log_sd: float) -> Floats:
    """``count_probability`` at the nodes of the spread of rates between people (R,)."""
    nodes, _ = np.polynomial.hermite_e.hermegauss(_RATE_NODES)
    return count_probability(count, seconds, per_minute * np.exp(log_sd * nodes))


def count_probability(count: int, seconds: float, per_minute: Floats) -> Floats:
    """Probability of exactly ``count`` blinks in ``seconds`` for each rate (R,).

    A renewal process long under way: P(N ≥ n) = (1/μ) ∫₀ᵀ (F₍ₙ₋₁₎ - Fₙ) dx, with Fₙ the
    distribution of the sum of n intervals (Cox, Renewal Theory, 1962, section 3.2).
    """
    at_least = _at_least(count, seconds, per_minute)
    return np.clip(at_least - _at_least(count + 1, seconds, per_minute), 1e-12, 1.0)


def _at_least(count: int, seconds: float, per_minute: Floats) -> Floats:
    if count == 0:
        return np.ones_like(per_minute)
    x = (np.arange(_TIME_STEPS) + 0.5) * (seconds / _TIME_STEPS)
    mean = 60.0 / per_minute[:, None]
    spread = np.maximum(mean - BLINK_SHORTEST_S, 0.05)

    def sum_of(n: int) -> Floats:
        if n == 0:
            return np.ones((len(per_minute), _TIME_STEPS))
        left = np.maximum(x - n * BLINK_SHORTEST_S, 0.0)
        return np.asarray(gammainc(BLINK_SHAPE * n, BLINK_SHAPE * left / spread))

    density = (sum_of(count - 1) - sum_of(count)) / (spread + BLINK_SHORTEST_S)
    return np.asarray(density.sum(1) * (seconds / _TIME_STEPS))
