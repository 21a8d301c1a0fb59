"""From raw log-odds to probabilities that mean something: scale, prevalence, prediction sets.

Re-weighted training distorts probabilities, so they are calibrated on out-of-fold log-odds,
once per set of expressions that may be present.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, log_expit, logit

from ml.scoring.sureness import calibrations

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Temperature:
    """Calibrated log-odds = ``scale`` · raw + ``bias`` (temperature 1/scale; the bias undoes
    what re-weighting did to the prior)."""

    scale: float
    bias: float

    def apply(self, raw: Floats) -> Floats:
        return self.scale * raw + self.bias


def fit_temperature(raw: Floats, labels: Integers) -> Temperature:
    """Maximum likelihood of both numbers on out-of-fold log-odds. (N,), (N,) in {0, 1}."""

    def negative_log_likelihood(point: Floats) -> float:
        z = np.exp(point[0]) * raw + point[1]
        return float(-np.mean(np.where(labels == 1, log_expit(z), log_expit(-z))))

    best = minimize(
        negative_log_likelihood,
        np.array([0.0, 0.0]),
        method="L-BFGS-B",
        bounds=[(-5.0, 3.0), (-10.0, 10.0)],
    )
    return Temperature(scale=float(np.exp(best.x[0])), bias=float(best.x[1]))


def shift_prevalence(log_odds: Floats, *, trained: float, site: float | None) -> Floats:
    """Log-odds at the site's prevalence instead of the training one (Bayes; Saerens 2002)."""
    if site is None:
        return log_odds
    return log_odds + logit(site) - logit(trained)


def probability(log_odds: Floats) -> Floats:
    return np.asarray(expit(log_odds), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class CrossConformal:
    """Cross-conformal calibration by subject (Vovk 2015), apart for each class (Mondrian).

    ``scores[k][c]`` are the sorted out-of-fold log-odds of fold k's people of class c. The
    nonconformity of "PD" is the negative log-odds, of "no PD" the log-odds.
    """

    scores: tuple[tuple[Floats, Floats], ...]

    @cached_property
    def resampled(self) -> Floats:
        """(draws, 2): the calibration as bootstrap samples of these people would have it."""
        no_pd, pd = (np.concatenate(rows) for rows in zip(*self.scores, strict=True))
        return calibrations(no_pd, pd)

    @property
    def people(self) -> int:
        return sum(len(no_pd) + len(pd) for no_pd, pd in self.scores)

    @classmethod
    def fit(cls, raw: Floats, labels: Integers, fold: Integers, folds: int) -> "CrossConformal":
        """``fold`` (N,) of ``folds``; one that has nobody here counts nobody. Scores are rounded to
        what a bundle keeps of them (float32)."""
        raw = raw.astype(np.float32).astype(np.float64)
        return cls(
            scores=tuple(
                (
                    np.sort(raw[(fold == k) & (labels == 0)]),
                    np.sort(raw[(fold == k) & (labels == 1)]),
                )
                for k in range(folds)
            )
        )

    def p_values(self, raw_by_fold: Floats) -> Floats:
        """How many calibration people are at least as strange. (folds, N) → (N, 2)."""
        count = np.ones((raw_by_fold.shape[1], 2))
        people = np.ones(2)
        for raw, (no_pd, pd) in zip(raw_by_fold, self.scores, strict=True):
            count[:, 0] += len(no_pd) - np.searchsorted(no_pd, raw, side="left")
            count[:, 1] += np.searchsorted(pd, raw, side="right")
            people += (len(no_pd), len(pd))
        return count / people


def subset_key(expressions: Sequence[str]) -> str:
    """Name of a set of present expressions, in the order of the model."""
    return "+".join(expressions)
