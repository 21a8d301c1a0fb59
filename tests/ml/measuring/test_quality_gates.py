"""Every gate stands where it says: just inside passes, just outside is refused for its own reason.

The mesh of a real portrait is turned and tilted by known angles, so that the gates of the pose are
tried from landmarks to reason.
"""

from dataclasses import fields

import numpy as np
import pytest

from ml.errors import ClipUnusable
from ml.measuring import quality
from ml.measuring.face import tracker
from ml.measuring.geometry import square
from ml.measuring.orientation import Orientation
from ml.measuring.quality import Quality, Seen, Watcher, summarise
from ml.measuring.video import Decoding
from tests.ml.conftest import Picture
from tests.ml.measuring.test_clip_quality import usable
from vocabulary import assessment as shape
from vocabulary.reasons import UnusableReason

Why = UnusableReason
FPS = 30.0


def reason_of(measured: Quality, min_seconds: float = 1.0) -> UnusableReason | None:
    try:
        quality.check(measured, min_seconds)
    except ClipUnusable as refused:
        return refused.reason
    return None


#: (passes, fails, why): the two sides of each gate.
GATES: list[tuple[dict[str, float], dict[str, float], UnusableReason]] = [
    ({"duration_s": 1.0, "frames": 30}, {"duration_s": 0.99, "frames": 30}, Why.TOO_SHORT),
    ({"duration_s": 1.0, "frames": 8}, {"duration_s": 0.0, "frames": 1}, Why.TOO_SHORT),
    ({"frames": 75}, {"frames": 74}, Why.LOW_FRAME_RATE),
    (
        {"frame_brightness": 0.10, "contrast": 0.04},
        {"frame_brightness": 0.099, "contrast": 0.04},
        Why.TOO_DARK,
    ),
    (
        {"frame_brightness": 0.05, "contrast": 0.05},
        {"frame_brightness": 0.05, "contrast": 0.049},
        Why.TOO_DARK,
    ),
    (
        {"frame_brightness": 0.05, "face_found_rate": 0.8},
        {"frame_brightness": 0.05, "face_found_rate": 0.79},
        Why.TOO_DARK,
    ),
    (
        {"brightness": 0.85, "contrast": 0.04},
        {"brightness": 0.86, "contrast": 0.04},
        Why.TOO_BRIGHT,
    ),
    (
        {"brightness": 0.95, "contrast": 0.05},
        {"brightness": 0.95, "contrast": 0.049},
        Why.TOO_BRIGHT,
    ),
    (
        {"clipped_share": 0.51, "face_found_rate": 0.8},
        {"clipped_share": 0.51, "face_found_rate": 0.79},
        Why.TOO_BRIGHT,
    ),
    ({"several_faces_rate": 0.2}, {"several_faces_rate": 0.21}, Why.SEVERAL_FACES),
    ({"face_found_rate": 0.8}, {"face_found_rate": 0.79}, Why.FACE_LOST),
    ({"face_size": 0.10}, {"face_size": 0.099}, Why.FACE_TOO_SMALL),
    (
        {"face_size": 0.2, "width": 320},
        {"face_size": 0.2, "width": 318},
        Why.FACE_TOO_SMALL,
    ),
    ({"longest_still_s": 2.0}, {"longest_still_s": 2.01}, Why.TIME_GAP),
    ({"round_s": None}, {"round_s": 1.0}, Why.REPEATED),
    ({"cut_off_rate": 0.2}, {"cut_off_rate": 0.21}, Why.FACE_CUT_OFF),
    ({"turned_rate": 0.4}, {"turned_rate": 0.41}, Why.TURNED_AWAY),
    ({"tilted_rate": 0.4}, {"tilted_rate": 0.41}, Why.TILTED),
    ({"sharpness": 5.0}, {"sharpness": 4.9}, Why.BLURRED),
]


@pytest.mark.parametrize(("passes", "fails", "why"), GATES)
def test_a_gate_stands_where_it_says(
    passes: dict[str, float], fails: dict[str, float], why: UnusableReason
) -> None:
    assert reason_of(usable(**passes)) is None
    assert reason_of(usable(**fails)) is why


def test_every_gate_is_tried_from_both_sides() -> None:
    given = {reason for _, reason, _ in quality._gates(usable(), 1.0)}
    tried = {why for _, _, why in GATES}
    assert given == tried | {Why.NO_FACE}, "GATES here and the gates of ml/measuring/quality.py"


