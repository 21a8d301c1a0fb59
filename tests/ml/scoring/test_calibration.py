"""Probabilities, prevalence and prediction sets keep their promises."""

import numpy as np
import pytest
from scipy.special import expit

from ml.scoring.calibration import (
    CrossConformal,
    fit_temperature,
    probability,
    shift_prevalence,
)


def test_temperature_undoes_scale_and_shift() -> None:
    generator = np.random.default_rng(0)
    true = generator.normal(size=20_000)
    labels = (generator.random(20_000) < expit(true)).astype(np.int64)
    fitted = fit_temperature(3.0 * true + 1.0, labels)
    assert fitted.scale == pytest.approx(1 / 3, abs=0.02)
    assert fitted.bias == pytest.approx(-1 / 3, abs=0.05)


def test_prevalence_shift_is_bayes() -> None:
    # At odds of 1 with training prevalence ½, a site with 10 % has 10 %.
    assert probability(shift_prevalence(np.zeros(1), trained=0.5, site=0.1))[0] == pytest.approx(
        0.1
    )
    unchanged = shift_prevalence(np.array([0.7]), trained=0.3, site=None)
    assert unchanged[0] == 0.7


def test_sets_cover_each_class() -> None:
    generator = np.random.default_rng(1)
    labels = (generator.random(1000) < 0.25).astype(np.int64)
    raw = generator.normal(size=1000) + labels
    conformal = CrossConformal.fit(raw, labels, generator.integers(5, size=1000), 5)
    new = (generator.random(4000) < 0.25).astype(np.int64)
    scores = generator.normal(size=4000) + new
    sets = conformal.p_values(np.tile(scores, (5, 1))) > 0.1
    for label in (0, 1):
        assert sets[new == label, label].mean() == pytest.approx(0.9, abs=0.035)


def test_a_fold_that_has_nobody_counts_nobody() -> None:
    """Few people have every expression: some folds may have none of them."""
    raw, labels = np.array([-1.0, 1.0]), np.array([0, 1])
    conformal = CrossConformal.fit(raw, labels, np.array([0, 1]), 4)
    assert conformal.p_values(np.zeros((4, 1))) == pytest.approx(np.array([[0.5, 0.5]]))


def test_a_fit_ends_at_its_bounds_where_the_people_leave_none() -> None:
    """Too few people, alike or told apart without a fault, would else make anything certain."""
    raw = np.array([-2.0, -1.0, 1.0, 2.0])
    apart = fit_temperature(raw / 100, np.array([0, 0, 1, 1]))
    assert apart.scale == pytest.approx(np.exp(3.0), rel=1e-3)
    against = fit_temperature(raw * 100, np.array([1, 1, 0, 0]))
    assert against.scale == pytest.approx(np.exp(-5.0), rel=1e-3)
    for label, bias in ((1, 10.0), (0, -10.0)):
        alike = fit_temperature(np.zeros(4), np.full(4, label))
        assert alike.bias == pytest.approx(bias, abs=1e-3)
