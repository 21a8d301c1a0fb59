"""Signals that move together: one time course on the fixed direction's scale, and its rest."""

import numpy as np
import pytest

from ml.intensity.together import (
    RestLimits,
    above_rest,
    calm_of,
    firm,
    loadings,
    standing_out,
)
from ml.phantom.movement import pulse
from ml.signs import repetitions

T = np.arange(0, 10, 1 / 30)
UNIT = np.sum([pulse(T, start, 0.5, start + 1.5, 0.6) for start in (1.0, 4.0, 7.0)], axis=0)
DIRECTION = np.array([1.0, 0.0, 0.0, 0.0])


def moving(amount: float, noise: float, seed: int = 0) -> np.ndarray:
    """Four signals of which three carry the movement; the direction reads only the first."""
    shares = amount * np.array([1.0, -0.8, 0.6, 0.0])
    return UNIT[:, None] * shares + np.random.default_rng(seed).normal(0, noise, (len(T), 4))


def test_all_signals_that_carry_a_movement_are_read_on_the_directions_scale() -> None:
    z = moving(1.0, 0.2)
    course = z @ loadings(z, DIRECTION)
    alone = z @ DIRECTION
    assert np.std(course - UNIT) < 0.8 * np.std(alone - UNIT)
    assert np.polyfit(UNIT, course, 1)[0] == pytest.approx(1.0, abs=0.06)
    assert abs(loadings(z, DIRECTION)[3]) < 0.05, "a signal that does not move says nothing"


@pytest.mark.parametrize("amount", [0.1, 0.3])
def test_weak_movement_keeps_its_height(amount: float) -> None:
    z = moving(amount, 0.03)
    course = z @ loadings(z, DIRECTION)
    assert np.quantile(course, 0.95) == pytest.approx(amount, rel=0.25)


def test_a_weak_movement_is_not_lost_beside_a_stronger_one_that_is_another() -> None:
    turning = np.sin(2 * np.pi * 0.23 * T)[:, None] * np.array([0.02, 0.5, -0.6, 0.4])
    z = moving(0.2, 0.02) * np.array([1.0, 0.1, 0.1, 0.0]) + turning
    course = z @ loadings(z, DIRECTION)
    assert np.quantile(course, 0.95) - np.median(course[UNIT == 0]) > 0.15
    assert np.corrcoef(course, UNIT)[0, 1] > 0.9


def test_where_nothing_moves_the_direction_stands() -> None:
    np.testing.assert_array_equal(loadings(np.zeros((50, 4)), DIRECTION), DIRECTION)
    still = np.random.default_rng(1).normal(0, 0.03, (300, 4))
    assert np.std(still @ loadings(still, DIRECTION)) < 0.05


@pytest.mark.parametrize("noise", [0.01, 0.04])
def test_rest_is_found_within_a_clip_that_alternates(noise: float) -> None:
    rng = np.random.default_rng(2)
    calm = calm_of(0.02 + 0.5 * UNIT + rng.normal(0, noise, len(T)))
    assert calm.level == pytest.approx(0.02, abs=noise)
    assert calm.waver == pytest.approx(noise, rel=0.6)
    nothing = calm_of(rng.normal(0, noise, 3000))
    assert nothing.level == pytest.approx(0.0, abs=0.7 * noise)
    assert nothing.waver == pytest.approx(noise, rel=0.5)


def test_the_floor_costs_no_height_and_makes_no_step() -> None:
    course = np.linspace(-0.1, 0.5, 601)
    cut = firm(course, 0.05)
    assert (cut[course <= 0.05] == 0).all()
    np.testing.assert_allclose(cut[course >= 0.1], course[course >= 0.1])
    assert np.abs(np.diff(cut)).max() < 0.0025


def test_what_never_stands_out_is_no_movement() -> None:
    course = np.concatenate([np.zeros(5), np.full(5, 0.04), np.zeros(5), np.full(5, 0.2)])
    found = standing_out(course, 0.1)
    assert (found[:15] == 0).all()
    assert (found[15:] == 0.2).all()


LIMITS = RestLimits(0.05, 1.5, 0.01, 0.15, 4.0, 0.3)


def wavering(seed: int, size: float = 0.01) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, size, len(T))


@pytest.mark.parametrize("amount", [0.12, 0.8])
def test_rest_is_zero_and_movement_keeps_its_height(amount: float) -> None:
    rested = wavering(4)
    found = above_rest(0.03 + amount * UNIT + wavering(5), rested, LIMITS)
    assert (found[UNIT == 0] == 0).mean() > 0.95
    assert np.median(found[UNIT > 0.99]) == pytest.approx(amount, abs=0.02)


def test_a_face_that_does_not_move_has_no_intensity() -> None:
    found = above_rest(wavering(6), wavering(7), LIMITS)
    assert repetitions.peak_of(found) == 0
    assert repetitions.find(T, found) == []


def test_an_expression_held_throughout_stays() -> None:
    held = above_rest(0.15 + wavering(8), wavering(9), LIMITS)
    assert np.median(held) == pytest.approx(0.15, abs=0.02)
    alone = above_rest(0.15 + wavering(8), None, LIMITS)
    assert np.median(alone) == 0, "without a rest clip the clip's calm is all there is"
