"""Grades from drawn people: ordered by how masked the drawn face was, and by nothing else."""

from itertools import combinations

import numpy as np
import pytest

from ml.phantom.graded_people import load_config
from ml.scoring.drawn_grades import DrawnGrades, drawn_scores, learn_grades, likeness_of
from ml.scoring.ensemble import Schedule, initial
from ml.scoring.grades import (
    GradeModel,
    GradeSpec,
    expected_grade,
    grade_fusion,
    held_out,
    train_grades,
)
from ml.scoring.index import HypomimiaIndex
from ml.training.drawn_people import DrawnTable, drawn_table

NAMES = ("smile", "disgust")


@pytest.fixture(scope="module")
def table() -> DrawnTable:
    return drawn_table(load_config(), NAMES, subjects=120, seed=3)


@pytest.fixture(scope="module")
def living() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(200, 2, 14))


@pytest.fixture(scope="module")
def scores(table: DrawnTable, living: np.ndarray) -> np.ndarray:
    return drawn_scores(table.raw, table.pd, NAMES, likeness_of(living), seed=1)


@pytest.fixture(scope="module")
def model(table: DrawnTable, living: np.ndarray, scores: np.ndarray) -> DrawnGrades:
    index = HypomimiaIndex.fit(NAMES, living, reference="test")
    return learn_grades(scores, table.pd, table.grade, index, NAMES, {})


def test_drawn_people_are_reproducible_and_masked_ones_move_less() -> None:
    config = load_config()
    one = drawn_table(config, NAMES, subjects=60, seed=5)
    two = drawn_table(config, NAMES, subjects=60, seed=5)
    assert np.array_equal(one.raw, two.raw)
    width = np.log(one.raw[:, 0, 7 + 5])
    assert width[one.grade >= 2].mean() < width[one.grade == 0].mean() - 0.3


def test_expected_grade_follows_the_programmed_one(
    table: DrawnTable, scores: np.ndarray, model: DrawnGrades
) -> None:
    present = np.ones(scores.shape[:2], dtype=bool)
    distribution = model.distribution(scores, present)
    assert (distribution >= 0).all()
    assert distribution.sum(axis=1) == pytest.approx(np.ones(len(scores)))
    assert np.corrcoef(expected_grade(distribution), table.grade)[0, 1] > 0.4
    assert distribution.mean(axis=0) == pytest.approx(np.bincount(table.grade) / 120, abs=0.05)
    nobody = model.distribution(scores[:1], ~present[:1])
    assert np.isnan(nobody).all()


def test_one_expression_alone_ranks_as_the_index_does(
    living: np.ndarray, model: DrawnGrades
) -> None:
    for k in range(len(NAMES)):
        alone = np.full_like(living, np.nan)
        alone[:, k] = living[:, k]
        grades = expected_grade(model.distribution(alone, np.isfinite(alone).any(axis=-1)))
        assert np.array_equal(np.argsort(grades), np.argsort(model.index.score(alone)))


def test_lacking_more_in_any_expression_raises_the_grade(model: DrawnGrades) -> None:
    """On a grid far wider than any face, for every set of expressions."""
    lively_to_still = np.linspace(20, -20, 401)
    for size in (1, 2):
        for chosen in combinations(range(2), size):
            for moved in chosen:
                z = np.full((len(lively_to_still), 2, 14), np.nan)
                z[:, list(chosen)] = 0.0
                z[:, moved, 7:] = lively_to_still[:, None]
                grades = expected_grade(model.distribution(z, np.isfinite(z).any(axis=-1)))
                assert (np.diff(grades) > 0).all()
                assert 0 < grades[0] < grades[-1] < 4


def test_clinicians_grades_teach_a_fusion(table: DrawnTable, scores: np.ndarray) -> None:
    spec = GradeSpec(grade_fusion(NAMES), schedule=Schedule(steps=120, batch=64), members=1)
    people = [f"p{n}" for n in range(len(scores))]
    trained = train_grades(spec, scores, table.grade, people, {})
    present = np.ones(scores.shape[:2], dtype=bool)
    distribution = trained.distribution(scores, present)
    assert distribution.sum(axis=1) == pytest.approx(np.ones(len(scores)))
    assert np.corrcoef(expected_grade(distribution), table.grade)[0, 1] > 0.4
    nobody = trained.distribution(scores[:1], ~present[:1])
    assert np.isnan(nobody).all()


def quick_grades(z: np.ndarray, grade: np.ndarray, people: list[str]) -> GradeModel:
    spec = GradeSpec(grade_fusion(NAMES), schedule=Schedule(steps=9, batch=32), members=2)
    return train_grades(spec, z, grade, people, {})


def test_a_missing_expression_teaches_nothing(table: DrawnTable, scores: np.ndarray) -> None:
    """As when it is scored: masked, not taken for healthy movement."""
    people = [f"p{n}" for n in range(len(scores))]
    smile_only = scores.copy()
    smile_only[:, 1] = np.nan
    trained = quick_grades(smile_only, table.grade, people)
    embedding = trained.parameters["embed"][:, 1]
    started = initial(trained.config, 2, GradeSpec(trained.config).seed)["embed"][:, 1]
    # Weight decay alone moves what is never seen: every number by one and the same share.
    share = embedding / started
    assert share.std() < 1e-4


def test_all_visits_of_a_person_are_held_out_together(
    table: DrawnTable, scores: np.ndarray
) -> None:
    people = [f"p{n // 4}" for n in range(len(scores))]
    generator = np.random.default_rng(1)
    held, weights, inner = held_out(people, 3, generator)
    for name in set(people):
        rows = np.array([p == name for p in people])
        for part in (held, *weights, *inner):
            assert len(set(part[rows])) == 1
    assert not (weights.astype(bool) & inner.astype(bool)).any()
    assert not (held & (weights + inner).astype(bool).any(axis=0)).any()
    assert held.sum() == 24
    assert (inner.sum(axis=1) == 16).all()
    assert quick_grades(scores, table.grade, people).bias.shape == (5,)
