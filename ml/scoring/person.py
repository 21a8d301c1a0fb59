"""A person's result over several sessions: estimate, band, what more would make of it, and change.

One session is a measurement, the person is what is measured. A score of session j of person i is
taken as μ + bᵢ + eᵢⱼ (one-way random effects): b with the variance *between* persons, e with the
variance *within* a person, from one session to the next. Both come from people with repeats; how
the parts are used is decided in ``docs/decisions/person.md``.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from ml.scoring.norms import LEVELS

Floats = npt.NDArray[np.float64]

# A band holds 90 %. Change is beyond what 95 % of unchanged people show: 1.96 standard errors if
# sessions scattered normally, 2.1 as people do.
BAND_Z = float(ndtri(0.95))
CHANGE_Z = 2.1

# People differ in how much their sessions scatter: the public ones' variances within a person are
# spread as if by three degrees of freedom. So what is known of everybody counts as much as four
# sessions of a person's own.
PRIOR_DF = 3.0

# A site's own repeats replace the public ones from so many people with two sessions on.
ENOUGH_PEOPLE = 30

_OUTERMOST = float(ndtri(LEVELS[-1]))
_BEYOND = 0.1
# The index's own ends, before it is rounded for a page.
_FARTHEST = _OUTERMOST + 3.0


@dataclass(frozen=True)
class Components:
    """Variance components of one score. ``mean`` in the units of its scale, ``between`` and
    ``within`` in their square; ``people`` with two sessions or more, and all their ``sessions``."""

    mean: float
    between: float
    within: float
    people: int
    sessions: int

    @property
    def icc(self) -> float:
        """ICC(1): the share of one session's variance that is the person's own."""
        return self.reliability(1)

    @property
    def sem(self) -> float:
        """Standard error of measurement of one session, in the units of the scale."""
        return float(np.sqrt(self.within))

    def reliability(self, sessions: float) -> float:
        """Of the mean of so many sessions (Spearman–Brown); 0 of none."""
        if sessions <= 0 or self.between <= 0:
            return 0.0
        return self.between / (self.between + self.within / sessions)


def variance_components(values: Floats, persons: npt.NDArray[np.str_]) -> Components:
    """From the sessions of people with repeats; who came once says nothing of the variance within,
    and is left out (such people vary less). ``values`` (N,) NaN missing, ``persons`` (N,).

    Analysis of variance for unequal numbers of sessions; a variance between persons below 0 is 0.
    Raises :class:`ValueError` with fewer than two people with repeats.
    """
    there = np.isfinite(values)
    names, code, counts = np.unique(persons[there], return_inverse=True, return_counts=True)
    repeated = counts[code] > 1
    x, code = values[there][repeated], code[repeated]
    names, code, counts = np.unique(code, return_inverse=True, return_counts=True)
    people, total = len(names), len(x)
    if people < 2:
        raise ValueError("variance components need two people with two sessions each")
    means = np.bincount(code, x) / counts
    within = ((x - means[code]) ** 2).sum() / (total - people)
    among = (counts * (means - x.mean()) ** 2).sum() / (people - 1)
    each = (total - (counts**2).sum() / total) / (people - 1)
    between = max((among - within) / each, 0.0)
    return Components(float(x.mean()), float(between), float(within), people, total)


@dataclass(frozen=True)
class Scale:
    """Where a score is averaged: ``into`` and ``back`` between its units and that scale, both
    strictly increasing; ``least`` and ``most`` in its units."""

    into: Callable[[Floats], Floats]
    back: Callable[[Floats], Floats]
    least: float
    most: float


def drawn_in(score: Floats) -> Floats:
    """Normal scores with only a tenth of what lies beyond the outermost quantile of the norms: no
    table tells one face from another out there, and one such session would outweigh three."""
    size = np.abs(score)
    beyond = np.maximum(size - _OUTERMOST, 0.0)
    return np.asarray(np.sign(score) * (np.minimum(size, _OUTERMOST) + _BEYOND * beyond))


def _index_scale(index: Floats) -> Floats:
    score = np.clip(ndtri(np.asarray(index) / 100), -_FARTHEST, _FARTHEST)
    return drawn_in(score)


def _index_points(scaled: Floats) -> Floats:
    size = np.abs(scaled)
    beyond = np.maximum(size - _OUTERMOST, 0.0)
    score = np.sign(scaled) * (np.minimum(size, _OUTERMOST) + beyond / _BEYOND)
    return np.asarray(100 * ndtr(score))


def _same(values: Floats) -> Floats:
    return np.asarray(values, dtype=np.float64)


#: Percentile points, averaged as normal scores.
INDEX = Scale(_index_scale, _index_points, 0.0, 100.0)
#: Expected MDS-UPDRS 3.2 grade, averaged as it is.
GRADE = Scale(_same, _same, 0.0, 4.0)
#: The normal score of one signal, averaged as such.
SIGNAL = Scale(drawn_in, _same, -_FARTHEST, _FARTHEST)


def own_components(of_people: Collection[Sequence[float]], scale: Scale) -> Components | None:
    """Of the sessions' scores of each of a group of people, in their units; None where too few
    people came twice for it to be known."""
    if sum(len(values) > 1 for values in of_people) < ENOUGH_PEOPLE:
        return None
    values = np.concatenate([scale.into(np.array(v)) for v in of_people if v])
    persons = np.repeat([str(n) for n in range(len(of_people))], [len(v) for v in of_people])
    return variance_components(values, persons)


@dataclass(frozen=True)
class Reading:
    """One session's score, in its units. ``quality``, above 0 and at most 1: how much of a full
    session's information it holds (a session of half the quality has twice the variance)."""

    value: float
    quality: float = 1.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.value) and 0 < self.quality <= 1):
            raise ValueError(f"a reading is a number with a quality above 0 and at most 1: {self}")


