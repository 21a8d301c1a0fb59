"""What was asked, what was done: each note by a face that does it, and by one that must not get it.

Drawn people, their signals simulated; what the simulation does not know (speech, shut eyes) is put
into the signals by hand.
"""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from ml.intensity.geometric import GeometricSource
from ml.measuring import geometry
from ml.measuring.face import tracker
from ml.measuring.geometry import CORNERS, SIGNALS
from ml.measuring.measurement import Measurement, series
from ml.phantom import Capture, Program, perform, render
from ml.phantom.signals import simulate, simulate_corners
from ml.scoring.assessment import assess, what_was_done
from ml.scoring.bundle import default_bundle_path, load
from ml.scoring.person_result import Session
from ml.signs.asked import Done
from vocabulary.expressions import POSED, Expression
from vocabulary.notes import Note

PERSON = (1, 1)
CUES = (0.4, 3.6, 6.8)
MASKED = 0.2


@cache
def clip(performed: str, asked: str = "", **program: Any) -> Measurement:
    """A drawn person who performs one expression where ``asked`` for that or another one."""
    plan = Program(**{"repetitions": 3, **program})
    made = perform(performed, seed=3, program=plan)
    signals, lips = simulate(made, PERSON), simulate_corners(made, PERSON)
    asked = asked or performed
    return Measurement(
        asked,
        "measured",
        timestamps=tuple(made.times.tolist()),
        signals={name: series(signals[:, k], 7) for k, name in enumerate(SIGNALS)},
        corners={name: series(lips[:, k], 7) for k, name in enumerate(CORNERS)},
        stats={f"{name}_{what}": value for k, name in enumerate(SIGNALS)
               for what, value in (("mean", signals[:, k].mean()), ("var", signals[:, k].var()))},
        cues=None if asked == Expression.REST else CUES,
    )  # fmt: skip


def filmed(asymmetry: float, amplitude: float = 1.0) -> Measurement:
    """A drawn smile that FaceMesh looks at: the simulation does not know halves of a face."""
    plan = Program(amplitude, asymmetry=asymmetry, repetitions=1, blinks_per_minute=0.0)
    made = perform("smile", seed=3, seconds=3.0, program=plan, capture=Capture(fps=12.0))
    points = np.stack([tracker().find(picture).found[0] for picture in render(made)])
    squared = geometry.square(points, 4 / 3)
    signals, lips = geometry.signals(squared), geometry.corners(squared)
    return Measurement(
        "smile",
        "measured",
        timestamps=tuple(made.times.tolist()),
        signals={name: series(signals[:, k], 7) for k, name in enumerate(SIGNALS)},
        corners={name: series(lips[:, k], 7) for k, name in enumerate(CORNERS)},
    )


def changed(measured: Measurement, **signals: Any) -> Measurement:
    """The same with some signals replaced by what a function makes of times and values."""
    times, named = np.array(measured.timestamps), dict(measured.signals)
    for name, make in signals.items():
        for one in [n for n in SIGNALS if n.startswith(name.replace("_", "-"))]:
            values = np.array(named[one], np.float64)
            named[one] = series(make(times, values), 7)
    return replace(measured, signals=named)


def done(measured: Measurement, rest: Measurement | None = None) -> Done:
    still = clip("rest") if rest is None else rest
    session = {"rest": still, str(measured.expression): measured}
    return what_was_done(session, GeometricSource())[measured.expression]


def found(measured: Measurement) -> set[Note]:
    return set(done(measured).notes)


@pytest.mark.parametrize("expression", POSED)
@pytest.mark.parametrize("amplitude", [1.0, 0.4, MASKED])
def test_what_was_asked_is_never_noted_however_weak(expression: str, amplitude: float) -> None:
    assert done(clip(expression, amplitude=amplitude)) == Done()


def test_a_masked_face_at_rest_with_tremor_and_parted_lips_is_not_noted() -> None:
    still = clip("rest", lips_parted=0.8, tremor=1.0, blinks_per_minute=3.0)
    assert done(still, still) == Done()
    assert done(clip("smile", amplitude=0.15, lips_parted=0.5, tremor=0.5, speed=0.5)).weight == 1


