"""The outer protocol: every person scored once per repeat by models that never saw them."""

from pathlib import Path

import numpy as np

from experiments.public.methods import Baseline, FusionMethod, predicted
from experiments.public.protocol import Material, outer_folds, run_fold
from ml.cohort.table import read_table
from ml.metrics import auroc
from ml.scoring.bundle import load, save
from ml.scoring.calibration import probability
from ml.scoring.classifier import ClassifierSpec
from ml.scoring.ensemble import Schedule
from ml.scoring.fusion import FusionConfig
from ml.scoring.scorer import ALPHA, CLASSES
from ml.training.fusion import crossfit_plan
from ml.training.recipe import Recipe, material_of, train_scorer

NAMES = ("smile", "disgust")
SPEC = ClassifierSpec(
    FusionConfig(NAMES, width=8), schedule=Schedule(steps=60, batch=48), folds=3, members=1
)


def material(table: Path) -> Material:
    cohort = read_table(table)
    return Material(cohort.tokens(NAMES), cohort.pd, cohort.subject, NAMES)


def test_folds_split_subjects_and_cover_everybody(table: Path) -> None:
    m = material(table)
    folds = outer_folds(m, 2, ("svm",))
    for repeat in (0, 1):
        tested = np.concatenate([f.test for f in folds if f.repeat == repeat])
        assert sorted(tested) == list(range(len(m.labels)))
    for fold in folds:
        assert not set(m.subjects[fold.train]) & set(m.subjects[fold.test])


def test_members_never_train_on_their_own_fold(table: Path) -> None:
    m = material(table)
    fold, weights, inner, fold_of = crossfit_plan(m.labels, list(m.subjects), SPEC)
    for k, weight, validation in zip(fold_of, weights, inner, strict=True):
        assert not weight[fold == k].any()
        assert not validation[fold == k].any()
        assert not (weight * validation).any()


def test_fusion_learns_and_test_labels_do_not_matter(table: Path) -> None:
    m = material(table)
    methods = {"fusion": FusionMethod((SPEC,)), "svm": Baseline("svm", "z")}
    fold = outer_folds(m, 1, tuple(methods))[0]
    found = run_fold(m, fold, methods)
    assert auroc(m.labels[fold.test], found["fusion"].log_odds) > 0.75
    turned = m.labels.copy()
    turned[fold.test] = 1 - turned[fold.test]
    other = Material(m.raw, turned, m.subjects, NAMES)
    again = run_fold(other, fold, methods)
    for name in methods:
        # torch's last digits differ between two trainings; a label that mattered would do more.
        np.testing.assert_allclose(found[name].log_odds, again[name].log_odds, atol=1e-4)


def test_what_is_evaluated_is_what_is_served_to_the_last_bit(table: Path, tmp_path: Path) -> None:
    """A fold's test people, scored together as the results do, and each alone by the stored
    bundle. Some have one expression, so that every calibration is asked."""
    cohort, m = read_table(table), material(table)
    fold = outer_folds(m, 1, ("fusion",))[0]
    m.raw[fold.test[::3], 0] = np.nan
    m.raw[fold.test[1::3], 1] = np.nan
    columns = [c for c in cohort.columns if c.startswith(NAMES)]
    recipe = Recipe((SPEC,))
    scorer = train_scorer(material_of(cohort.take(fold.train), recipe), recipe)
    z = m.normal_scores(fold.train)[fold.test]
    evaluated = predicted(scorer.classifier, z)
    sources = [{"name": "people", "licence": "none"}]
    metadata = {"prevalence": scorer.classifier.prevalence, "sources": sources}
    save(
        tmp_path / "bundle", name="own", version="1", metadata=metadata, scorer=scorer,
        norms=scorer.norms, card="card",
    )  # fmt: skip
    bundle = load(tmp_path / "bundle")
    flat = m.raw[fold.test].reshape(len(fold.test), -1)
    rows = [dict(zip(columns, map(float, row), strict=True)) for row in flat]
    served = [bundle.score([row])[0] for row in rows]
    assert [score.p_pd for score in served] == list(probability(evaluated.log_odds))
    assert evaluated.p_values is not None
    kept = evaluated.p_values > ALPHA
    sets = [tuple(c for c, on in zip(CLASSES, row, strict=True) if on) for row in kept]
    assert [score.prediction_set for score in served] == sets
    assert evaluated.attention is not None
    for score, weights in zip(served, evaluated.attention, strict=True):
        assert score.attention == {n: w for n, w in zip(NAMES, weights, strict=True) if w}
