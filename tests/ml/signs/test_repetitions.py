"""The numbers by which a curve is cut, each from both sides, on curves whose truth is written down:
straight ramps, whose rates are exact, and clean minimum-jerk movements, whose onsets are."""

import numpy as np
import pytest

from ml.phantom.movement import pulse
from ml.signs import repetitions

T = np.arange(0, 10, 0.01)


def ramp(start: float, rise: float, end: float, fall: float, height: float = 1.0) -> np.ndarray:
    """Up in a straight line from ``start``, level, and down in a straight line from ``end``."""
    return height * np.interp(T, [start, start + rise, end, end + fall], [0, 1, 1, 0])


def count(intensity: np.ndarray) -> int:
    return len(repetitions.find(T, intensity))


@pytest.mark.parametrize(("peak", "is_movement"), [(0.06, 1), (0.05, 1), (0.04, 0)])
def test_what_stays_below_a_twentieth_is_no_movement(peak: float, is_movement: int) -> None:
    assert count(ramp(2, 1, 5, 1, peak)) == is_movement


@pytest.mark.parametrize(("height", "counts"), [(0.52, 2), (0.48, 1)])
def test_a_repetition_reaches_half_of_the_peak(height: float, counts: int) -> None:
    assert count(ramp(1, 0.5, 3, 0.5) + ramp(6, 0.5, 8, 0.5, height)) == counts


@pytest.mark.parametrize(("valley", "counts"), [(0.27, 1), (0.23, 2)])
def test_between_two_it_falls_below_a_quarter(valley: float, counts: int) -> None:
    assert count(np.maximum(ramp(1, 0.5, 7, 0.5) - ramp(3, 0.5, 5, 0.5, 1 - valley), 0)) == counts


@pytest.mark.parametrize(("lasted", "counts"), [(0.17, 1), (0.13, 0)])
def test_a_repetition_lasts_a_while(lasted: float, counts: int) -> None:
    """And what is shorter is a bad measurement."""
    t = np.arange(0, 2, 0.01)
    box = ((t >= 1) & (t < 1.005 + lasted)).astype(float)
    assert len(repetitions.find(t, box)) == counts


def test_four_values_are_the_fewest() -> None:
    high = np.array([0.5, 1.0, 1.0, 1.0, 0.5])
    assert len(repetitions.find(np.arange(4.0), high[:4])) == 1
    assert repetitions.find(np.arange(3.0), high[:3]) == []


def test_one_bad_frame_makes_no_peak() -> None:
    seen = np.full(100, 0.2)
    seen[50] = 9.0
    assert repetitions.peak_of(seen) == pytest.approx(0.2, abs=0.01)
    seen[51:54] = 9.0
    assert repetitions.peak_of(seen) > 1
    assert repetitions.peak_of(np.full(9, np.nan)) == 0


@pytest.mark.parametrize(("rise", "fall"), [(0.5, 0.25), (1.0, 2.0)])
@pytest.mark.parametrize("height", [1.0, 0.4])
def test_a_straight_ramp_has_its_own_rates_and_ends(
    rise: float, fall: float, height: float
) -> None:
    (found,) = repetitions.find(T, ramp(2, rise, 5, fall, height))
    assert found.rise_rate == pytest.approx(height / rise, rel=0.01)
    assert found.decay_rate == pytest.approx(height / fall, rel=0.01)
    assert found.peak == pytest.approx(height)
    # Where it passes a quarter, and the first moment at its full height.
    assert found.start == pytest.approx(2 + rise / 4, abs=0.011)
    assert found.end == pytest.approx(5 + fall * 3 / 4, abs=0.011)
    assert found.peak_at == pytest.approx(2 + rise, abs=0.011)


@pytest.mark.parametrize("rise", [0.4, 0.9])
@pytest.mark.parametrize("begin", [0.3, 2.0])
def test_the_onset_of_a_clean_movement_is_where_it_began(rise: float, begin: float) -> None:
    (found,) = repetitions.find(T, pulse(T, begin, rise, 5.0, 0.8))
    assert found.onset == pytest.approx(begin, abs=0.003)


@pytest.mark.parametrize(
    ("smoothed", "left"), [(0.05, 0.9740), (0.1, 0.8916), (0.15, 0.7340), (0.5, 0.3)]
)
def test_the_smoothing_is_taken_off_as_variances_add_up(smoothed: float, left: float) -> None:
    """√(1 − 20.5 s² / D²) of a rise of one second is left, and never less than three tenths."""
    curve = pulse(T, 2.0, 1.0, 6.0, 1.0)
    (plain,) = repetitions.find(T, curve)
    (found,) = repetitions.find(T, curve, smoothed)
    for one, other in ((plain.rise_rate, found.rise_rate), (plain.decay_rate, found.decay_rate)):
        assert one is not None
        assert other == pytest.approx(one / left, rel=0.005)
    # The middle of the rise stays where it is: the onset moves towards it.
    assert found.onset == pytest.approx(2.5 - left / 2, abs=0.005)


