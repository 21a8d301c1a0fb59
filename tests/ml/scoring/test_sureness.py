"""The interval of a probability: wide where few people taught it, true where truth is known."""

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

from ml.cohort.table import read_table
from ml.scoring.balance import PRESETS
from ml.scoring.classifier import ClassifierSpec
from ml.scoring.ensemble import Schedule
from ml.scoring.fusion import FusionConfig
from ml.scoring.sureness import calibrations, interval
from ml.training.recipe import Recipe, material_of, train_scorer
from tests.ml.people import EXPRESSIONS, write_people

SLOPE, BASE = 0.8, -1.0


@pytest.mark.parametrize(
    ("people", "repeats", "widest"), [(10, 200, 0.7), (60, 100, 0.3), (600, 60, 0.1)]
)
def test_it_holds_the_true_probability_about_nine_times_of_ten(
    people: int, repeats: int, widest: float
) -> None:
    generator = np.random.default_rng(people)
    held, width = [], []
    for repeat in range(repeats):
        raw = generator.normal(size=people)
        has_pd = generator.random(people) < expit(SLOPE * raw + BASE)
        fits = calibrations(raw[~has_pd], raw[has_pd], seed=repeat)
        asked = generator.normal(size=20)
        low, high = interval(asked[:, None], fits, people)
        true = SLOPE * asked + BASE
        held.append(((low <= true) & (true <= high)).mean())
        width.append((expit(high) - expit(low)).mean())
    assert 0.8 <= np.mean(held) <= 0.97
    assert np.mean(width) < widest


@pytest.mark.parametrize("one_class", [True, False])
def test_a_sample_of_one_class_or_a_separable_one_has_an_interval(one_class: bool) -> None:
    pd = np.array([]) if one_class else np.array([2.0, 3.0, 4.0])
    fits = calibrations(np.array([-1.0, -2.0, 0.0]), pd)
    low, high = interval(np.array([[-3.0, -2.9], [5.0, 5.1]]), fits, 3 + len(pd))
    assert np.isfinite([low, high]).all()
    assert (low < high).all()


def test_nobodys_interval_depends_on_who_is_asked_beside_them() -> None:
    raw = np.random.default_rng(1).normal(size=(1100, 3))
    fits = calibrations(raw[:80, 0] - 1, raw[80:100, 0] + 1)
    together = np.array(interval(raw, fits, 100))
    alone = np.array([interval(raw[[n]], fits, 100) for n in (0, 511, 512, 1099)])[..., 0]
    np.testing.assert_array_equal(together[:, [0, 511, 512, 1099]].T, alone)


def test_ten_people_bear_a_wide_interval(tmp_path: Path) -> None:
    """As a bundle trained on them would say it: its members alone were sure to a hundredth."""
    few = write_people(tmp_path / "ten.csv", people=10, strength=0.3)
    spec = ClassifierSpec(
        FusionConfig(EXPRESSIONS, width=8),
        balance=PRESETS["plain CE"],
        schedule=Schedule(steps=40, batch=8),
        folds=2,
        members=1,
    )
    recipe = Recipe((spec,))
    material = material_of(read_table(few), recipe)
    scorer = train_scorer(material, recipe)
    with few.open(newline="", encoding="utf-8") as stream:
        columns = material.kept.columns
        first = next(csv.DictReader(stream))
    row = {name: float(value) for name, value in first.items() if name in columns}
    (score,) = scorer.score([row])
    assert score.p_pd_interval is not None
    low, high = score.p_pd_interval
    assert low <= (score.p_pd or 0) <= high
    assert high - low > 0.3
