"""The drawn face is one that FaceMesh tracks, and its measured movement follows the program."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from ml.measuring.face import tracker
from ml.measuring.geometry import SIGNALS, signals, square
from ml.phantom import Capture, Identity, Performance, Program, draw_identity, perform, render
from ml.phantom.capture import draw_capture
from ml.phantom.conditions import CONDITIONS, apply
from ml.phantom.identity import SKIN_TONES
from vocabulary.expressions import ASKED, POSED, Expression

STILL = {"jitter": 0.0, "head_motion": 0.0, "blinks_per_minute": 0.0}
# Where an expression shows most, and which way the signal goes; the others where they count most.
CARRIER = {
    "smile": ("mouth-width", 1),
    "disgust": ("mouth-width", 1),
    "surprise": ("eye-open-right", 1),
    "anger": ("eye-raise-right", -1),
    "sadness": ("mouth-width", -1),
    "fear": ("mouth-width", 1),
}


def some_frames(performance: Performance, count: int) -> Performance:
    chosen = np.linspace(0, len(performance.times) - 1, count).astype(int)
    return replace(
        performance,
        times=performance.times[chosen],
        channels=performance.channels[chosen],
        intensity=performance.intensity[chosen],
    )


def read(performance: Performance) -> npt.NDArray[np.float64]:
    film = performance.capture
    faces = [tracker().find(picture) for picture in render(performance)]
    landmarks = [
        np.full((478, 2), np.nan) if face.landmarks is None else face.landmarks[:, :2]
        for face in faces
    ]
    return signals(square(np.stack(landmarks), film.width / film.height))


@pytest.mark.parametrize("condition", ["home", "dark"])
def test_face_mesh_finds_every_skin_tone_in_every_expression(condition: str) -> None:
    found = total = 0
    count = max(len(SKIN_TONES), len(ASKED))
    for k in range(count):
        expression = ASKED[k] if k < len(ASKED) else POSED[k - len(ASKED)]
        rng = np.random.default_rng([k, 7])
        person = draw_identity(rng, skin=k % len(SKIN_TONES) + 1)
        film = apply(condition, draw_capture(rng))
        clip = perform(
            expression, seed=k, identity=person, capture=film, program=Program(amplitude=1.3)
        )
        seen = np.isfinite(read(some_frames(clip, 10))).all(1)
        found, total = found + int(seen.sum()), total + len(seen)
    assert total == 10 * count
    assert found >= 0.99 * total


@pytest.mark.parametrize("expression", POSED)
def test_more_amplitude_is_more_measured_movement(expression: str) -> None:
    moves = Expression(expression).entry.moves
    most = max(moves, key=lambda name: abs(moves[name]))
    signal, direction = CARRIER.get(expression, (most, np.sign(moves[most])))
    values = []
    for amplitude in (0.0, 0.35, 0.7, 1.0, 1.4):
        plan = Program(amplitude=amplitude, repetitions=1, **STILL)
        clip = perform(expression, seconds=2.0, program=plan, capture=Capture(noise=0.0))
        top = int(np.argmax(clip.intensity)) if amplitude else 0
        peak = replace(clip, times=clip.times[:1], channels=clip.channels[top : top + 1])
        values.append(read(peak)[0, SIGNALS.index(signal)])
    steps = np.diff(values) * direction
    assert (steps > 0).all(), values


def test_the_brow_comes_down_in_disgust_up_to_the_healthy_median() -> None:
    """Beyond amplitude 1 FaceMesh's brow stays where it is, so the mouth carries disgust there."""
    values = []
    for amplitude in (0.0, 0.5, 1.0, 1.5):
        plan = Program(amplitude=amplitude, repetitions=1, **STILL)
        clip = perform("disgust", seconds=2.0, program=plan, capture=Capture(noise=0.0))
        top = int(np.argmax(clip.intensity)) if amplitude else 0
        frame = replace(clip, times=clip.times[:1], channels=clip.channels[top : top + 1])
        values.append(read(frame)[0, [SIGNALS.index(f"eye-raise-{s}") for s in ("right", "left")]])
    steps = np.diff(np.mean(values, axis=1))
    assert (steps[:2] < -0.01).all()
    assert steps[2] < 0.02


