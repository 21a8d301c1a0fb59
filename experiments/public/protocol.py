"""The subject-wise nested protocol that every method of the results runs under.

One outer fold: norms from its training people without PD, every method trained on its training
people (choices, calibration and thresholds inside them), scores for its test people. Folds run in
separate processes.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context

import numpy as np
import numpy.typing as npt
import torch
from sklearn.model_selection import StratifiedGroupKFold

from ml.features import columns_of
from ml.progress import counted
from ml.scoring.norms import Norms

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Strings = npt.NDArray[np.str_]

OUTER_FOLDS = 5


@dataclass(frozen=True, eq=False)
class Material:
    """What the methods may read. ``raw`` (N, K, 14); age, sex and protocol are not in it."""

    raw: Floats
    labels: Integers
    subjects: Strings
    expressions: tuple[str, ...]

    def normal_scores(self, train: Integers) -> Floats:
        """(N, K, 14) against the training people without PD."""
        people = train[self.labels[train] == 0]
        columns = [name for e in self.expressions for name in columns_of(e)]
        flat = self.raw[people].reshape(len(people), -1)
        # Trained in the clinic alone there are few people without PD: poor norms are part of it.
        norms = Norms.fit(columns, flat, reference="fold", at_least=10)
        return norms.z_tokens(self.expressions, self.raw)


@dataclass(frozen=True, eq=False)
class Predicted:
    """Scores of the test people. ``log_odds`` calibrated where ``calibrated``; ``threshold`` the
    best one for macro-F1 on held-out training people; ``p_values`` (n, 2) of the cross-conformal
    prediction; ``spread`` (n,) disagreement of the members."""

    log_odds: Floats
    threshold: float | None = None
    calibrated: bool = False
    p_values: Floats | None = None
    spread: Floats | None = None
    attention: Floats | None = None
    chosen: str | None = None


Method = Callable[[Material, Floats, Integers, Integers], Predicted]


@dataclass(frozen=True, eq=False)
class Fold:
    """One outer split."""

    repeat: int
    train: Integers
    test: Integers
    methods: tuple[str, ...]


def outer_folds(
    m: Material, repeats: int, methods: Sequence[str], *, seed: int = 100
) -> list[Fold]:
    """Repeated StratifiedGroupKFold by subject."""
    folds = []
    for r in range(repeats):
        splitter = StratifiedGroupKFold(OUTER_FOLDS, shuffle=True, random_state=seed + r)
        for train, test in splitter.split(m.raw, m.labels, m.subjects):
            folds.append(Fold(r, train, test, tuple(methods)))
    return folds


@dataclass(frozen=True, eq=False)
class Outcome:
    """All repeats of one method, (R, N) arrays filled fold by fold."""

    log_odds: Floats
    thresholded: Floats  # 1 where above the threshold chosen inside
    p_values: Floats  # (R, N, 2)
    spread: Floats
    attention: Floats  # (R, N, K)
    chosen: list[str] = field(default_factory=list)


def run_fold(m: Material, fold: Fold, methods: Mapping[str, Method]) -> dict[str, Predicted]:
    """Train and score one fold, in a process of its own."""
    torch.set_num_threads(1)
    z = m.normal_scores(fold.train)
    return {name: methods[name](m, z, fold.train, fold.test) for name in fold.methods}


def cross_predict(
    m: Material,
    methods: Mapping[str, Method],
    repeats: int,
) -> dict[str, Outcome]:
    """Out-of-fold scores of every method under the same splits."""
    folds = outer_folds(m, repeats, list(methods))
    n, k = len(m.labels), len(m.expressions)
    found = {
        name: Outcome(
            np.zeros((repeats, n)), np.zeros((repeats, n)), np.ones((repeats, n, 2)),
            np.zeros((repeats, n)), np.zeros((repeats, n, k)),
        )
        for name in methods
    }  # fmt: skip
    workers = max(1, min(os.cpu_count() or 1, 4))
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        jobs = {pool.submit(run_fold, m, fold, methods): fold for fold in folds}
        for job in counted("folds", as_completed(jobs), len(folds)):
            for name, predicted in job.result().items():
                _store(found[name], jobs[job], predicted)
    return found


def _store(outcome: Outcome, fold: Fold, predicted: Predicted) -> None:
    r, test = fold.repeat, fold.test
    outcome.log_odds[r, test] = predicted.log_odds
    if predicted.threshold is not None:
        outcome.thresholded[r, test] = predicted.log_odds >= predicted.threshold
    if predicted.p_values is not None and predicted.spread is not None:
        outcome.p_values[r, test] = predicted.p_values
        outcome.spread[r, test] = predicted.spread
    weights = predicted.attention
    if weights is not None and weights.shape[1] == outcome.attention.shape[2]:
        outcome.attention[r, test] = weights
    if predicted.chosen is not None:
        outcome.chosen.append(predicted.chosen)
