"""The signs of a curve and of a face at rest, against programmed truth."""

import numpy as np
import pytest

from ml.intensity.source import (
    IntensityCurve,
    RestReference,
    SourceIdentity,
)
from ml.measuring.blinks import blink_masks, bridged
from ml.measuring.geometry import SIGNALS
from ml.measuring.measurement import Measurement, series
from ml.measuring.smoothing import local_line
from ml.phantom.movement import blinks, pulse
from ml.signs import repetitions
from ml.signs.signs import asymmetry, signs, tremor

SOURCE = SourceIdentity("test", "1", "0")
COLUMN = {name: i for i, name in enumerate(SIGNALS)}
REST = np.array([0.10, 0.10, 0.40, 0.40, 0.003, 0.69, 0.87])


def curve_of(t: np.ndarray, intensity: np.ndarray, expression: str = "smile") -> IntensityCurve:
    return IntensityCurve(expression, t, intensity, SOURCE, RestReference.REST_CLIP)


def times_of(seconds: float = 10.0, fps: float = 30.0, seed: int = 0) -> np.ndarray:
    """Uneven, as a browser's are, with a tenth of the frames missing."""
    rng = np.random.default_rng(seed)
    t = np.arange(0, seconds, 1 / fps) + rng.uniform(-0.2, 0.2, round(seconds * fps)) / fps
    return t[rng.random(len(t)) > 0.1]


def measurement(
    t: np.ndarray, signals: np.ndarray, expression: str = "smile", **more: object
) -> Measurement:
    named = {name: series(signals[:, i], 7) for i, name in enumerate(SIGNALS)}
    return Measurement(
        expression,
        "measured",
        timestamps=tuple(t.tolist()),
        signals=named,
        **more,  # type: ignore[arg-type]
    )


def still(t: np.ndarray, noise: float = 0.0005, seed: int = 0) -> np.ndarray:
    return REST + np.random.default_rng(seed).normal(0, noise, (len(t), 7))


def value_of(measured: Measurement, curve: IntensityCurve, name: str) -> float | None:
    return next(sign.value for sign in signs(measured, curve) if sign.name == name)


# --- repetitions, latency, rates --------------------------------------------------------


@pytest.mark.parametrize("amplitude", [0.15, 0.5, 1.4])
@pytest.mark.parametrize("rise", [0.4, 1.0])
def test_repetitions_latency_and_rates_are_the_programmed_ones(
    amplitude: float, rise: float
) -> None:
    t = times_of()
    cues = (0.5, 3.5, 6.5)
    onsets = [cue + 0.35 for cue in cues]
    unit = np.sum([pulse(t, onset, rise, onset + 1.6, 0.8) for onset in onsets], axis=0)
    noisy = amplitude * unit + np.random.default_rng(1).normal(0, 0.01 * amplitude, len(t))
    found = repetitions.find(t, np.maximum(noisy, 0))
    assert len(found) == 3
    assert repetitions.latencies(found, cues) == pytest.approx([0.35] * 3, abs=0.06)
    # Between a fifth and four fifths of its height a minimum-jerk rise takes 0.347 of its time.
    steepness = 0.6 * amplitude / (0.347 * rise)
    for repetition in found:
        assert repetition.peak == pytest.approx(amplitude, rel=0.05)
        assert repetition.rise_rate == pytest.approx(steepness, rel=0.12)
        assert repetition.decay_rate == pytest.approx(0.6 * amplitude / (0.347 * 0.8), rel=0.12)


@pytest.mark.parametrize("rise", [0.4, 0.9])
def test_the_sources_smoothing_moves_no_onset_and_slows_no_rise(rise: float) -> None:
    t = np.arange(0, 10, 1 / 30)
    unit = pulse(t, 2.0, rise, 6.0, 0.8)
    smooth = local_line(t, unit[:, None], 0.14)[:, 0]
    (sharp,) = repetitions.find(t, unit)
    (found,) = repetitions.find(t, smooth, 0.14)
    (naive,) = repetitions.find(t, smooth)
    assert found.onset == pytest.approx(2.0, abs=0.02)
    assert naive.onset is not None
    assert naive.onset < 1.96
    assert found.rise_rate == pytest.approx(sharp.rise_rate, rel=0.1)
    assert found.decay_rate == pytest.approx(sharp.decay_rate, rel=0.1)


