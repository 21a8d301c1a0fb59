"""Attempts at an index that repeats better, each against the index as it is; none of them ships.

No label enters beyond the norms (people without PD) and the weights as they are
(``docs/decisions/hypomimia-index.md``): what is new is learnt from the scatter between sessions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from experiments.repeatability.repeats import EXPRESSION
from ml.cohort.table import Cohort
from ml.metrics import Interval, random_effects, subject_resamples, within_groups
from ml.scoring.index import bounded_means, ordered_tail, weighted_lack
from ml.scoring.norms import normal_score, quantiles
from ml.scoring.person import drawn_in, variance_components
from ml.scoring.scorer import Scorer

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
Strings = npt.NDArray[np.str_]

# A token is seven means, then seven variances; in both the eyes and the brows come in pairs.
HALF = 7
PAIRS = tuple(slice(first, first + 2) for first in (0, 2, HALF, HALF + 2))
FOLDS = 10
BOOTSTRAPS = 300


@dataclass(frozen=True)
class Attempt:
    """``floor``: normal scores of variances below it count as it does; ``means``: how much more
    means count; ``turned``: how far the weights turn away from what scatters within people."""

    floor: float = -np.inf
    means: float = 1.0
    turned: float = 0.0

    def __str__(self) -> str:
        parts = []
        if np.isfinite(self.floor):
            parts.append(f"variances below {self.floor:g} normal scores count as that")
        if self.means != 1:
            parts.append(f"means count {self.means:g} times")
        if self.turned:
            parts.append(f"weights turned by {self.turned:g} from what scatters within people")
        return ", ".join(parts) or "as it is"


TRIED = (Attempt(), Attempt(-1.5), Attempt(-1.5, means=2), Attempt(-1.5, turned=0.75))
GRID = tuple(
    Attempt(*values)
    for values in product((-np.inf, -2, -1.5, -1), (1.0, 1.5, 2.0, 3.0), (0.0, 0.5, 1.0))
)


@dataclass(frozen=True)
class Tried:
    """ICC(1) of one session by weights that all people taught, and that other people taught;
    AUROC within protocols by weights that other protocols taught; both minus the index as it is,
    by a paired bootstrap over people."""

    name: str
    icc: float
    icc_others: float
    within: float
    icc_gain: Interval
    within_gain: Interval


@dataclass(frozen=True, eq=False)
class Smiles:
    """The smile sessions with something the index reads. ``z`` (N, 14) normal scores."""

    z: Floats
    cohort: Cohort
    weights: Floats

    @classmethod
    def of(cls, cohort: Cohort, scorer: Scorer) -> "Smiles":
        z = scorer.tokens(cohort.records())[:, scorer.expressions.index(EXPRESSION)]
        weights = scorer.index.weights[EXPRESSION]
        there = np.isfinite(weighted_lack(z, weights))
        return cls(bounded_means(z[there]), cohort.take(there), weights / np.abs(weights).sum())

    def scores(self, attempt: Attempt, taught: Booleans) -> Floats:
        """Normal scores as sessions are averaged on, by weights that these rows taught. (N,)"""
        lack = weighted_lack(self._floored(attempt), self.learnt(attempt, taught))
        table = quantiles(lack[self.cohort.pd == 0])
        return drawn_in(ordered_tail(normal_score(lack, table)))

    def learnt(self, attempt: Attempt, taught: Booleans) -> Floats:
        """Weights, their sizes summing to 1. (14,)"""
        weights = self.weights
        if attempt.turned:
            z = self._floored(attempt)
            turned = self._turned(z[taught], self.cohort.subject[taught])
            weights = (1 - attempt.turned) * weights + attempt.turned * turned
        weights = weights * np.repeat([attempt.means, 1.0], HALF)
        return np.asarray(weights / np.abs(weights).sum())

    def _floored(self, attempt: Attempt) -> Floats:
        z = self.z.copy()
        z[:, HALF:] = np.maximum(z[:, HALF:], attempt.floor)
        return z

    def _turned(self, z: Floats, subject: Strings) -> Floats:
        """The weights over the scatter within people (both eyes and both brows alike); no signal
        turns its sign, or gets a weight that has none."""
        _, code, counts = np.unique(subject, return_inverse=True, return_counts=True)
        filled = np.nan_to_num(np.clip(z, -6, 6))
        sums = np.stack([np.bincount(code, column) for column in filled.T], axis=1)
        away = filled - (sums / counts[:, None])[code]
        found = np.linalg.solve(away.T @ away / (counts - 1).sum(), self.weights)
        for pair in PAIRS:
            found[pair] = found[pair].mean()
        found = np.where(found * self.weights > 0, found, 0.0)
        return np.asarray(found / np.abs(found).sum())

    def icc(self, scores: Floats, rows: npt.NDArray[np.int64] | None = None) -> float:
        """``rows``: a bootstrap sample; somebody drawn twice is taken for one person who came more
        often, which would repeat too well, so each draw is a person of its own."""
        if rows is None:
            return variance_components(scores, self.cohort.subject).icc
        # Rows of one draw stand together: a person's first row begins the next draw.
        first = np.unique(self.cohort.subject, return_index=True)[1]
        draw = np.cumsum(np.isin(rows, first))
        return variance_components(scores[rows], draw.astype(np.str_)).icc

    def within(self, scores: Floats, rows: npt.NDArray[np.int64] | None = None) -> float:
        cohort = self.cohort if rows is None else self.cohort.take(rows)
        found = scores if rows is None else scores[rows]
        # A sample may hold fewer of a small protocol.
        at_least = 40 if rows is None else 25
        return random_effects(
            within_groups(cohort.pd, found, cohort.protocol, at_least=at_least)
        ).value

    def left_out(self, groups: Strings, score: Callable[[Booleans], Floats]) -> Floats:
        """Each group's scores, by what the other groups taught."""
        result = np.empty(len(self.z))
        for name in np.unique(groups):
            here = groups == name
            result[here] = score(~here)[here]
        return result


