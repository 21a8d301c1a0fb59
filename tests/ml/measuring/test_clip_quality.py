"""Each bad recording is unusable for its own reason; weak movement and dark skin never are."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from ml import phantom
from ml.errors import ClipUnusable
from ml.measuring import quality
from ml.measuring.clip import measure_clip
from ml.measuring.face import tracker
from ml.measuring.measurement import Measurement
from tests.ml.conftest import Draw, Picture, even_times, write_video
from vocabulary.reasons import UnusableReason

GREY = np.full((480, 640, 3), 128, np.uint8)


@pytest.fixture
def filmed(tmp_path: Path) -> Callable[..., Measurement]:
    """Measures a clip of these pictures at these frames a second."""

    def film(pictures: list[Picture], fps: float = 10.0) -> Measurement:
        times = even_times(len(pictures) / fps, fps)
        return measure_clip(write_video(tmp_path / "a.mp4", pictures, times), expression="smile")

    return film


def dimmed(picture: Picture, share: float) -> Picture:
    noise = np.random.default_rng(0).normal(0, 1, picture.shape)
    return np.clip(picture * share + noise, 0, 255).astype(np.uint8)


def test_a_good_recording_passes(filmed: Callable[..., Measurement], portrait: Picture) -> None:
    measured = filmed([portrait] * 12)
    assert (measured.state, measured.reason) == ("measured", None)
    assert measured.quality.face_found_rate == 1.0
    assert measured.quality.faces_max == 1


@pytest.mark.parametrize("share", [0.12, 0.01])
def test_too_dark(filmed: Callable[..., Measurement], portrait: Picture, share: float) -> None:
    """Also where no face is found any more: the light is what the person can change."""
    assert filmed([dimmed(portrait, share)] * 12).reason is UnusableReason.TOO_DARK


def test_too_bright(filmed: Callable[..., Measurement], portrait: Picture) -> None:
    burnt = np.clip(portrait.astype(float) * 5 + 60, 0, 255).astype(np.uint8)
    assert filmed([burnt] * 12).reason is UnusableReason.TOO_BRIGHT


def test_blurred(filmed: Callable[..., Measurement], close_up: Picture) -> None:
    soft = cv2.GaussianBlur(close_up, (0, 0), 11)
    assert filmed([soft] * 12).reason is UnusableReason.BLURRED


def test_no_face(filmed: Callable[..., Measurement]) -> None:
    measured = filmed([GREY] * 12)
    assert measured.reason is UnusableReason.NO_FACE
    assert measured.stats == {}


def test_a_face_that_leaves_is_lost(filmed: Callable[..., Measurement], portrait: Picture) -> None:
    measured = filmed([portrait] * 9 + [GREY] * 5)
    assert measured.reason is UnusableReason.FACE_LOST
    assert measured.signals["mouth-width"][-1] is None


def test_two_faces(filmed: Callable[..., Measurement], close_up: Picture) -> None:
    pair = np.hstack([close_up, close_up])
    assert filmed([pair] * 12).reason is UnusableReason.SEVERAL_FACES


def test_five_frames_a_second_are_too_few(
    filmed: Callable[..., Measurement], portrait: Picture
) -> None:
    assert filmed([portrait] * 12, fps=5).reason is UnusableReason.LOW_FRAME_RATE
    assert filmed([portrait] * 12, fps=8).reason is None


def test_half_a_second_is_too_short(filmed: Callable[..., Measurement], portrait: Picture) -> None:
    assert filmed([portrait] * 5, fps=10).reason is UnusableReason.TOO_SHORT


def test_one_frame_is_too_short(filmed: Callable[..., Measurement], portrait: Picture) -> None:
    assert filmed([portrait]).reason is UnusableReason.TOO_SHORT


@pytest.mark.parametrize("skin", [1, 10])
def test_no_skin_tone_is_too_dark_in_a_lit_room(drawn: Draw, skin: int) -> None:
    identity = phantom.Identity(skin=skin)
    measured, _ = drawn("rest", seconds=2.0, identity=identity)
    assert measured.reason is None


def test_a_masked_face_passes_the_gates(drawn: Draw) -> None:
    measured, _ = drawn("smile", seconds=2.0, amplitude=0.0)
    assert measured.reason is None


def rotated(landmarks: np.ndarray, yaw: float, pitch: float) -> np.ndarray:
    """(T, 478, 3) of a square picture, turned about the face's middle by degrees."""
    a, b = np.radians([yaw, pitch])
    about_y = np.array([[np.cos(a), 0, -np.sin(a)], [0, 1, 0], [np.sin(a), 0, np.cos(a)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    middle = landmarks.mean(1, keepdims=True)
    return (landmarks - middle) @ (about_y @ about_x).T + middle


@pytest.mark.parametrize("yaw", [-40.0, 0.0, 25.0])
def test_the_pose_is_read_from_the_mesh(close_up: Picture, yaw: float) -> None:
    found = tracker().find(close_up).landmarks
    assert found is not None
    straight = quality.head_pose(found[None].astype(float))[0]
    turned = quality.head_pose(rotated(found[None].astype(float), yaw, 0.0))[0]
    assert turned[0] - straight[0] == pytest.approx(yaw, abs=2.0)


def usable(**changes: float) -> quality.Quality:
    good = {
        "face_found_rate": 1.0, "brightness": 0.5, "frame_brightness": 0.5, "clipped_share": 0.0,
        "contrast": 0.2, "sharpness": 30.0, "yaw": 0.0, "pitch": 0.0, "roll": 0.0,
        "face_size": 0.3, "frame_rate": 30.0, "effective_frame_rate": 30.0, "duration_s": 10.0,
        "frames": 300, "width": 640, "height": 480,
    }  # fmt: skip
    return quality.Quality(**(good | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"turned_rate": 0.6}, UnusableReason.TURNED_AWAY),
        ({"face_size": 0.06}, UnusableReason.FACE_TOO_SMALL),
        ({"face_found_rate": 0.1}, UnusableReason.NO_FACE),
        ({"face_found_rate": 0.6}, UnusableReason.FACE_LOST),
        ({"brightness": 0.95, "contrast": 0.02}, UnusableReason.TOO_BRIGHT),
        ({"several_faces_rate": 0.5}, UnusableReason.SEVERAL_FACES),
    ],
)
def test_the_gates(changes: dict[str, float], reason: UnusableReason) -> None:
    quality.check(usable(), min_seconds=1.0)
    with pytest.raises(ClipUnusable) as caught:
        quality.check(usable(**changes), min_seconds=1.0)
    assert caught.value.reason is reason
    assert caught.value.detail