def test_a_movement_that_goes_on_at_the_end_has_no_decay() -> None:
    (found,) = repetitions.find(T, pulse(T, 3.0, 0.5, 20.0, 0.5))
    assert (found.decay_rate, found.end) == (None, T[-1])
    assert found.onset == pytest.approx(3.0, abs=0.003)


def test_the_jitter_is_about_the_plateaus_own_line() -> None:
    """The plateau is what stands above four fifths; a slope in it is no jitter."""
    waves = np.where(np.arange(len(T)) % 2, 0.02, -0.02)
    curve = ramp(2, 0.02, 6, 0.02) * (1 - 0.03 * np.clip(T - 2, 0, 4) + waves)
    (found,) = repetitions.find(T, curve)
    assert found.jitter == pytest.approx(0.02, rel=0.05)
    (quiet,) = repetitions.find(T, ramp(2, 0.02, 6, 0.02) * (1 - 0.03 * np.clip(T - 2, 0, 4)))
    assert quiet.jitter is not None
    assert quiet.jitter < 0.002


@pytest.mark.parametrize(("held", "is_told"), [(6, True), (5, False)])
def test_a_plateau_of_few_values_has_no_jitter(held: int, is_told: bool) -> None:
    t = np.arange(0, 3, 0.1)
    curve = np.zeros(len(t))
    curve[10 : 10 + held] = 1.0
    (found,) = repetitions.find(t, curve)
    assert (found.jitter is not None) == is_told


def test_the_speed_counts_what_was_seen_at_both_ends() -> None:
    t = np.array([0.0, 1.0, 2.0, 4.0, 5.0, 6.0])
    assert repetitions.mean_speed(t, np.array([0.0, 1.0, np.nan, 0.0, 3.0, 2.0])) == 5 / 3
    assert repetitions.mean_speed(t[3:], np.array([0.0, 0.5, np.nan])) == 0.5
    assert repetitions.mean_speed(t[:3], np.array([1.0, np.nan, 1.0])) is None


def at(onset: float | None) -> repetitions.Repetition:
    return repetitions.Repetition(0, 1, 0.5, 1, onset, None, None, None)


@pytest.mark.parametrize(
    ("onsets", "answers"),
    [
        ([2.5], [0.5]),
        ([1.91], [0.0]),
        ([1.89], []),
        ([1.9], [0.0]),
        ([2.5, 2.7], [0.5]),
        ([None, 2.5], [0.5]),
        ([4.89], [2.89]),
        ([4.91], [0.0]),
        ([2.5, 5.2], [0.5, 0.2]),
        ([99.0], [94.0]),
    ],
)
def test_the_first_movement_after_a_prompt_answers_it(
    onsets: list[float | None], answers: list[float]
) -> None:
    found = repetitions.latencies([at(onset) for onset in onsets], (2.0, 5.0))
    assert found == pytest.approx(answers)


def test_a_step_between_two_frames_is_as_fast_as_they_are_apart() -> None:
    t = np.arange(0, 3, 0.1)
    (found,) = repetitions.find(t, ((t > 0.95) & (t < 2)).astype(float))
    assert found.rise_rate == pytest.approx(10)
    assert found.decay_rate == pytest.approx(10)


@pytest.mark.parametrize(("first", "is_told"), [(0.68, False), (0.63, True)])
def test_an_onset_needs_four_levels_of_the_rise(first: float, is_told: bool) -> None:
    """Of thirteen between a fifth and four fifths; the clip begins in the middle of it."""
    curve = pulse(T, 1.0, 1.0, 6.0, 1.0)
    seen = (T > 1.5) & (curve >= first) | (T > 2)
    (found,) = repetitions.find(T[seen], curve[seen])
    assert (found.onset is not None) == is_told
    assert found.rise_rate is None


def test_a_bent_plateau_has_jitter() -> None:
    t = np.arange(0, 6, 0.01)
    inside = (t >= 1) & (t < 5)
    bend = np.where(inside, 0.1 * ((t - 3) / 2) ** 2, 0)
    (found,) = repetitions.find(t, inside - bend)
    assert found.jitter == pytest.approx(np.std(bend[inside]), rel=0.02)