def test_measured_intensity_follows_the_programmed_curve() -> None:
    clip = some_frames(perform("smile", seed=4, program=Program(blinks_per_minute=0)), 40)
    width = read(clip)[:, SIGNALS.index("mouth-width")]
    assert np.corrcoef(width, clip.intensity)[0, 1] > 0.97


def test_a_smile_at_amplitude_one_moves_like_the_public_median() -> None:
    """Medians of people without PD in the public table: mean 0.813, variance 0.0153."""
    clip = some_frames(perform("smile", seed=2), 60)
    width = read(clip)[:, SIGNALS.index("mouth-width")]
    assert 0.77 < width.mean() < 0.86
    assert 0.010 < width.var() < 0.022


def test_asymmetry_moves_the_named_side_less() -> None:
    def movement(asymmetry: float) -> tuple[float, float]:
        plan = Program(asymmetry=asymmetry, repetitions=1, **STILL)
        clip = perform("anger", seconds=2.0, program=plan, capture=Capture(noise=0.0))
        top = int(np.argmax(clip.intensity))
        values = read(replace(clip, times=clip.times[:2], channels=clip.channels[[0, top]]))
        change = np.abs(values[1] - values[0])
        return change[SIGNALS.index("eye-raise-right")], change[SIGNALS.index("eye-raise-left")]

    right, left = movement(0.8)
    assert right < 0.7 * left
    right, left = movement(-0.8)
    assert left < 0.7 * right


def test_a_blink_closes_the_measured_eye() -> None:
    clip = perform("rest", seed=3, program=Program(blinks_per_minute=30.0))
    shut = int(np.argmin(np.abs(clip.times - clip.blink_starts[0] - 0.08)))
    both = replace(clip, times=clip.times[:2], channels=clip.channels[[shut - 6, shut]])
    eye = read(both)[:, SIGNALS.index("eye-open-left")]
    assert eye[1] < 0.6 * eye[0]


def test_parted_lips_are_seen_at_rest() -> None:
    def opening(share: float) -> float:
        clip = perform("rest", seed=5, program=Program(lips_parted=share, **STILL))
        return float(read(some_frames(clip, 12))[:, SIGNALS.index("mouth-open")].mean())

    assert opening(1.0) > 5 * opening(0.0)


def test_turning_the_head_is_seen() -> None:
    clip = perform("rest", seconds=1.0, program=Program(**STILL))
    from ml.phantom.channels import INDEX

    channels = clip.channels[:2].copy()
    channels[:, INDEX["yaw"]] = (-12.0, 12.0)
    nose = [
        (face.landmarks[4, 0] - face.landmarks[[33, 263], 0].mean())
        for face in map(
            tracker().find, render(replace(clip, times=clip.times[:2], channels=channels))
        )
        if face.landmarks is not None
    ]
    assert len(nose) == 2
    assert nose[1] - nose[0] > 0.012


def test_every_shape_and_extreme_is_drawn() -> None:
    for size, face in (((320, 240), 0.17), ((480, 640), 0.13), ((1280, 720), 0.2), ((64, 64), 0.4)):
        film = Capture(width=size[0], height=size[1], face=face, fps=5)
        person = Identity(skin=10, glasses=True, hair_style="bob")
        plan = Program(amplitude=3.0, tremor=1.0, lips_parted=1.0, head_motion=6.0)
        clip = perform("disgust", seconds=1.0, identity=person, capture=film, program=plan)
        pictures = list(render(clip))
        assert {picture.shape for picture in pictures} == {(size[1], size[0], 3)}
        assert all(picture.std() > 5 for picture in pictures)


def test_conditions_change_only_the_camera() -> None:
    base = draw_capture(np.random.default_rng(1))
    changed = {name: apply(name, base) for name in CONDITIONS}
    assert changed["home"] == base
    assert changed["dark"].light < 0.5 * base.light
    assert changed["15fps"].fps == 15.0
    assert changed["dropped"].dropped > 0.2
    assert changed["noise"].noise > 2 * base.noise
