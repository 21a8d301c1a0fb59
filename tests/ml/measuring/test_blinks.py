"""Each number by which a blink is told from an eye that rests, narrows or squeezes, and what is
drawn across it: on clips whose every frame is written down."""

import numpy as np
import pytest

from ml.measuring.blinks import EYE_SIGNALS, blink_masks, bridged, runs
from ml.measuring.geometry import SIGNALS
from tests.ml.signs.test_signs import COLUMN, REST

FPS = 20
RIGHT, LEFT = COLUMN["eye-open-right"], COLUMN["eye-open-left"]


def clip(opening: list[float], times: list[float] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Times and signals of a face whose lids are open by these shares of their usual opening."""
    signals = np.repeat(REST[None], len(opening), axis=0)
    signals[:, [RIGHT, LEFT]] *= np.array(opening)[:, None]
    at = np.arange(len(opening)) / FPS if times is None else np.array(times)
    return at, signals


def blinks_at(opening: list[float], times: list[float] | None = None) -> list[list[int]]:
    """The frames of each blink."""
    return [np.flatnonzero(mask).tolist() for mask in blink_masks(*clip(opening, times))]


def shut(frames: int, around: int = 40) -> list[float]:
    return [1.0] * around + [0.2] * frames + [1.0] * around


def test_stretches_of_true() -> None:
    assert runs(np.array([True, False, True, True])) == [(0, 1), (2, 4)]
    assert runs(np.array([False, True, False])) == [(1, 2)]
    assert runs(np.zeros(3, bool)) == []


def test_a_blink_reaches_one_frame_beyond_what_is_below_the_edge() -> None:
    opening = [1.0] * 40 + [0.89, 0.87, 0.2, 0.2, 0.87, 0.89] + [1.0] * 40
    assert blinks_at(opening) == [[40, 41, 42, 43, 44, 45]]


@pytest.mark.parametrize(("deepest", "is_blink"), [(0.64, True), (0.66, False)])
def test_how_far_the_lids_must_sink(deepest: float, is_blink: bool) -> None:
    assert bool(blinks_at([1.0] * 40 + [0.8, deepest, 0.8] + [1.0] * 40)) is is_blink


@pytest.mark.parametrize(("frames", "is_blink"), [(14, True), (16, False)])
def test_how_long_the_lids_may_stay_down(frames: int, is_blink: bool) -> None:
    """From the last open frame to the next: 0.75 and 0.85 s."""
    assert bool(blinks_at(shut(frames))) is is_blink


@pytest.mark.parametrize("after", [1, 40])
@pytest.mark.parametrize("before", [1, 40])
@pytest.mark.parametrize("gap", ["before", "after", "none"])
def test_how_long_they_were_down_is_read_from_the_times(gap: str, before: int, after: int) -> None:
    """0.5 s of closed frames; where the camera gave nothing for 0.4 s beside them, nobody knows."""
    opening = [1.0] * before + [0.2] * 10 + [1.0] * after
    times = np.arange(len(opening)) / FPS
    if gap == "before":
        times[before:] += 0.4
    elif gap == "after":
        times[before + 10 :] += 0.4
    found = blinks_at(opening, times.tolist())
    assert found == ([list(range(before - 1, before + 11))] if gap == "none" else [])


def test_what_is_usual_is_that_of_the_moment() -> None:
    """Eyes that are wide open for a while blink from there, those that are narrow from there."""
    wide = [1.0] * 40 + [1.5] * 12 + [0.96] * 3 + [1.5] * 12 + [1.0] * 40
    assert blinks_at(wide) == [[51, 52, 53, 54, 55]]
    briefly = [1.0] * 40 + [1.5] * 7 + [0.96] * 3 + [1.5] * 7 + [1.0] * 40
    assert blinks_at(briefly) == []


def test_both_eyes_count_together() -> None:
    times, signals = clip([1.0] * 80)
    signals[40:43, RIGHT] *= 0.2
    assert len(blink_masks(times, signals)) == 1, "to six tenths, both together"
    signals[40:43, RIGHT] = REST[RIGHT] * 0.4
    assert blink_masks(times, signals) == []


@pytest.mark.parametrize(("seen", "is_blink"), [(2, False), (3, True)])
def test_of_two_frames_nothing_is_told(seen: int, is_blink: bool) -> None:
    times, signals = clip([1.0, 0.2, 1.0, 1.0, 1.0])
    signals[seen:] = np.nan
    assert bool(blink_masks(times, signals)) is is_blink


def test_a_face_that_is_lost_for_a_moment_did_not_blink() -> None:
    times, signals = clip([1.0] * 80)
    signals[40:44] = np.nan
    assert blink_masks(times, signals) == []
    assert np.isnan(bridged(times, signals)[40:44]).all()


# --- what is drawn across ------------------------------------------------------------------------


def test_the_eyes_are_drawn_straight_across_and_nothing_else_is_touched() -> None:
    times, signals = clip(shut(4))
    slope = np.linspace(1.0, 1.2, len(times))[:, None]
    signals[:, EYE_SIGNALS] *= slope
    jaw = COLUMN["jaw-open"]
    signals[41, jaw] = 0.9
    signals[42, RIGHT] = np.nan
    found = bridged(times, signals)
    want = REST[list(EYE_SIGNALS)] * slope
    assert {SIGNALS[i][:4] for i in EYE_SIGNALS} == {"eye-"}
    assert np.isnan(found[42, RIGHT])
    found[42, RIGHT] = want[42, EYE_SIGNALS.index(RIGHT)]
    np.testing.assert_allclose(found[:, EYE_SIGNALS], want, rtol=1e-9)
    others = [i for i in range(len(SIGNALS)) if i not in EYE_SIGNALS]
    np.testing.assert_array_equal(found[:, others], signals[:, others])
    assert signals[41, LEFT] < 0.3 * REST[LEFT], "the given signals stay as they are"


@pytest.mark.parametrize(
    ("opening", "is_bridged"),
    [
        ([1.0, 1.0, 0.2, 0.2, 1.0, 1.0], True),
        ([1.0, 0.2, 0.2, 1.0, 1.0], False),
        ([1.0, 0.2, 0.2, 1.0], False),
    ],
)
def test_between_fewer_than_two_open_frames_no_line_is_drawn(
    opening: list[float], is_bridged: bool
) -> None:
    times, signals = clip(opening)
    assert len(blink_masks(times, signals)) == 1
    found = bridged(times, signals)
    assert bool((found[:, RIGHT] > 0.9 * REST[RIGHT]).all()) is is_bridged
