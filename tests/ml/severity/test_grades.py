"""Grades from drawn people: ordinal, ordered by how masked the drawn face was."""

import numpy as np
import pytest

from ml.phantom.grades import load_config
from ml.severity.drawn import drawn_table
from ml.severity.ensemble import Schedule
from ml.severity.grades import (
    GradeSpec,
    drawn_scores,
    expected_grade,
    grade_fusion,
    likeness_of,
    train_grades,
)

NAMES = ("smile", "disgust")


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray]:
    table = drawn_table(load_config(), NAMES, subjects=120, seed=3)
    likeness = likeness_of(np.random.default_rng(0).normal(size=(200, 2, 14)))
    return drawn_scores(table.raw, table.pd, NAMES, likeness, seed=1), table.grade


def test_drawn_people_are_reproducible_and_masked_ones_move_less() -> None:
    config = load_config()
    one = drawn_table(config, NAMES, subjects=60, seed=5)
    two = drawn_table(config, NAMES, subjects=60, seed=5)
    assert np.array_equal(one.raw, two.raw)
    width = np.log(one.raw[:, 0, 7 + 5])
    assert width[one.grade >= 2].mean() < width[one.grade == 0].mean() - 0.3


def test_expected_grade_follows_the_programmed_one(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    z, grade = drawn
    spec = GradeSpec(grade_fusion(NAMES), schedule=Schedule(steps=120, batch=64), members=1)
    model = train_grades(spec, z, grade, {})
    present = np.ones(z.shape[:2], dtype=bool)
    distribution = model.distribution(z, present)
    assert distribution.sum(axis=1) == pytest.approx(np.ones(len(z)))
    assert np.corrcoef(expected_grade(distribution), grade)[0, 1] > 0.4
    nobody = model.distribution(z[:1], np.zeros((1, 2), dtype=bool))
    assert np.isnan(nobody).all()
