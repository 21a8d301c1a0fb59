"""The numbers by which a sign is told or is not, each from both sides."""

import numpy as np
import pytest

from ml.measuring.measurement import series
from ml.signs.signs import Sign, asymmetry, signs, tremor
from tests.ml.signs.test_signs import COLUMN, blinking, curve_of, measurement, still, value_of
from vocabulary.expressions import POSED, Expression

T = np.arange(0, 10, 1 / 30)
NOTHING = np.full(len(T), np.nan)


def test_a_sign_has_five_keys() -> None:
    told = Sign("peak", 0.5, "of healthy", 12.5, "people").to_json()
    assert told == {
        "name": "peak",
        "value": 0.5,
        "unit": "of healthy",
        "percentile": 12.5,
        "norm": "people",
    }


def test_expressivity_is_of_what_was_seen() -> None:
    """Half of the clip was not: neither its zeros nor its time are in any number."""
    intensity = np.where(T < 5, 0.2 + 0.1 * T, np.nan)
    values = {s.name: s.value for s in signs(measurement(T, still(T)), curve_of(T, intensity))}
    assert values["peak"] == pytest.approx(0.2 + 0.1 * 4.9, abs=0.005)
    assert values["amplitude"] == pytest.approx(0.1 * 4.4, abs=0.01)
    assert values["mean"] == pytest.approx(0.45, abs=0.005)
    assert values["area"] == pytest.approx(0.45 * 5, rel=0.015)
    assert values["mean-speed"] == pytest.approx(0.1, rel=0.01)


def test_nothing_is_told_of_a_face_that_was_not_seen() -> None:
    found = signs(measurement(T, still(T)), curve_of(T, NOTHING))
    names = {sign.name: sign.value for sign in found}
    assert {"peak", "amplitude", "mean", "area", "repetitions", "mean-speed"} <= set(names)
    assert names.pop("asymmetry") is None  # of a still face
    assert set(names.values()) == {None}
    unseen = measurement(T, np.full((len(T), 7), np.nan), "rest")
    assert {s.value for s in signs(unseen, curve_of(T, NOTHING, "rest"))} == {None}
    alone = measurement(T[:1], still(T[:1]), "rest")
    values = {s.name: s.value for s in signs(alone, curve_of(T[:1], NOTHING[:1], "rest"))}
    assert values["blink-rate"] is None
    assert values["tremor"] is None


def test_values_are_rounded_to_five_places_and_percentiles_to_one() -> None:
    class Norm:
        reference = "people"

        def percentile(self, column: str, value: float | None) -> float | None:
            return 42.06 if column == "smile_mouth-width_var" else None

    measured = measurement(T, still(T), stats={"mouth-width_var": 0.01})
    found = {s.name: s for s in signs(measured, curve_of(T, np.full(len(T), 1 / 3)), Norm())}
    assert found["mean"].value == 0.33333
    told = found["mouth-width_var"]
    assert (told.value, told.percentile, told.norm) == (0.01, 42.1, "people")


@pytest.mark.parametrize(
    ("fps", "is_told"), [(10.5, True), (10.0, True), (9.9, False), (9.5, False)]
)
def test_rates_need_ten_values_a_second_that_were_seen(fps: float, is_told: bool) -> None:
    """Of twice as many frames every second one shows no face."""
    t = np.arange(0, 10, 0.5 / fps)
    intensity = np.where(np.arange(len(t)) % 2, np.nan, np.clip(t - 2, 0, 1))
    speed = value_of(measurement(t, still(t)), curve_of(t, intensity), "mean-speed")
    assert speed is None, "no two neighbours were seen"
    rate = value_of(measurement(t, still(t)), curve_of(t, intensity), "rise-rate")
    assert (rate is not None) == is_told


@pytest.mark.parametrize(("moved", "is_told"), [(0.024, True), (0.018, False)])
@pytest.mark.parametrize("bad_frames", [0, 10])
def test_a_side_that_hardly_moves_has_no_asymmetry(
    moved: float, is_told: bool, bad_frames: int
) -> None:
    """A few bad frames make no movement: the range is from a twentieth to nineteen."""
    shape = np.where(T < 5, 0.0, 1.0)
    right = 1.1 - moved * shape
    right[100 : 100 + bad_frames] = 9.0
    corners = {
        "mouth-corner-right": series(right, 7),
        "mouth-corner-left": series(1.1 - 0.5 * moved * shape, 7),
    }
    found = asymmetry(measurement(T, still(T, 0), corners=corners))
    assert found == (pytest.approx(-0.5, abs=0.01) if is_told else None)


