"""How well a model agrees with the clinic's own grades: a few figures for the comparison page."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import correlation, fmean

#: Below this many reviewed screenings a rank correlation says nothing.
ENOUGH = 10


@dataclass(frozen=True)
class Agreement:
    """``rank``: Spearman's correlation of the hypomimia index with the grades, None for too few or
    constant values. ``distance``: mean |expected grade − grade|, None where there are no grades."""

    screenings: int
    abstained: int
    rank: float | None
    distance: float | None


@dataclass(frozen=True)
class Pair:
    """One reviewed screening: the clinician's grade and one model's answer to it."""

    grade: int
    index: float | None
    expected: float | None
    abstained: bool


def agreement(pairs: Sequence[Pair]) -> Agreement:
    """Figures over every screening that has both; abstentions are counted and left out."""
    told = [pair for pair in pairs if not pair.abstained]
    ranked = [(pair.grade, pair.index) for pair in told if pair.index is not None]
    graded = [abs(pair.expected - pair.grade) for pair in told if pair.expected is not None]
    return Agreement(
        screenings=len(pairs),
        abstained=len(pairs) - len(told),
        rank=spearman([float(g) for g, _ in ranked], [i for _, i in ranked]),
        distance=fmean(graded) if graded else None,
    )


def spearman(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Spearman's rank correlation with ties at their mean rank."""
    if len(first) < ENOUGH or len(set(first)) < 2 or len(set(second)) < 2:
        return None
    return correlation(_ranks(first), _ranks(second))


def _ranks(values: Sequence[float]) -> list[float]:
    ordered = sorted(values)
    return [ordered.index(value) + (ordered.count(value) - 1) / 2 for value in values]
