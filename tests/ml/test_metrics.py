"""Metrics against values worked out by hand or by another library."""

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, f1_score, roc_auc_score

from ml.metrics import (
    Group,
    auroc,
    bootstrap,
    brier_skill,
    calibration_error,
    macro_f1,
    paired,
    quadratic_kappa,
    random_effects,
    risk_coverage,
    subject_resamples,
    within_groups,
)


@pytest.fixture
def scored() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    labels = (generator.random(300) < 0.3).astype(np.int64)
    return labels, np.round(generator.normal(size=300) + labels, 1)


def test_agrees_with_scikit_learn(scored: tuple[np.ndarray, np.ndarray]) -> None:
    labels, scores = scored
    assert auroc(labels, scores) == pytest.approx(roc_auc_score(labels, scores))
    predicted = (scores > 0.5).astype(np.int64)
    assert macro_f1(labels, predicted) == pytest.approx(
        f1_score(labels, predicted, average="macro")
    )
    grades = np.clip(np.round(scores + 1), 0, 4).astype(np.int64)
    other = np.clip(grades + labels, 0, 4)
    assert quadratic_kappa(grades, other, 5) == pytest.approx(
        cohen_kappa_score(grades, other, weights="quadratic", labels=range(5))
    )


def test_one_class_has_no_auroc() -> None:
    assert np.isnan(auroc(np.ones(4, np.int64), np.arange(4.0)))


def test_a_constant_is_calibrated_but_has_no_skill() -> None:
    labels = np.array([0, 0, 0, 1] * 50)
    constant = np.full(200, 0.25)
    assert calibration_error(labels, constant) < 0.2
    assert brier_skill(labels, constant) == pytest.approx(0)
    assert brier_skill(labels, labels.astype(float)) == 1


def test_resamples_keep_a_subjects_rows_together() -> None:
    subjects = np.array(["a", "b", "a", "c", "b"])
    for rows in subject_resamples(subjects, count=50):
        for name in "abc":
            counts = [int((rows == i).sum()) for i in np.flatnonzero(subjects == name)]
            assert len(set(counts)) == 1


def test_interval_holds_the_figure_and_pairs(scored: tuple[np.ndarray, np.ndarray]) -> None:
    labels, scores = scored
    resamples = subject_resamples(np.arange(300).astype(str), count=200)
    found = bootstrap(auroc, labels, scores, resamples)
    assert found.low < found.value < found.high
    noise = np.random.default_rng(1).normal(size=300)
    better = paired(auroc, labels, scores, noise, resamples)
    assert better.low > 0
    itself = paired(auroc, labels, scores, scores, resamples)
    assert (itself.value, itself.low, itself.high) == (0, 0, 0)


def test_random_effects_lie_between_the_groups_and_widen_with_spread() -> None:
    same = random_effects([Group("a", 50, 50, 0.6), Group("b", 50, 50, 0.6)])
    apart = random_effects([Group("a", 50, 50, 0.45), Group("b", 50, 50, 0.75)])
    assert same.value == pytest.approx(0.6)
    assert apart.high - apart.low > same.high - same.low


def test_groups_need_enough_of_both_classes() -> None:
    labels = np.array([0, 1] * 50 + [0] * 60)
    groups = np.array(["a"] * 100 + ["b"] * 60)
    found = within_groups(labels, np.arange(160.0), groups, at_least=40)
    assert [g.name for g in found] == ["a"]


def test_risk_falls_when_uncertainty_finds_the_mistakes() -> None:
    labels = np.array([0, 1] * 50)
    p = labels.astype(float)
    wrong = np.arange(100) % 10 < 2
    p[wrong] = 1 - p[wrong]
    curve = dict(risk_coverage(labels, p, wrong.astype(float), threshold=0.5))
    assert curve[1.0] == pytest.approx(0.2)
    assert curve[0.7] == 0
