"""The hypomimia index is a percentile of lacking movement, whatever part of it is there."""

import numpy as np
import pytest

from experiments.public.methods import plain_norm_index
from ml.features import SIGNALS
from ml.scoring.index import (
    EXPRESSION_WEIGHTS,
    INDEX_WEIGHTS,
    HypomimiaIndex,
    bounded_means,
    weighted_lack,
)

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


#: As docs/decisions/hypomimia-index.md has them: fixed before any grade was seen. Pairs of eyes and
#: brows share one weight evenly.
FIXED = {
    "smile": {
        "var": {"eye-open": -0.25, "mouth-open": -0.15, "mouth-width": -0.25},
        "mean": {"eye-open": 0.12, "mouth-width": -0.12, "mouth-open": 0.11},
    },
    "disgust": {
        "var": {"eye-raise": -0.25, "eye-open": -0.25, "mouth-width": -0.15, "mouth-open": -0.10},
        "mean": {"eye-open": 0.12, "mouth-open": 0.10},
    },
    "surprise": {
        "var": {"eye-raise": -0.25, "eye-open": -0.25, "mouth-open": -0.15, "jaw-open": -0.10},
        "mean": {"eye-open": 0.12, "mouth-open": 0.10},
    },
    # All seven alike, the brows too: nothing separates anybody in speech that we could know.
    "free": {
        "var": {"eye-open": -2 / 7, "eye-raise": -2 / 7}
        | dict.fromkeys(("mouth-open", "mouth-width", "jaw-open"), -1 / 7),
        "mean": {},
    },
}  # fmt: skip


def test_the_weights_are_the_fixed_ones() -> None:
    assert set(INDEX_WEIGHTS) == set(FIXED)
    for expression, weights in INDEX_WEIGHTS.items():
        for half, statistic in enumerate(("mean", "var")):
            for place, signal in enumerate(SIGNALS):
                group = signal.removesuffix("-right").removesuffix("-left")
                fixed = FIXED[expression][statistic].get(group, 0.0)
                share = fixed if group == signal else fixed / 2
                assert weights[7 * half + place] == pytest.approx(share), (expression, signal)


def test_surprise_counts_half(people: np.ndarray) -> None:
    """A lack of movement in a smile weighs as much as one in disgust, and twice one in surprise."""
    assert EXPRESSION_WEIGHTS == {"smile": 1.0, "disgust": 1.0, "surprise": 0.5}
    index = HypomimiaIndex.fit(NAMES, people, reference="test")
    calm = np.zeros((1, 3, 14))
    moved = []
    for k, name in enumerate(NAMES):
        rows = calm.copy()
        # By one standard deviation of that expression's own lack among the people.
        weights = INDEX_WEIGHTS[name]
        rows[0, k] = np.sign(weights) * index.spread[name]
        assert index.lack(rows)[0, k] == pytest.approx(1.0)
        moved.append(float(index._combined(index.lack(rows), [0, 1, 2])[0]))
    assert moved == pytest.approx([0.4, 0.4, 0.2])
    assert index._combined(index.lack(calm), [0, 1, 2])[0] == pytest.approx(0.0)


def test_an_expression_without_a_share_counts_whole(people: np.ndarray) -> None:
    index = HypomimiaIndex.fit(("smile", "free"), people[:, :2], reference="test")
    assert index.shares == {"smile": 1.0, "free": 1.0}


def test_a_missing_signal_shortens_the_sum_and_not_the_scale() -> None:
    z, weights = np.full((2, 14), 1.0), np.zeros(14)
    weights[0], weights[1], weights[2] = -0.5, -0.25, 0.25
    z[1, 1:] = np.nan
    assert weighted_lack(z, weights) == pytest.approx([-0.5, -1.0])
    assert np.isnan(weighted_lack(np.full((1, 14), np.nan), weights)).all()


def test_strange_means_are_drawn_in_and_variances_are_not() -> None:
    z = np.full((1, 14), 3.9)
    assert bounded_means(z) == pytest.approx(z)
    for sign in (-1, 1):
        far = bounded_means(np.full((1, 14), sign * 9.0))[0]
        assert far[:7] == pytest.approx(sign * (4.0 + np.log(6.0)))
        assert far[7:] == pytest.approx(sign * 9.0)
