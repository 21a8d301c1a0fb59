"""Each expression performed as its instruction tells it, and no more: its own curve is the highest.

The channels below are the instruction's words and nothing else of the drawn recipe: somebody who is
told to pull the corners of the mouth down does not raise their brows for it.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from ml.intensity.geometric import GeometricSource
from ml.intensity.source import ClipMaterial
from ml.measuring.face import LANDMARKS, tracker
from ml.measuring.geometry import corners, signals, square
from ml.phantom import Capture, Program, perform, render
from ml.phantom.channels import INDEX, SIDED
from ml.signs.repetitions import peak_of
from vocabulary.expressions import ASKED, POSED, Expression

#: By expression: words of its instruction, and the drawn face's channels that they ask for.
TOLD: Mapping[str, tuple[tuple[str, ...], Mapping[str, float]]] = {
    "rest": (("let your face rest",), {}),
    "smile": (("Smile as broadly as you can",), {"smile": 1.0, "part": 0.6}),
    "disgust": (("Wrinkle your nose",), {"sneer": 1.0, "squint": 0.5, "brow_down": 0.8}),
    "surprise": (
        ("Raise your eyebrows", "open your mouth"),
        {"brow_outer": 0.8, "brow_inner": 0.8, "jaw": 0.3},
    ),
    "anger": (
        ("Draw your eyebrows together", "press your lips"),
        {"brow_down": 1.0, "press": 0.8},
    ),
    "sadness": (("Pull the corners of your mouth down",), {"frown": 0.9}),
    "fear": (
        ("Open your eyes wide", "draw your mouth back"),
        {"wide": 0.95, "stretch": 0.8, "part": 0.3},
    ),
}  # fmt: skip
STILL = Program(amplitude=1.0, repetitions=2, blinks_per_minute=0.0, head_motion=0.3)
FILM = Capture(fps=12.0)


def vector(channels: Mapping[str, float]) -> np.ndarray:
    """Channels as the drawn face's own vector; a sided name means both sides."""
    values = np.zeros(len(INDEX))
    for name, value in channels.items():
        for channel in [f"{name}_right", f"{name}_left"] if name in SIDED else [name]:
            values[INDEX[channel]] = value
    return values


@cache
def told(expression: Expression) -> ClipMaterial:
    """What is measured of a drawn face that does as it was told."""
    clip = perform(expression, seed=5, seconds=6.0, program=STILL, capture=FILM)
    instead = vector(TOLD[expression][1]) - vector(expression.entry.drawn)
    channels = (clip.channels + clip.intensity[:, None] * instead).astype(np.float32)
    found = [tracker().find(picture) for picture in render(replace(clip, channels=channels))]
    blank = np.full((LANDMARKS, 3), np.nan, np.float32)
    points = np.stack([blank if f.landmarks is None else f.landmarks for f in found])
    squared = square(points, FILM.width / FILM.height)
    return ClipMaterial(expression, clip.times, signals(squared), corners(squared))


def peaks(expression: Expression) -> dict[str, float]:
    """The peak of every expression's curve in one clip."""
    source, clip, rest = GeometricSource(), told(expression), told(Expression.REST)
    curves = {e: source.curve(replace(clip, expression=e), rest) for e in POSED}
    return {str(e): peak_of(curve.intensity) for e, curve in curves.items()}


@pytest.mark.parametrize("expression", ASKED)
def test_the_instruction_says_what_is_performed_here(expression: Expression) -> None:
    words, channels = TOLD[expression]
    assert all(said in expression.entry.asking.instruction for said in words)
    assert set(channels) <= {*expression.entry.drawn, "jaw"}, "the drawn recipe does it too"


@pytest.mark.parametrize("expression", POSED)
def test_done_as_told_its_own_curve_is_the_highest(expression: Expression) -> None:
    found = peaks(expression)
    own = found.pop(expression)
    assert own > 0.3, found
    assert own > max(found.values()), (own, found)


def test_a_face_that_rests_as_told_shows_no_expression() -> None:
    assert max(peaks(Expression.REST).values()) < 0.15
