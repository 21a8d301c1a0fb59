"""The hypomimia index is a percentile of lacking movement, whatever part of it is there."""

import numpy as np
import pytest

from ml.features import SIGNALS
from ml.severity.index import INDEX_WEIGHTS, HypomimiaIndex, plain_norm_index

NAMES = ("smile", "disgust", "surprise")


@pytest.fixture
def people() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(500, 3, 14))


@pytest.fixture
def index(people: np.ndarray) -> HypomimiaIndex:
    return HypomimiaIndex.fit(NAMES, people, reference="test")


def test_it_is_a_percentile_among_the_reference(index: HypomimiaIndex, people: np.ndarray) -> None:
    score = index.score(people)
    assert np.quantile(score, [0.1, 0.5, 0.9]) == pytest.approx([10, 50, 90], abs=1.5)


def test_less_movement_is_more_masked(index: HypomimiaIndex) -> None:
    still, lively = np.zeros((1, 3, 14)), np.zeros((1, 3, 14))
    still[..., 7:], lively[..., 7:] = -2.0, 2.0
    assert index.score(still)[0] > 95
    assert index.score(lively)[0] < 5


def test_extremes_keep_their_order(index: HypomimiaIndex) -> None:
    rows = np.zeros((4, 3, 14))
    rows[..., 7:] = -np.array([3.0, 4.0, 5.0, 6.0])[:, None, None]
    score = index.score(rows)
    assert (np.diff(score) > 0).all()
    assert (score <= 100).all()


def test_missing_expressions_and_signals_still_give_a_number(index: HypomimiaIndex) -> None:
    rows = np.full((3, 3, 14), np.nan)
    rows[0, 0] = 0.0
    rows[1, 0, 7 + SIGNALS.index("mouth-width")] = -2.0
    score = index.score(rows)
    assert score[0] == pytest.approx(50, abs=8)
    assert score[1] > 80
    assert np.isnan(score[2])


def test_plain_norm_index_is_minus_the_mean_of_four() -> None:
    z = np.zeros((1, 14))
    for signal in ("eye-open-right", "eye-open-left", "mouth-open", "mouth-width"):
        z[0, 7 + SIGNALS.index(signal)] = -1.5
    z[0, 7 + SIGNALS.index("jaw-open")] = 9.0
    assert plain_norm_index(z)[0] == pytest.approx(1.5)


def test_movement_never_counts_towards_masking() -> None:
    for weights in INDEX_WEIGHTS.values():
        assert (weights[7:] <= 0).all()
        assert np.abs(weights[7:]).sum() > np.abs(weights[:7]).sum()


def test_it_survives_json(index: HypomimiaIndex, people: np.ndarray) -> None:
    again = HypomimiaIndex.from_json(index.to_json())
    assert again.score(people) == pytest.approx(index.score(people), abs=1e-3)
