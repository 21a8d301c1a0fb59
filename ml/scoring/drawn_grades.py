"""MDS-UPDRS 3.2 grades from drawn people only: experimental, for clinicians, never for patients.

What means the same on a drawn and on a real face is how much movement an expression lacks, counted
in standard deviations of the people without PD of its own kind. So the model reads one number per
expression, the hypomimia index's lack of movement, and learns from graded drawn people how likely
each grade is. More lack can only raise the expected grade, whatever else a drawing gets wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

from ml.features import columns_of
from ml.scoring.calibration import subset_key
from ml.scoring.grades import CLASSES, SCORE_CLIP
from ml.scoring.index import HypomimiaIndex, ordered_tail
from ml.scoring.norms import Norms

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

DRAWN_CLIP = 8.0
NOISE_SHARE = 0.5
RIDGE = 1e-3
# Above 0, so that two people who differ in any lack of movement never tie.
LEAST_SLOPE = 0.02


@dataclass(frozen=True)
class DrawnSpec:
    """Which drawn people teach the grades."""

    subjects: int = 2500
    seed: int = 20


@dataclass(frozen=True, eq=False)
class DrawnGrades:
    """Ordinal regression on the lack of movement, one for each set of expressions.

    ``expressions``: order of the tokens it is given; ``index``: how lack of movement is read;
    ``steps[set]`` (4, 1 + K): intercept and slopes of the log-odds of passing each grade for a
    person who reached it, as in CORN (Shi 2021), with slopes above 0.
    """

    expressions: tuple[str, ...]
    index: HypomimiaIndex
    steps: Mapping[str, Floats]
    trained_on: Mapping[str, Any]

    def distribution(self, z: Floats, present: Booleans) -> Floats:
        """(N, K, 14) normal scores → (N, 5) probabilities of the grades; NaN where the lack of
        movement is known for no expression."""
        hidden = np.where(present[..., None], z, np.nan)
        places = [self.expressions.index(e) for e in self.index.expressions]
        lack = ordered_tail(self.index.lack(hidden[:, places]))
        there = np.isfinite(lack)
        result = np.full((len(z), CLASSES), np.nan)
        for pattern in np.unique(there, axis=0):
            if pattern.any():
                rows = (there == pattern).all(axis=-1)
                key = subset_key([self.index.expressions[k] for k in np.flatnonzero(pattern)])
                result[rows] = probabilities(self.steps[key], lack[rows][:, pattern])
        return result


def probabilities(steps: Floats, lack: Floats) -> Floats:
    """(4, 1 + K) and (N, K) → (N, 5): reached grade g but not the next."""
    passed = np.cumprod(expit(steps[:, 0] + lack @ steps[:, 1:].T), axis=-1)
    reached = np.concatenate([np.ones((len(lack), 1)), passed], axis=-1)
    beyond = np.concatenate([passed, np.zeros((len(lack), 1))], axis=-1)
    return np.asarray(reached - beyond)


def fit_steps(lack: Floats, grade: Integers) -> Floats:
    """(4, 1 + K) by ridge-penalised likelihood, each step on those who reached its grade."""
    inputs = np.concatenate([np.ones((len(lack), 1)), lack], axis=-1)
    bounds = [(None, None), *[(LEAST_SLOPE, None)] * lack.shape[1]]
    steps = []
    for g in range(CLASSES - 1):
        rows = inputs[grade >= g]
        passed = (grade[grade >= g] > g).astype(np.float64)

        def loss(point: Floats, rows: Floats = rows, passed: Floats = passed) -> float:
            odds = rows @ point
            fit = (np.logaddexp(0.0, odds) - passed * odds).mean()
            return float(fit + RIDGE * (point[1:] ** 2).sum())

        best = minimize(loss, np.full(rows.shape[1], LEAST_SLOPE), method="L-BFGS-B", bounds=bounds)
        steps.append(best.x)
    return np.stack(steps).round(6)


def learn_grades(
    z: Floats,
    pd: Integers,
    grade: Integers,
    index: HypomimiaIndex,
    expressions: tuple[str, ...],
    trained_on: Mapping[str, Any],
) -> DrawnGrades:
    """From drawn people's normal scores ``z`` (N, K, 14), ``pd`` and ``grade`` (N,).

    Their lack of movement is counted in standard deviations of the drawn people without PD, as a
    living person's is in those of ``index``.
    """
    own = HypomimiaIndex.fit(
        expressions, z[pd == 0], reference="drawn", weights=index.weights, shares=index.shares
    )
    places = [expressions.index(e) for e in own.expressions]
    lack = ordered_tail(own.lack(z[:, places]))
    steps = {}
    for size in range(1, len(own.expressions) + 1):
        for chosen in combinations(range(len(own.expressions)), size):
            key = subset_key([own.expressions[k] for k in chosen])
            steps[key] = fit_steps(lack[:, list(chosen)], grade)
    return DrawnGrades(expressions, index, steps, trained_on)


def drawn_scores(
    raw: Floats, pd: Integers, expressions: tuple[str, ...], likeness: Floats, *, seed: int
) -> Floats:
    """Drawn people's normal scores against the drawn people without PD, (N, K, 14), made as
    unreliable as real ones.

    Two sessions of one person agree with a rank correlation of about a half in the public smile
    table: half of a real score's variance is the day and the face, not the grade. That half is
    added here, correlated between signals as it is among real people without PD (``likeness``,
    (K·14, K·14); no label of PD enters).
    """
    columns = [name for e in expressions for name in columns_of(e)]
    without = raw[pd == 0]
    norms = Norms.fit(columns, without.reshape(len(without), -1), reference="drawn, without PD")
    z = np.clip(norms.z_tokens(expressions, raw), -DRAWN_CLIP, DRAWN_CLIP)
    generator = np.random.default_rng(seed)
    noise = generator.multivariate_normal(np.zeros(len(likeness)), likeness, size=len(raw))
    share = NOISE_SHARE
    return np.asarray(np.sqrt(1 - share) * z + np.sqrt(share) * noise.reshape(z.shape))


def likeness_of(z: Floats) -> Floats:
    """(K·14, K·14) correlation of normal scores among people without PD. ``z`` (N, K, 14)."""
    complete = z[np.isfinite(z).all(axis=(1, 2))]
    flat = np.clip(complete, -SCORE_CLIP, SCORE_CLIP).reshape(len(complete), -1)
    return np.asarray(np.corrcoef(flat.T))
