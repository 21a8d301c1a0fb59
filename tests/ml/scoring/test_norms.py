"""Norms: percentiles among people without PD, and none where nobody was measured."""

import numpy as np
import pytest

from ml.scoring.norms import LEVELS, Norms, normal_score, quantiles

COLUMNS = ("smile_mouth-width_mean", "smile_mouth-width_var", "anger_jaw-open_var")


@pytest.fixture
def norms() -> Norms:
    generator = np.random.default_rng(0)
    values = np.stack(
        [
            generator.normal(0.8, 0.1, 2000),
            np.exp(generator.normal(-5, 1, 2000)),
            np.full(2000, np.nan),
        ],
        axis=1,
    )
    return Norms.fit(COLUMNS, values, reference="test")


def test_percentiles(norms: Norms) -> None:
    assert norms.percentile("smile_mouth-width_mean", 0.8) == pytest.approx(50, abs=3)
    assert norms.percentile("smile_mouth-width_var", np.exp(-5 + 1.2816)) == pytest.approx(
        90, abs=2
    )


def test_a_quantile_is_its_own_percentile(norms: Norms) -> None:
    table = norms.tables["smile_mouth-width_mean"]
    for place in (0, 49, 99):
        found = norms.percentile("smile_mouth-width_mean", float(table[place]))
        assert found == pytest.approx(place + 0.5, abs=1e-3)


def test_no_norm_no_percentile(norms: Norms) -> None:
    assert norms.percentile("anger_jaw-open_var", 0.1) is None
    assert norms.percentile("fear_jaw-open_var", 0.1) is None
    assert norms.percentile("smile_mouth-width_mean", None) is None


def test_of_fewer_than_thirty_people_nothing_is_said() -> None:
    values = np.random.default_rng(2).normal(0.8, 0.1, (30, 2))
    values[0, 1] = np.nan
    fitted = Norms.fit((COLUMNS[0], "smile_jaw-open_mean"), values, reference="few")
    assert set(fitted.tables) == {COLUMNS[0]}
    assert fitted.people == 30


def test_strangers_beyond_the_table_keep_their_order() -> None:
    table = quantiles(np.random.default_rng(1).normal(size=1000))
    scores = normal_score(np.array([-40.0, -9.0, -5.0, 0.0, 5.0, 9.0]), table)
    assert (np.diff(scores) > 0).all()
    assert scores[3] == pytest.approx(0, abs=0.1)
    assert scores[4] == pytest.approx(5, abs=0.8)


def test_a_constant_column_does_not_break_it() -> None:
    table = quantiles(np.full(100, 0.25))
    assert np.isfinite(normal_score(np.array([0.25, 0.3]), table)).all()


@pytest.mark.parametrize("value", [0.25, -3e4, 0.0])
def test_equal_quantiles_are_nudged_apart_by_a_hair(value: float) -> None:
    table = quantiles(np.full(100, value))
    assert (np.diff(table) > 0).all()
    assert np.abs(table - value).max() <= 1e-12 * max(abs(value), 1.0)


def test_quantiles_that_differ_stay_where_they_are() -> None:
    values = np.random.default_rng(3).normal(size=1000)
    assert quantiles(values) == pytest.approx(np.quantile(values, LEVELS), abs=1e-6)


def test_json_and_back(norms: Norms) -> None:
    again = Norms.from_json(norms.to_json())
    assert again.tables.keys() == norms.tables.keys()
    for value in (0.55, 0.7, 0.93):
        a = norms.percentile("smile_mouth-width_mean", value)
        assert again.percentile("smile_mouth-width_mean", value) == pytest.approx(a, abs=0.01)


def test_a_table_says_what_it_is(norms: Norms) -> None:
    told = norms.to_json()
    assert (told["schema"], told["reference"], told["people"]) == (1, "test", 2000)
    assert told["levels"] == [round((n + 0.5) / 100, 4) for n in range(100)]


def test_the_table_holds_quantiles_not_people(norms: Norms) -> None:
    assert {len(t) for t in norms.to_json()["tables"].values()} == {100}
