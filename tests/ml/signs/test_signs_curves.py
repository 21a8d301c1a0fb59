"""Curves of the geometric source: the healthy displacement counts as one, rest as nothing."""

import numpy as np
import pytest

from ml.intensity.geometric import READS, GeometricSource, healthy_displacement
from ml.intensity.source import ClipMaterial, IntensitySource, RestReference
from ml.measuring.blinks import blink_masks
from ml.measuring.geometry import SIGNALS
from ml.measuring.smoothing import local_line
from ml.phantom.movement import pulse
from ml.scoring.assessment import material, session_curves
from ml.signs import repetitions
from ml.signs.signs import signs
from tests.ml.conftest import Draw
from tests.ml.signs.test_signs import still, times_of
from vocabulary.expressions import POSED, Expression


def posed(t: np.ndarray, expression: str, amount: float) -> np.ndarray:
    """Signals that move along the expression's own direction by that many healthy displacements."""
    return moved(t, expression, amount)[:, : len(SIGNALS)]


def moved(t: np.ndarray, expression: str, amount: float) -> np.ndarray:
    """(T, 9): the signals of :func:`posed` and the corners of the mouth beside them."""
    moves = Expression(expression).entry.moves
    names = tuple(name for name in READS if name in SIGNALS or name in moves)
    scale = dict(zip(names, healthy_displacement(expression, names), strict=True))
    values = np.hstack([still(t), 0.8 + still(t, seed=3)[:, :2] - still(t, seed=3)[0, :2]])
    for name, weight in moves.items():
        step = np.sign(weight) * scale[name] * amount
        values[:, READS.index(name)] += step * pulse(t, 2.0, 0.6, 5.0, 0.6)
    return values


def clip_of(t: np.ndarray, expression: str, values: np.ndarray) -> ClipMaterial:
    return ClipMaterial(expression, t, values[:, : len(SIGNALS)], values[:, len(SIGNALS) :])


@pytest.mark.parametrize("expression", [str(e) for e in POSED])
def test_the_healthy_displacement_counts_as_one(expression: str) -> None:
    source = GeometricSource()
    assert isinstance(source, IntensitySource)
    t = times_of()
    rest = clip_of(t, "rest", moved(t, "rest", 0.0))
    clip = clip_of(t, expression, moved(t, expression, 1.0))
    curve = source.curve(clip, rest)
    assert curve.reference is RestReference.REST_CLIP
    assert repetitions.peak_of(curve.intensity) == pytest.approx(1.0, abs=0.15)
    assert np.median(curve.intensity[t < 1.5]) == 0
    alone = source.curve(clip, None)
    assert alone.reference is RestReference.SAME_CLIP
    assert repetitions.peak_of(alone.intensity) == pytest.approx(1.0, abs=0.15)


def test_movement_the_other_way_is_no_smile() -> None:
    t = times_of()
    rest = ClipMaterial("rest", t, still(t, seed=5))
    pursed = GeometricSource().curve(ClipMaterial("smile", t, posed(t, "smile", -0.3)), rest)
    assert np.nanmax(pursed.intensity) < 0.02


def test_a_curve_has_no_value_where_no_face_was_seen() -> None:
    t = times_of()
    signals = posed(t, "smile", 1.0)
    hidden = (t > 3) & (t < 3.5)
    signals[hidden] = np.nan
    curve = GeometricSource().curve(ClipMaterial("smile", t, signals), None)
    assert np.isnan(curve.intensity[hidden]).all()
    assert np.isfinite(curve.intensity[~hidden]).all()


def test_smoothing_keeps_lines_gaps_and_times() -> None:
    t = times_of()
    values = np.stack([2 * t + 1, -t], axis=1)
    np.testing.assert_allclose(local_line(t, values, 0.1), values, atol=1e-9)
    values[10] = np.nan
    assert np.isnan(local_line(t, values, 0.1)[10]).all()
    step = pulse(t, 4.0, 0.5, 20.0, 0.5)[:, None]
    halfway = np.interp(0.5, local_line(t, step, 0.12)[:, 0], t)
    assert halfway == pytest.approx(4.25, abs=0.02)


# --- drawn faces: the whole way from pictures -------------------------------------------


def test_amplitude_latency_and_repetitions_of_a_drawn_smile(drawn: Draw) -> None:
    rest, _ = drawn("rest")
    peaks = []
    for amplitude in (0.4, 1.0):
        measured, performance = drawn("smile", amplitude=amplitude)
        curve = session_curves({"rest": rest, "smile": measured}, GeometricSource())["smile"]
        values = {sign.name: sign.value for sign in signs(measured, curve)}
        true_latency = np.median(np.array(performance.onsets) - performance.cues)
        assert values["repetitions"] == 2
        assert values["onset-latency"] == pytest.approx(true_latency, abs=0.2)
        agreement = np.corrcoef(curve.intensity, performance.intensity)[0, 1]
        assert agreement > 0.93
        peaks.append(values["peak"])
    assert peaks[0] == pytest.approx(0.4, abs=0.2)
    assert peaks[1] == pytest.approx(1.0, abs=0.35)


def test_blinks_of_a_drawn_face_are_counted(drawn: Draw) -> None:
    measured, performance = drawn("rest", blinks_per_minute=30.0)
    t = np.array(measured.timestamps)
    counted = len(blink_masks(t, material(measured).signals))  # type: ignore[arg-type]
    assert abs(counted - len(performance.blink_starts)) <= 1