@pytest.mark.parametrize(
    ("asked", "performed"),
    [("sadness", "smile"), ("anger", "surprise"), ("smile", "surprise"), ("surprise", "disgust")],
)
def test_another_expression_is_noted_and_named(asked: str, performed: str) -> None:
    did = done(clip(performed, asked))
    assert (did.notes, did.shown) == ((Note.ANOTHER_EXPRESSION,), performed)
    assert did.weight == Note.ANOTHER_EXPRESSION.weight < 1


def test_a_rest_in_which_somebody_smiles_is_noted() -> None:
    moved = clip("smile", "rest", repetitions=1)
    assert done(moved, moved).notes == (Note.MOVED_AT_REST,)
    calm = clip("rest", blinks_per_minute=30.0, head_motion=2.0)
    assert done(calm, calm) == Done()


def test_fewer_and_more_repetitions_than_prompted_are_noted_and_weigh_nothing_off() -> None:
    fewer, more = (done(clip("smile", repetitions=n)) for n in (1, 6))
    assert (fewer.notes, more.notes) == ((Note.FEWER_REPETITIONS,), (Note.MORE_REPETITIONS,))
    assert (fewer.weight, more.weight) == (1.0, 1.0)
    assert found(clip("smile", repetitions=1, amplitude=MASKED)) == set()


def test_one_half_of_a_face_is_noted_a_lopsided_one_is_not() -> None:
    def notes(measured: Measurement) -> tuple[Note, ...]:
        return what_was_done({"smile": measured}, GeometricSource())["smile"].notes

    assert notes(filmed(1.0)) == (Note.ONE_HALF,)
    assert notes(filmed(-1.0)) == (Note.ONE_HALF,)
    assert notes(filmed(0.4)) == ()
    assert notes(filmed(0.4, amplitude=0.3)) == ()


def test_shut_eyes_are_noted_half_shut_ones_and_blinks_are_not() -> None:
    smile = clip("smile", blinks_per_minute=0.0)
    assert Note.EYES_CLOSED in found(changed(smile, eye_open=lambda t, v: 0.2 * v))
    assert Note.EYES_CLOSED not in found(changed(smile, eye_open=lambda t, v: 0.6 * v))
    assert found(clip("smile", blinks_per_minute=45.0)) == set()


def test_speech_is_noted_in_any_clip() -> None:
    def spoken(t: np.ndarray, values: np.ndarray) -> np.ndarray:
        return values + 0.12 * np.maximum(np.sin(2 * np.pi * 3.0 * t), 0.0)

    for still in (clip("rest"), clip("anger", amplitude=0.5)):
        assert Note.TALKING in found(changed(still, mouth_open=spoken))


def test_a_result_shows_the_notes_and_what_the_clip_counts_for() -> None:
    bundle = load(default_bundle_path())
    session = {"rest": clip("rest"), "smile": clip("smile"), "disgust": clip("disgust"),
               "surprise": clip("surprise")}  # fmt: skip
    right = assess(session, bundle=bundle).to_json()
    wrong = assess({**session, "smile": clip("surprise", "smile")}, bundle=bundle).to_json()
    told = {one["expression"]: one for one in wrong["clips"]}
    assert told["smile"]["notes"] == ["another_expression"]
    assert (told["smile"]["shown"], told["smile"]["weight"]) == ("surprise", 0.5)
    assert (told["disgust"]["notes"], told["disgust"]["weight"]) == ([], 1.0)
    assert wrong["hypomimia_index"] is not None
    assert wrong["abstained"] == right["abstained"], "a note is no gate"
    worth = [one["person"]["hypomimia_index"]["worth"] for one in (wrong, right)]
    assert worth[0] < worth[1]


def test_a_session_of_clips_that_were_not_as_asked_counts_for_less() -> None:
    assert Session(50.0, None, done_as_asked=0.5).quality == 0.5
    assert Session(50.0, None, 0.5, done_as_asked=0.5).quality == 0.25
    assert Session(50.0, None).quality == 1.0
