"""Curves of blendshapes and landmarks together: each expression by its own units, from one's rest.

Series of blendshapes stand for faces: what the units are is checked here, and on real films by eye.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from ml.errors import SourceError
from ml.intensity.action_units import UNITS
from ml.intensity.blendshapes import BlendshapeSource
from ml.intensity.source import ClipMaterial, IntensitySource, RestReference
from ml.measuring.blendshapes import NAMES
from ml.measuring.geometry import CORNERS, SIGNALS
from ml.phantom.movement import blinks, pulse
from ml.signs.repetitions import peak_of
from vocabulary.expressions import POSED, Expression

T = np.arange(0.0, 8.0, 1 / 30)
LOOKS = np.arange(0.0, 8.0, 1 / 8)
SIGNALS_AT_REST = np.array([0.10, 0.10, 0.40, 0.40, 0.003, 0.69, 0.87, 1.2, 1.2])
SOURCE = BlendshapeSource()


def course(t: np.ndarray) -> np.ndarray:
    return np.maximum(pulse(t, 1.5, 0.5, 3.0, 0.5), pulse(t, 5.0, 0.5, 6.5, 0.5))


def columns(names: tuple[str, ...], name: str) -> list[int]:
    sides = {name, f"{name}Left", f"{name}Right", f"{name}-left", f"{name}-right"}
    return [place for place, one in enumerate(names) if one in sides]


def face(
    units: Mapping[str, float],
    level: Mapping[str, float] | None = None,
    expression: str = "smile",
    seed: int = 0,
) -> ClipMaterial:
    """A clip that shows these action units, each times so much of a full one, over a face whose
    blendshapes lie at ``level`` when it rests."""
    rng = np.random.default_rng(seed)
    shapes = np.abs(rng.normal(0, 0.004, (len(LOOKS), len(NAMES))))
    points = SIGNALS_AT_REST + rng.normal(0, 0.0005, (len(T), len(SIGNALS) + len(CORNERS)))
    for name, value in (level or {}).items():
        shapes[:, columns(NAMES, name)] += value
    for unit, amount in units.items():
        first, full = next(iter(UNITS[unit].blendshapes.items()))
        shapes[:, columns(NAMES, first)] += amount * full * course(LOOKS)[:, None]
        for name, change in UNITS[unit].landmarks.items():
            moved = amount * change * course(T)[:, None]
            points[:, columns((*SIGNALS, *CORNERS), name)] += moved
    return ClipMaterial(
        expression, T, points[:, : len(SIGNALS)], points[:, len(SIGNALS) :],
        blendshape_timestamps=LOOKS, blendshapes=shapes,
    )  # fmt: skip


REST = face({}, expression="rest", seed=9)


def peaks(clip: ClipMaterial, rest: ClipMaterial | None = REST) -> dict[str, float]:
    curves = {e: SOURCE.curve(replace(clip, expression=e), rest) for e in POSED}
    return {str(e): peak_of(curve.intensity) for e, curve in curves.items()}


def own(expression: Expression, amount: float = 1.0) -> dict[str, float]:
    """The units that the expression's entry counts for it."""
    return {unit: amount for unit, weight in expression.entry.units.items() if weight > 0}


def test_it_is_an_intensity_source() -> None:
    assert isinstance(SOURCE, IntensitySource)
    assert all(SOURCE.knows(expression) for expression in Expression)


@pytest.mark.parametrize("expression", POSED)
@pytest.mark.parametrize("rest", [REST, None], ids=["rest clip", "no rest clip"])
def test_its_own_units_raise_its_own_curve_above_every_other(
    expression: Expression, rest: ClipMaterial | None
) -> None:
    found = peaks(face(own(expression)), rest)
    mine = found.pop(expression)
    assert (0.6 if rest else 0.3) < mine < 1.3, found
    assert max(found.values()) < 0.75 * mine, found