@dataclass(frozen=True)
class PersonScore:
    """A person's score and its band, in the units of the score. ``mean``: of the sessions alone,
    not drawn towards the others, None without any; ``worth``: of how many full sessions."""

    value: float
    low: float
    high: float
    mean: float | None
    sessions: int
    worth: float
    #: The sessions scatter more than those of others, and the band is wider for it.
    is_scattered: bool
    #: ``more[n - 1]``: half the band's width in the units of the score if n more full sessions
    #: confirmed the value.
    more: tuple[float, ...]

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2


def person_score(
    readings: Sequence[Reading], components: Components, scale: Scale, *, ahead: int = 5
) -> PersonScore:
    """Of one person's sessions, none to many. The mean is drawn towards the mean of all people as
    far as so many sessions are unreliable (best linear unbiased prediction); the band is where the
    mean of as many full sessions again, at least one, would lie nine times out of ten."""
    mean, worth = _mean(readings, scale)
    known = _for_scatter(components, [readings], scale)
    centre = components.mean
    if mean is not None:
        centre += known.reliability(worth) * (mean - components.mean)
    low, high = _band(centre, worth, known, scale)
    halves = []
    for n in range(1, ahead + 1):
        below, above = _band(centre, worth + n, known, scale)
        halves.append((above - below) / 2)
    return PersonScore(
        value=_units(centre, scale),
        low=low,
        high=high,
        mean=None if mean is None else _units(mean, scale),
        sessions=len(readings),
        worth=worth,
        is_scattered=known.within > components.within,
        more=tuple(halves),
    )


def plain_mean(readings: Sequence[Reading], scale: Scale) -> float | None:
    """Of the sessions alone, where nothing is known of how they repeat; None of none."""
    mean, _ = _mean(readings, scale)
    return None if mean is None else _units(mean, scale)


@dataclass(frozen=True)
class Change:
    """Between two courses of one person, in the units of the score. ``is_shown`` only where the
    second mean lies outside ``unchanged``, which holds 95 % of second means of people in whom
    nothing changed. Where it is not, nothing is shown to have changed, nor that nothing has."""

    first: float
    second: float
    unchanged: tuple[float, float]
    is_shown: bool


def change(
    first: Sequence[Reading], second: Sequence[Reading], components: Components, scale: Scale
) -> Change:
    """Compares the means of two courses as they are: the smallest detectable change is
    2.1 √(within (1/n₁ + 1/n₂)). Raises :class:`ValueError` where one has no session."""
    before, worth_before = _mean(first, scale)
    after, worth_after = _mean(second, scale)
    if before is None or after is None:
        raise ValueError("change needs a session in both courses")
    within = _for_scatter(components, [first, second], scale).within
    smallest = CHANGE_Z * np.sqrt(within * (1 / worth_before + 1 / worth_after))
    return Change(
        first=_units(before, scale),
        second=_units(after, scale),
        unchanged=(_units(before - smallest, scale), _units(before + smallest, scale)),
        is_shown=bool(abs(after - before) > smallest),
    )


def _mean(readings: Sequence[Reading], scale: Scale) -> tuple[float | None, float]:
    """Mean on the scale, weighted by quality, and how many full sessions it is worth."""
    if not readings:
        return None, 0.0
    weights = np.array([one.quality for one in readings])
    values = scale.into(np.array([one.value for one in readings]))
    return float(weights @ values / weights.sum()), float(weights.sum())


def _for_scatter(
    components: Components, courses: Sequence[Sequence[Reading]], scale: Scale
) -> Components:
    """The components for one person: their own scatter within courses may raise the variance
    within, and never lowers it, since few sessions lie close together by chance."""
    squares, freedom = 0.0, 0
    for readings in courses:
        if len(readings) > 1:
            weights = np.array([one.quality for one in readings])
            values = scale.into(np.array([one.value for one in readings]))
            squares += float(weights @ (values - weights @ values / weights.sum()) ** 2)
            freedom += len(readings) - 1
    if freedom == 0:
        return components
    own = (PRIOR_DF * components.within + squares) / (PRIOR_DF + freedom)
    return replace(components, within=max(components.within, own))


def _band(centre: float, worth: float, components: Components, scale: Scale) -> tuple[float, float]:
    left = components.between * (1 - components.reliability(worth))
    again = components.within / max(worth, 1.0)
    half = BAND_Z * np.sqrt(left + again)
    return _units(centre - half, scale), _units(centre + half, scale)


def _units(scaled: float, scale: Scale) -> float:
    return float(np.clip(scale.back(np.array(scaled)), scale.least, scale.most))