def test_no_movement_has_no_repetitions() -> None:
    t = times_of()
    assert repetitions.find(t, np.full(len(t), 0.02)) == []
    assert repetitions.find(t, np.full(len(t), np.nan)) == []
    assert repetitions.find(t[:2], np.zeros(2)) == []


def test_a_prompt_without_an_answer_gives_no_latency() -> None:
    t = times_of()
    found = repetitions.find(t, pulse(t, 4.0, 0.5, 6.0, 0.5))
    assert repetitions.latencies(found, (0.5, 3.5, 6.5)) == pytest.approx([0.5], abs=0.05)


def test_a_movement_that_began_before_the_clip_has_no_onset() -> None:
    t = times_of()
    (found,) = repetitions.find(t, 1 - pulse(t, 3.0, 0.5, 20.0, 0.5))
    assert found.onset is None
    assert found.rise_rate is None
    assert found.decay_rate is not None


@pytest.mark.parametrize(("fps", "given"), [(30.0, True), (9.0, False)])
def test_below_ten_frames_a_second_latency_and_rates_are_null(fps: float, given: bool) -> None:
    t = np.arange(0, 10, 1 / fps)
    curve = curve_of(t, pulse(t, 1.0, 0.6, 4.0, 0.6))
    measured = measurement(t, still(t), cues=(0.7,))
    for name in ("onset-latency", "rise-rate", "decay-rate", "mean-speed"):
        assert (value_of(measured, curve, name) is not None) is given, name
    assert value_of(measured, curve, "peak") == pytest.approx(1.0, abs=0.02)


def test_without_recorded_cues_latency_is_null() -> None:
    t = times_of()
    curve = curve_of(t, pulse(t, 1.0, 0.6, 4.0, 0.6))
    assert value_of(measurement(t, still(t)), curve, "onset-latency") is None


def test_expressivity_of_a_known_curve() -> None:
    t = np.arange(0, 10, 1 / 30)
    curve = curve_of(t, 0.8 * pulse(t, 2.0, 0.5, 5.0, 0.5))
    values = {s.name: s.value for s in signs(measurement(t, still(t)), curve)}
    assert values["peak"] == pytest.approx(0.8, abs=0.01)
    assert values["amplitude"] == pytest.approx(0.8, abs=0.01)
    assert values["area"] == pytest.approx(0.8 * 3.0, rel=0.01)
    assert values["repetitions"] == 1


# --- norms ------------------------------------------------------------------------------


class OneNorm:
    reference = "people without PD in a table"

    def percentile(self, column: str, value: float | None) -> float | None:
        return 42.0 if column == "smile_mouth-width_var" and value is not None else None


def test_a_percentile_stands_only_where_a_norm_was_measured() -> None:
    t = times_of()
    measured = measurement(t, still(t), stats={"mouth-width_var": 0.01, "mouth-width_mean": 0.7})
    found = {sign.name: sign for sign in signs(measured, curve_of(t, np.zeros(len(t))), OneNorm())}
    banded = {name for name, sign in found.items() if sign.percentile is not None}
    assert banded == {"mouth-width_var"}
    assert found["mouth-width_var"].norm == OneNorm.reference
    assert found["peak"].norm is None


# --- blinks, lips, tremor at rest -------------------------------------------------------


def blinking(t: np.ndarray, starts: list[float]) -> np.ndarray:
    closed = blinks(t, starts)
    signals = still(t)
    for name in ("eye-open-right", "eye-open-left"):
        signals[:, COLUMN[name]] *= 1 - 0.8 * closed
    for name in ("eye-raise-right", "eye-raise-left"):
        signals[:, COLUMN[name]] += 0.06 * closed
    return signals