def test_every_figure_is_measured_and_published(
    mesh: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A field that nothing fills keeps its default, and its gate lets everything through."""
    names = [field.name for field in fields(Quality)]
    assert names == list(shape.Quality.__annotations__), "vocabulary/assessment.py: Quality"
    monkeypatch.setattr(quality, "Quality", lambda **given: given)
    assert set(summary(mesh)) == set(names), "summarise in ml/measuring/quality.py"  # type: ignore[call-overload]


def test_from_which_share_on_a_face_was_lost_and_not_missing() -> None:
    assert reason_of(usable(face_found_rate=0.2)) is Why.FACE_LOST
    assert reason_of(usable(face_found_rate=0.19)) is Why.NO_FACE


def test_white_for_half_of_the_picture_is_not_too_bright() -> None:
    assert reason_of(usable(clipped_share=0.5, face_found_rate=0.5)) is Why.FACE_LOST


@pytest.mark.parametrize("lost", ["face_size", "sharpness"])
def test_what_could_not_be_told_does_not_pass(lost: str) -> None:
    assert reason_of(usable(**{lost: None})) is not None


def test_light_that_was_not_looked_at_is_darkness() -> None:
    assert reason_of(usable(frame_brightness=None, contrast=0.01)) is Why.TOO_DARK


# --- from the mesh to the gate -------------------------------------------------------------------


@pytest.fixture(scope="module")
def mesh(close_up: Picture) -> np.ndarray:
    """(478, 3) of a face that looks straight ahead: whatever turn the portrait has is undone."""
    found = tracker().find(close_up).landmarks
    assert found is not None
    points = square(found[None].astype(np.float64), 1.0)
    for _ in range(4):
        yaw, pitch, tilt = quality.head_pose(points)[0]
        points = turned(points, -yaw, -pitch, -tilt)
    assert np.abs(quality.head_pose(points)).max() < 0.5
    return points[0]


def turned(points: np.ndarray, yaw: float, pitch: float, tilt: float) -> np.ndarray:
    """(T, 478, 3) turned about its middle, degrees: to the picture's right, down, clockwise."""
    a, b, c = np.radians([yaw, pitch, tilt])
    about_y = np.array([[np.cos(a), 0, -np.sin(a)], [0, 1, 0], [np.sin(a), 0, np.cos(a)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    middle = points.mean(1, keepdims=True)
    return (points - middle) @ (about_z @ about_y @ about_x).T + middle


def summary(points: np.ndarray, frames: int = 60, **orientation: float) -> Quality:
    """The quality of ``frames`` pictures that all show these landmarks, in good light."""
    watcher = Watcher(
        frame=[(0.5, 0.0)] * frames, face=[(n, [(0.5, 0.2, 30.0)]) for n in range(frames)]
    )
    film = np.repeat(points[None] if points.ndim == 2 else points, frames, axis=0)[:frames]
    width = float(np.ptp(film[0][:, 0]))
    seen = Seen(np.arange(frames) / FPS, film, np.ones(frames), [0] * frames, [[width]] * frames)
    found = Orientation(**orientation)  # type: ignore[arg-type]
    return summarise(watcher, seen, Decoding(width=480, height=480), found)


def posed(mesh: np.ndarray, axis: str, angle: float) -> np.ndarray:
    """(478, 3) turned until its pose reads ``angle``: how far the mesh has to be turned for that
    is its own affair (its depth is an estimate), where the gate stands is not."""
    angles = {"yaw": 0.0, "pitch": 0.0, "tilt": 0.0, axis: angle}
    read = {"yaw": 0, "pitch": 1, "tilt": 2}[axis]
    for _ in range(8):
        points = turned(mesh[None], **angles)
        angles[axis] += angle - quality.head_pose(points)[0][read]
    assert abs(angles[axis] - angle) < 2.0, "the pose is not what the mesh was turned by"
    assert quality.head_pose(points)[0][read] == pytest.approx(angle, abs=0.05)
    return np.asarray(points[0])


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("axis", ["yaw", "pitch"])
def test_a_head_turned_too_far_is_turned_away(mesh: np.ndarray, axis: str, sign: int) -> None:
    """To either side, and up or down: half of a face has no expression to measure."""
    for angle, why in ((29.8, None), (30.2, Why.TURNED_AWAY)):
        found = summary(posed(mesh, axis, sign * angle))
        assert getattr(found, axis) == pytest.approx(sign * angle, abs=0.11)
        assert found.turned_rate == (0.0 if why is None else 1.0)
        assert found.tilted_rate == 0.0
        assert reason_of(found) is why


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_head_on_its_side_is_tilted(mesh: np.ndarray, sign: int) -> None:
    for angle, why in ((39.8, None), (40.2, Why.TILTED)):
        held = summary(posed(mesh, "tilt", sign * angle))
        for found in (held, summary(posed(mesh, "tilt", 0.0), tilt=sign * angle)):
            assert found.roll == pytest.approx(sign * angle, abs=0.2)
            assert found.turned_rate == 0.0
            assert reason_of(found) is why


def test_the_pose_is_the_middle_of_the_film(mesh: np.ndarray) -> None:
    """A head that turns for a moment did not turn away."""
    film = np.repeat(mesh[None], 60, axis=0)
    film[:20] = turned(mesh[None], 45.0, 0.0, 0.0)[0]
    watcher = Watcher(frame=[(0.5, 0.0)], face=[(0, [(0.5, 0.2, 30.0)])])
    seen = Seen(np.arange(60) / FPS, film, np.ones(60), [0] * 60, [[0.4]] * 60)
    found = summarise(watcher, seen, Decoding(width=480, height=480), Orientation())
    assert found.turned_rate == pytest.approx(1 / 3, abs=1e-3)
    assert found.yaw == pytest.approx(0.0, abs=0.5)
    assert reason_of(found) is None


# --- whose face, which times ---------------------------------------------------------------------


def seen_with(whose: list[int | None], widths: list[list[float]]) -> Seen:
    frames = len(whose)
    points = np.zeros((frames, 478, 3))
    return Seen(np.arange(frames) / FPS, points, np.ones(frames), whose, widths)


def test_a_second_face_counts_from_two_fifths_of_the_first_ones_width() -> None:
    assert seen_with([0], [[0.5, 0.19]]).rivals() == 0
    assert seen_with([0], [[0.5, 0.21]]).rivals() == 1
    assert seen_with([1], [[0.21, 0.5]]).rivals() == 1
    assert seen_with([0], [[0.5]]).rivals() == 0
    assert seen_with([None], [[0.1]]).rivals() == 1, "only somebody else was there"
    assert seen_with([None], [[]]).rivals() == 0
    assert seen_with([0, 0], [[0.5, 0.5], [0.5, 0.1]]).rivals() == 1


def test_times_rates_and_what_is_missing(mesh: np.ndarray) -> None:
    """Ten pictures a second, two of twelve lost on the way, three that could not be placed."""
    times = np.array([n / 10 for n in range(12) if n not in (5, 6)])
    film = np.repeat(mesh[None], 10, axis=0)
    film[-1] = np.nan
    seen = Seen(times, film, np.ones(10), [0] * 9 + [None], [[0.4]] * 9 + [[]])
    turns = Orientation(turns=1)
    decoding = Decoding(width=640, height=480, unordered=3, resized=2)
    watcher = Watcher(frame=[(0.25, 0.125)], face=[(0, [(0.5, 0.2, 30.04)])])
    found = summarise(watcher, seen, decoding, turns)
    assert (found.frame_rate, found.duration_s, found.longest_gap_s) == (10.0, 1.2, 0.3)
    assert (found.frames, found.face_found_rate) == (10, 0.9)
    assert found.effective_frame_rate == pytest.approx(9 / 1.2)
    assert found.dropped_share == pytest.approx(5 / 15, abs=1e-4)
    assert (found.width, found.height, found.turn, found.resized) == (480, 640, 90, 2)
    assert (found.frame_brightness, found.clipped_share) == (0.25, 0.125)
    assert (found.brightness, found.contrast, found.sharpness) == (0.5, 0.2, 30.0)
    assert found.faces_max == 1
    assert found.face_size == pytest.approx(float(np.ptp(mesh[:, 0])), abs=1e-4)


def test_two_pictures_close_together_make_up_for_none_that_is_lost(mesh: np.ndarray) -> None:
    times = np.array([0.0, 0.1, 0.2, 0.21, 0.31, 0.41, 0.51, 0.81, 0.91, 1.01])
    film = np.repeat(mesh[None], 10, axis=0)
    seen = Seen(times, film, np.ones(10), [0] * 10, [[0.4]] * 10)
    found = summarise(Watcher(), seen, Decoding(width=480, height=480), Orientation())
    assert found.dropped_share == pytest.approx(2 / 12, abs=1e-4)


def test_of_no_frame_nothing_is_told() -> None:
    nothing = Seen(np.zeros(0), np.zeros((0, 478, 3)), np.zeros(0), [], [])
    found = summarise(Watcher(), nothing, Decoding(width=640, height=480), Orientation())
    assert found == Quality(width=640, height=480)
    assert reason_of(found) is Why.TOO_SHORT


def test_it_survives_json_and_a_later_versions_keys() -> None:
    known = usable(yaw=3.0, turned_rate=0.1)
    assert Quality.from_json({**known.to_json(), "made_up": 1}) == known