@pytest.mark.parametrize("expression", POSED)
def test_half_as_much_reads_less_and_nothing_reads_zero(expression: Expression) -> None:
    whole, half = (peaks(face(own(expression, a)))[expression] for a in (1.0, 0.4))
    assert 0.15 < half < 0.7 * whole
    assert max(peaks(face({}, seed=3)).values()) == 0


def test_a_face_whose_brows_stand_high_at_rest_is_not_surprised() -> None:
    level = {"browInnerUp": 0.5, "browOuterUp": 0.7, "eyeWide": 0.1}
    raised = face({}, level, seed=3)
    assert peaks(raised, face({}, level, "rest", seed=9))["surprise"] == 0
    more = face({"AU1": 1.0, "AU2": 1.0}, level)
    assert peaks(more, face({}, level, "rest", seed=9))["surprise"] > 0.4


def test_corners_that_drop_read_as_sadness_though_the_model_says_little() -> None:
    """``mouthFrown`` is about .1 at a plain frown, and the landmarks see it as well."""
    found = peaks(face({"AU15": 1.0, "AU17": 0.5}))
    assert found["sadness"] > 0.4
    assert max(value for e, value in found.items() if e != "sadness") < 0.1


def test_a_jaw_that_drops_is_no_sadness() -> None:
    """It takes the corners of the mouth down with it."""
    clip = face({"AU26": 1.0})
    assert clip.corners is not None
    lips = clip.corners + 0.05 * course(T)[:, None]
    assert peaks(replace(clip, corners=lips))["sadness"] < 0.1


def test_a_blink_is_looked_through() -> None:
    clip = face({}, seed=3)
    starts = [1.0, 2.5, 4.0, 6.0]
    closed = blinks(T, starts)
    assert clip.signals is not None
    assert clip.blendshapes is not None
    signals, shapes = clip.signals.copy(), clip.blendshapes.copy()
    signals[:, :2] *= 1 - 0.9 * closed[:, None]
    for name, much in (("eyeBlink", 0.9), ("browDown", 0.3), ("eyeSquint", 0.5)):
        shapes[:, columns(NAMES, name)] += much * blinks(LOOKS, starts)[:, None]
    assert max(peaks(replace(clip, signals=signals, blendshapes=shapes)).values()) < 0.05


def test_the_times_are_the_landmarks_own() -> None:
    clip = face(own(Expression.SURPRISE), expression="surprise")
    curve = SOURCE.curve(clip, REST)
    assert (curve.t == T).all()
    assert curve.reference is RestReference.REST_CLIP
    assert SOURCE.curve(clip, None).reference is RestReference.SAME_CLIP
    half = curve.intensity > 0.5 * peak_of(curve.intensity)
    assert T[np.argmax(half)] == pytest.approx(1.75, abs=0.07)


def test_where_no_face_was_seen_there_is_no_value() -> None:
    clip = face(own(Expression.SMILE))
    assert clip.signals is not None
    signals = clip.signals.copy()
    signals[60:75] = np.nan
    curve = SOURCE.curve(replace(clip, signals=signals), REST)
    assert np.isnan(curve.intensity[60:75]).all()
    assert np.isfinite(curve.intensity[:60]).all()


def test_a_clip_without_blendshapes_is_refused_and_older_ones_lack_only_corners() -> None:
    clip = face(own(Expression.SADNESS), expression="sadness")
    with pytest.raises(SourceError, match="needs blendshapes"):
        SOURCE.curve(replace(clip, blendshapes=None), None)
    assert peak_of(SOURCE.curve(replace(clip, corners=None), REST).intensity) > 0.5


def test_rest_and_speech_read_the_largest_of_all() -> None:
    moved = face(own(Expression.FEAR), expression="free")
    assert peak_of(SOURCE.curve(moved, None).intensity) > 0.5
    assert peak_of(SOURCE.curve(REST, REST).intensity) == 0