def test_blinks_are_counted_and_bridged() -> None:
    t = times_of(12.0)
    starts = [1.0, 2.2, 6.0, 6.8, 10.5]
    signals = blinking(t, starts)
    assert len(blink_masks(t, signals)) == len(starts)
    assert np.abs(bridged(t, signals) - REST).max() < 0.01
    measured = measurement(t, signals, "rest")
    rate = value_of(measured, curve_of(t, np.zeros(len(t)), "rest"), "blink-rate")
    assert rate == pytest.approx(5 * 60 / 12, rel=0.02)


@pytest.mark.parametrize(("closed_s", "is_blink"), [(0.1, True), (0.6, True), (1.0, False)])
def test_lids_that_stay_down_are_no_blink(closed_s: float, is_blink: bool) -> None:
    """Eyes shut for a second rest or squeeze; bridging that away would hide a movement."""
    t = np.arange(0, 12, 1 / 30)
    signals = still(t)
    shut = (t >= 5) & (t < 5 + closed_s)
    signals[shut, :2] *= 0.2
    assert len(blink_masks(t, signals)) == is_blink
    assert (np.abs(bridged(t, signals)[shut, 0] - REST[0]).max() < 0.01) == is_blink


@pytest.mark.parametrize(("opening", "is_blink"), [(0.60, True), (0.70, False)])
def test_lids_that_hardly_sink_are_no_blink(opening: float, is_blink: bool) -> None:
    t = np.arange(0, 12, 1 / 30)
    signals = still(t)
    signals[(t >= 5) & (t < 5.2), :2] *= opening
    assert len(blink_masks(t, signals)) == is_blink


@pytest.mark.parametrize(("fps", "given"), [(13.0, True), (11.0, False)])
def test_too_few_frames_a_second_have_no_blink_rate(fps: float, given: bool) -> None:
    t = np.arange(0, 12, 1 / fps)
    measured = measurement(t, still(t), "rest")
    rate = value_of(measured, curve_of(t, np.zeros(len(t)), "rest"), "blink-rate")
    assert (rate is not None) == given


def test_a_face_that_never_blinks_has_the_rate_zero() -> None:
    t = times_of()
    measured = measurement(t, still(t), "rest")
    assert value_of(measured, curve_of(t, np.zeros(len(t)), "rest"), "blink-rate") == 0


def test_lips_parted_is_the_share_of_the_time() -> None:
    t = np.arange(0, 10, 1 / 30)
    signals = still(t)
    signals[t >= 7, COLUMN["mouth-open"]] += 0.1
    measured = measurement(t, signals, "rest")
    share = value_of(measured, curve_of(t, np.zeros(len(t)), "rest"), "lips-parted")
    assert share == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize("hertz", [4.0, 6.0])
def test_tremor_is_its_root_mean_square(hertz: float) -> None:
    t = times_of(8.0)
    signals = still(t)
    quiet = tremor(t, signals)
    signals[:, COLUMN["jaw-open"]] += 0.01 * np.sin(2 * np.pi * hertz * t)
    assert quiet is not None
    assert quiet < 0.001
    assert tremor(t, signals) == pytest.approx(0.01 / np.sqrt(2), rel=0.15)


def test_slow_movement_is_no_tremor() -> None:
    t = times_of(8.0)
    signals = still(t)
    signals[:, COLUMN["jaw-open"]] += 0.05 * np.sin(2 * np.pi * 0.5 * t)
    found = tremor(t, signals)
    assert found is not None
    assert found < 0.002


def test_asymmetry_is_above_zero_where_the_right_moves_less() -> None:
    t = times_of()
    shape = pulse(t, 1.0, 0.5, 4.0, 0.5)
    corners = {
        "mouth-corner-right": series(1.1 - 0.06 * shape, 7),
        "mouth-corner-left": series(1.1 - 0.12 * shape, 7),
    }
    measured = measurement(t, still(t), corners=corners)
    assert asymmetry(measured) == pytest.approx(0.5, abs=0.02)
    quiet = measurement(t, still(t), "surprise")
    assert asymmetry(quiet) is None, "a still face has no side"