def tried(cohort: Cohort, scorer: Scorer) -> list[Tried]:
    """The attempts, and last what comes of choosing among many with each protocol left out."""
    smiles = Smiles.of(cohort, scorer)
    everybody = np.ones(len(smiles.z), dtype=bool)
    today = smiles.scores(Attempt(), everybody)
    samples = subject_resamples(smiles.cohort.subject, count=BOOTSTRAPS)
    folds = _folds(smiles)

    def row(name: str, choose: Callable[[Booleans], Attempt]) -> Tried:
        def score(taught: Booleans) -> Floats:
            return smiles.scores(choose(taught), taught)

        own, others = score(everybody), smiles.left_out(smiles.cohort.protocol, score)
        return Tried(
            name,
            icc=smiles.icc(own),
            icc_others=smiles.icc(smiles.left_out(folds, score)),
            within=smiles.within(others),
            icc_gain=_gain(smiles.icc, own, today, samples),
            within_gain=_gain(smiles.within, others, today, samples),
        )

    def always(attempt: Attempt) -> Callable[[Booleans], Attempt]:
        return lambda taught: attempt

    rows = [row(str(attempt), always(attempt)) for attempt in TRIED]
    best = f"the most repeatable of {len(GRID)} such that loses nothing within protocols"
    return [*rows, row(best, lambda taught: _best(smiles, taught))]


def weights_of(cohort: Cohort, scorer: Scorer, attempt: Attempt) -> Floats:
    """An attempt's weights as everybody teaches them, their sizes summing to 1. (14,)"""
    smiles = Smiles.of(cohort, scorer)
    return smiles.learnt(attempt, np.ones(len(smiles.z), dtype=bool))


def _folds(smiles: Smiles) -> Strings:
    """A fold for each row, by person."""
    names, code = np.unique(smiles.cohort.subject, return_inverse=True)
    return (np.random.default_rng(0).permutation(len(names)) % FOLDS).astype(np.str_)[code]


def _best(smiles: Smiles, taught: Booleans) -> Attempt:
    rows = np.flatnonzero(taught)
    here = Smiles(smiles.z[rows], smiles.cohort.take(rows), smiles.weights)
    all_of_them = np.ones(len(rows), dtype=bool)
    enough = here.within(here.scores(Attempt(), all_of_them))
    scores = [here.scores(attempt, all_of_them) for attempt in GRID]
    figures = [here.icc(s) if here.within(s) >= enough else -1.0 for s in scores]
    return GRID[int(np.argmax(figures))]


def _gain(
    figure: Callable[..., float],
    new: Floats,
    old: Floats,
    samples: list[npt.NDArray[np.int64]],
) -> Interval:
    drawn = [figure(new, rows) - figure(old, rows) for rows in samples]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(figure(new) - figure(old), float(low), float(high))
