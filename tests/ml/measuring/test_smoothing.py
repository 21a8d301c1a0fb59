"""Smoothing at uneven times: a straight line stays one, to its ends and beside what is missing."""

import numpy as np
import pytest

from ml.measuring.smoothing import local_line

T = np.sort(np.random.default_rng(0).uniform(0, 5, 120))


@pytest.mark.parametrize("width", [0.05, 0.2, 1.0])
def test_a_straight_line_is_not_bent(width: float) -> None:
    values = np.stack([2 * T - 1, np.full(len(T), 3.0)], axis=1)
    values[40:50, 0] = np.nan
    found = local_line(T, values, width)
    assert np.isnan(found[40:50, 0]).all()
    known = np.isfinite(values)
    assert found[known] == pytest.approx(values[known], abs=1e-6)


def test_an_impulse_becomes_a_bell() -> None:
    t = np.arange(0, 4, 0.1)
    impulse = (np.arange(len(t)) == 20).astype(float)
    found = local_line(t, impulse[:, None], 0.2)[:, 0]
    away = np.arange(-6, 7) * 0.1
    bell = np.exp(-0.5 * (away / 0.2) ** 2)
    assert found[14:27] == pytest.approx(bell / bell.sum(), abs=1e-9)
    assert not found[[13, 27]].any(), "nothing counts beyond three widths"


def test_a_value_without_neighbours_stays() -> None:
    values = np.full((40, 1), np.nan)
    values[20] = 7.0
    assert local_line(np.arange(40.0), values, 2.0)[20, 0] == 7.0
    two = np.array([[1.0], [5.0]])
    assert np.array_equal(local_line(np.array([0.0, 1.0]), two, 1.0), two)