@pytest.mark.parametrize("pair", ["raise", "open"])
@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("expression", POSED)
def test_the_pairs_that_an_expression_names_count(
    expression: Expression, pair: str, side: str
) -> None:
    signals = still(T, 0)
    signals[:, COLUMN[f"eye-{pair}-{side}"]] += 0.1 * (T > 5)
    corners = dict.fromkeys(("mouth-corner-right", "mouth-corner-left"), series(signals[:, 6], 7))
    found = asymmetry(measurement(T, signals, str(expression), corners=corners))
    moves_less = pytest.approx(-1.0 if side == "right" else 1.0, abs=0.01)
    assert found == (moves_less if pair in expression.entry.sides else None)


@pytest.mark.parametrize(("gap", "share"), [(0.032, 1.0), (0.028, 0.0)])
def test_lips_are_parted_from_three_hundredths(gap: float, share: float) -> None:
    signals = still(T, 0)
    signals[:, COLUMN["mouth-open"]] = gap
    signals[100:] = np.nan
    measured = measurement(T, signals, "rest")
    assert value_of(measured, curve_of(T, NOTHING, "rest"), "lips-parted") == share


def test_blinks_are_counted_by_the_minute_that_was_seen() -> None:
    t = np.arange(0, 12, 1 / 60)
    signals = blinking(t, [1.0, 2.5, 4.0])
    signals[t >= 6] = np.nan
    measured = measurement(t, signals, "rest")
    rate = value_of(measured, curve_of(t, np.zeros(len(t)), "rest"), "blink-rate")
    assert rate == pytest.approx(3 * 60 / (t[-1] / 2), rel=1e-4)


@pytest.mark.parametrize(("fps", "is_told"), [(16.0, True), (14.0, False)])
def test_tremor_needs_twice_the_bands_upper_end(fps: float, is_told: bool) -> None:
    t = np.arange(0, 8, 1 / fps)
    measured = measurement(t, still(t), "rest")
    value = value_of(measured, curve_of(t, np.zeros(len(t)), "rest"), "tremor")
    assert (value is not None) == is_told


def test_two_neighbours_that_were_seen_have_a_speed() -> None:
    intensity = np.where(T < 0.05, 3 * T, np.nan)
    assert value_of(measurement(T, still(T)), curve_of(T, intensity), "mean-speed") == 3


@pytest.mark.parametrize("fps", [30.0, 14.0])
@pytest.mark.parametrize(
    ("hertz", "size", "told"), [(5.0, 0.01, 0.00707), (3.0, 0.05, 0), (2.5, 0.1, 0), (1.3, 0.3, 0)]
)
def test_strong_movement_beside_the_band_does_not_leak_into_it(
    fps: float, hertz: float, size: float, told: float
) -> None:
    """Nor is there anything wrong with a film whose frames end below the band's neighbour."""
    t = np.arange(0, 10, 1 / fps)
    signals = still(t, 0)
    signals[:, COLUMN["jaw-open"]] += size * np.sin(2 * np.pi * hertz * t + 0.7)
    assert tremor(t, signals) == pytest.approx(told, abs=0.0001)


def trembling(hertz: float, seconds: float = 10.0) -> float | None:
    t = np.arange(0, seconds, 1 / 30)
    signals = still(t, 0.0002)
    signals[:, COLUMN["jaw-open"]] += 0.01 * np.sin(2 * np.pi * hertz * t)
    return tremor(t, signals)


@pytest.mark.parametrize(
    ("hertz", "is_inside"), [(2.8, False), (3.8, True), (7.2, True), (8.2, False)]
)
def test_tremor_has_its_band(hertz: float, is_inside: bool) -> None:
    found = trembling(hertz)
    assert found is not None
    assert (found > 0.006) == is_inside
    assert (found < 0.002) != is_inside


def test_tremor_needs_two_seconds_and_eight_frames() -> None:
    assert trembling(5.0, 1.9) is None
    assert trembling(5.0, 2.2) is not None
    few = still(T)
    few[7:] = np.nan
    assert tremor(T, few) is None


def test_the_noise_of_the_landmarks_is_no_tremor() -> None:
    """What the neighbouring band holds is taken off; what is left is a tenth of it."""
    t = np.arange(0, 60, 1 / 30)
    found = tremor(t, still(t, 0.01))
    assert found is not None
    assert found < 0.005
