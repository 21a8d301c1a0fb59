"""Nested cross-validation by subject of a whole training: for cohorts too small for a test split.

Outer folds by subject: everything (norms, index, weights, calibration, prediction sets) is learnt
anew without the people who are then judged; what training chooses inside, it chooses on its own
inner folds. Beside it, on the same folds, stands the simplest model.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from ml.cohort.clip_features import curves_of_clips
from ml.cohort.table import Cohort
from ml.errors import CohortError
from ml.evaluation.judge import PER_ROW, Floats, Integers, Judged, scored
from ml.intensity.source import IntensitySource
from ml.progress import counted
from ml.scoring.bundle import Bundle, load
from ml.scoring.served_source import source_of
from ml.training.checks import checked
from ml.training.cohort_to_bundle import read_cohort, source_for, train_on, usable_of
from ml.training.config import TrainingConfig


def judge_nested(config: TrainingConfig, folds: int, cache: Path) -> Judged:
    """Out-of-fold scores of everybody whose split is not ``test``.

    Raises :class:`CohortError` before the first fold when a fold would have too few to train on.
    """
    source = source_for(config)
    cohort = read_cohort(config, cache, check=lambda known: outer_folds(known, folds, config.seed))
    return judge_folds(config, cohort, source, folds, cache)


def judge_folds(
    config: TrainingConfig, cohort: Cohort, source: IntensitySource, folds: int, cache: Path
) -> Judged:
    """The same of a cohort that was read."""
    fold = outer_folds(cohort, folds, config.seed)
    for k in range(folds):
        usable_of(config, checked(config, cohort.take(fold != k)))
    parts: list[Judged] = []
    with tempfile.TemporaryDirectory(prefix="mimia-nested-") as scratch:
        for k in counted("outer folds", range(folds), folds):
            mine = replace(config, out=f"{scratch}/fold-{k}")
            learnt, held = cohort.take(fold != k), cohort.take(fold == k)
            train_on(mine, learnt, source, cache)
            bundle = load(Path(mine.out))
            curves = None
            if bundle.diagnosis is not None:
                curves = curves_of_clips(
                    Path(config.cohort), held, cache, source_of(bundle), config.source_folder
                )
            simple = simplest(bundle, config.expressions, learnt, held)
            parts.append(replace(scored(bundle, held, curves, ""), simple=simple))
    return joined(cohort, fold, parts)


def outer_folds(cohort: Cohort, folds: int, seed: int) -> Integers:
    """(N,) the fold in which each row is held out; all visits of a person in one."""
    people = len({str(s) for s in cohort.subject})
    if people < 2 * folds:
        raise CohortError(f"{people} subjects are too few for {folds} folds", file=cohort.name)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    fold = np.zeros(len(cohort), dtype=np.int64)
    for k, (_, held) in enumerate(splitter.split(cohort.subject, cohort.pd, cohort.subject)):
        fold[held] = k
    return fold


def simplest(bundle: Bundle, expressions: tuple[str, ...], learnt: Cohort, held: Cohort) -> Floats:
    """Probabilities of a logistic regression on the same normal scores; missing ones are 0, the
    median of people without PD."""

    def table(cohort: Cohort) -> Floats:
        z = bundle.norms.z_tokens(expressions, cohort.tokens(expressions))
        return np.nan_to_num(z.reshape(len(cohort), -1))

    model = LogisticRegression(C=0.1, max_iter=1000).fit(table(learnt), learnt.pd)
    return np.asarray(model.predict_proba(table(held))[:, 1], dtype=np.float64)


def joined(cohort: Cohort, fold: Integers, parts: list[Judged]) -> Judged:
    """The folds' scores in the cohort's order."""
    columns = {}
    for name in (*PER_ROW, "simple"):
        pieces = [getattr(part, name) for part in parts]
        column = np.empty(len(cohort), dtype=np.result_type(*pieces))
        for k, piece in enumerate(pieces):
            column[fold == k] = piece
        columns[name] = column
    prevalence = float(np.mean([part.prevalence for part in parts]))
    split = "all rows whose split is not test, each by a model that did not see its person"
    return Judged(cohort=cohort, prevalence=prevalence, split=split, **columns)
