"""What was measured without a word: a face that the picture's edge cuts off, a film in a loop, a
clock that runs wrong, streams that never come to a picture. Each is measured, or says why not.
"""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from ml import phantom
from ml.measuring import face
from ml.measuring.clip import measure_clip
from ml.measuring.loops import Loops
from ml.measuring.measurement import Measurement
from ml.measuring.video import Announced, frames
from ml.phantom.render import render
from tests.ml.conftest import Picture, even_times, write_video
from vocabulary.reasons import UnusableReason

FPS = 10.0
SECONDS = 3.0
FRAMES = round(SECONDS * FPS)
Why = UnusableReason


@pytest.fixture(scope="module")
def film() -> list[Picture]:
    """A drawn smile, small and quick to encode."""
    camera = phantom.Capture(width=320, height=240, fps=FPS)
    return list(render(phantom.perform("smile", seed=3, seconds=SECONDS, capture=camera)))


@pytest.fixture(scope="module")
def clip(film: list[Picture], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "a.webm"
    return write_video(path, film, even_times(SECONDS, FPS), codec="libvpx")


def measured(
    path: Path, announced: Announced | None = None, cues: Sequence[float] | None = None
) -> Measurement:
    return measure_clip(path, expression="smile", announced=announced, cues=cues)


# --- the picture's edge ---------------------------------------------------------------------------


def cropped(film: Sequence[Picture], side: str, share: float) -> list[Picture]:
    """The pictures without this share of the face's height (or width) at one side of it."""
    landmarks = face.tracker().find(film[0]).landmarks
    assert landmarks is not None
    height, width = film[0].shape[:2]
    low = landmarks[:, :2].min(0) * (width, height)
    high = landmarks[:, :2].max(0) * (width, height)
    (x0, y0), (x1, y1) = low + share * (high - low), high - share * (high - low)
    top, bottom, left, right = 0, height, 0, width
    if side == "chin":
        bottom = int(y1) // 2 * 2
    elif side == "forehead":
        top = int(y0) // 2 * 2
    elif side == "left":
        left = int(x0) // 2 * 2
    else:
        right = int(x1) // 2 * 2
    return [np.ascontiguousarray(one[top:bottom, left:right]) for one in film]


@pytest.mark.parametrize(
    ("side", "share"), [("chin", 0.1), ("forehead", 0.3), ("left", 0.25), ("right", 0.25)]
)
def test_a_face_that_the_edge_cuts_off(
    film: list[Picture], tmp_path: Path, side: str, share: float
) -> None:
    """At the chin the jaw reads 5 % shorter, and with the mouth half out a shut one wide open."""
    pictures = cropped(film, side, share)
    found = measured(write_video(tmp_path / "a.mp4", pictures, even_times(SECONDS, FPS)))
    assert found.reason is Why.FACE_CUT_OFF, (found.detail, found.quality.cut_off_rate)
    assert found.quality.cut_off_rate > 0.9


@pytest.mark.parametrize(("side", "share"), [("forehead", 0.1), ("left", 0.05), ("chin", -0.05)])
def test_hair_and_ears_may_be_outside(
    film: list[Picture], tmp_path: Path, side: str, share: float
) -> None:
    pictures = cropped(film, side, share)
    found = measured(write_video(tmp_path / "a.mp4", pictures, even_times(SECONDS, FPS)))
    assert (found.reason, found.quality.cut_off_rate) == (None, 0.0)


@pytest.mark.parametrize("degrees", [20, -20])
def test_the_edge_is_that_of_the_film_however_the_head_is_tilted(
    film: list[Picture], tmp_path: Path, degrees: float
) -> None:
    """A tilted head is set upright before it is measured; what the film did not show stays out."""
    height, width = film[0].shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    tilted = [cv2.warpAffine(p, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
              for p in film]  # fmt: skip
    whole = measured(write_video(tmp_path / "a.mp4", tilted, even_times(SECONDS, FPS)))
    assert (whole.reason, whole.quality.cut_off_rate) == (None, 0.0)
    cut = cropped(tilted, "chin", 0.15)
    found = measured(write_video(tmp_path / "b.mp4", cut, even_times(SECONDS, FPS)))
    assert found.reason is Why.FACE_CUT_OFF, (found.detail, found.quality.cut_off_rate)


# --- a film in a loop -----------------------------------------------------------------------------

LOOP_FPS = 20.0


@pytest.fixture(scope="module")
def moving() -> list[Picture]:
    """Six seconds of a face at rest that hardly moves: the hardest to tell from one in a loop."""
    camera = phantom.Capture(width=320, height=240, fps=LOOP_FPS)
    plan = phantom.Program(amplitude=0.05)
    drawn = phantom.perform("rest", seed=4, seconds=6.0, program=plan, capture=camera)
    return list(render(drawn))


def looked_at(path: Path) -> Loops:
    loops = Loops()
    whole = [np.array([[0.28, 0.25], [0.72, 0.79]])]
    for frame in frames(path):
        loops.see(frame.t, frame.rgb, whole)
    return loops


@pytest.mark.parametrize("codec", ["libx264", "libvpx"])
@pytest.mark.parametrize("seconds", [0.5, 1.0, 2.0])
def test_a_film_in_a_loop_is_seen(
    moving: list[Picture], tmp_path: Path, codec: str, seconds: float
) -> None:
    one = moving[: round(seconds * LOOP_FPS)]
    path = tmp_path / ("a.mp4" if codec == "libx264" else "a.webm")
    again = [one[number % len(one)] for number in range(len(moving))]
    write_video(path, again, even_times(6.0, LOOP_FPS), codec=codec)
    found = looked_at(path).round_s()
    assert found is not None
    assert found / seconds == pytest.approx(round(found / seconds), abs=0.06)


def test_a_loop_is_seen_where_frames_are_lost(moving: list[Picture], tmp_path: Path) -> None:
    kept = np.random.default_rng(0).random(len(moving)) > 0.15
    again = [moving[number % 20] for number in range(len(moving)) if kept[number]]
    times = [t for t, is_kept in zip(even_times(6.0, LOOP_FPS), kept, strict=True) if is_kept]
    path = write_video(tmp_path / "a.webm", again, times, codec="libvpx")
    assert looked_at(path).round_s() is not None


@pytest.mark.parametrize("codec", ["libx264", "libvpx"])
def test_a_person_does_not_come_again(moving: list[Picture], tmp_path: Path, codec: str) -> None:
    """Nor with a key frame every second, nor where a lamp flickers in step with the camera."""
    lamp = [np.clip(p * (1 + 0.06 * np.cos(2 * np.pi * n / 3)), 0, 255).astype(np.uint8)
            for n, p in enumerate(moving)]  # fmt: skip
    path = tmp_path / ("a.mp4" if codec == "libx264" else "a.webm")
    for pictures in (moving, lamp):
        write_video(path, pictures, even_times(6.0, LOOP_FPS), codec=codec, options={"g": "20"})
        assert looked_at(path).round_s() is None


def test_what_stands_still_is_no_loop(moving: list[Picture], tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", moving[:1] * 60, even_times(3.0, LOOP_FPS))
    assert looked_at(path).round_s() is None


def test_a_loop_is_refused(film: list[Picture], tmp_path: Path) -> None:
    """As movement it would be measured: a smile a second."""
    path = write_video(tmp_path / "a.webm", film[:10] * 5, even_times(5.0, FPS), codec="libvpx")
    found = measured(path)
    assert found.reason is Why.REPEATED, found.detail
    assert "1.0 seconds" in found.detail


# --- clocks ---------------------------------------------------------------------------------------


def at_another_pace(path: Path, film: Sequence[Picture], factor: float) -> Path:
    times = [round(factor * t, 3) for t in even_times(SECONDS, FPS)]
    return write_video(path, film, times, codec="libvpx")


def test_a_clock_at_half_pace(film: list[Picture], tmp_path: Path) -> None:
    """Twice the time for each frame, as a wrong time scale makes it: blinks would last twice as
    long, and movement be half as fast."""
    path = at_another_pace(tmp_path / "a.webm", film[::1], 2.0)
    found = measured(path, Announced(seconds=1.5))
    assert found.reason is Why.WRONG_CLOCK, found.detail


def test_a_clock_at_twice_the_pace(film: list[Picture], clip: Path) -> None:
    """Every frame is there: nothing is missing at the end. With half of the frames it is cut."""
    found = measured(clip, Announced(seconds=2 * SECONDS, frames=FRAMES))
    assert found.reason is Why.WRONG_CLOCK, found.detail
    assert "the recorder was at work for 6.0" in found.detail
    cut = measured(clip, Announced(seconds=2 * SECONDS, frames=2 * FRAMES))
    assert cut.reason is Why.TRUNCATED


def test_a_recorder_that_stopped_late_is_believed(clip: Path) -> None:
    assert measured(clip, Announced(seconds=SECONDS - 0.8, frames=FRAMES)).reason is None


def with_sound(path: Path, film: Sequence[Picture], pace: float, seconds: float) -> Path:
    with av.open(str(path), "w") as output:
        picture = output.add_stream("libvpx", rate=int(FPS), options={"cpu-used": "-8"})
        picture.height, picture.width = film[0].shape[:2]
        picture.pix_fmt, picture.codec_context.time_base = "yuv420p", Fraction(1, 1000)
        sound = output.add_stream("libopus", rate=48_000)
        for number, one in enumerate(film):
            frame = av.VideoFrame.from_ndarray(one, format="rgb24")
            frame.pts, frame.time_base = round(1000 * pace * number / FPS), Fraction(1, 1000)
            output.mux(picture.encode(frame))
        output.mux(picture.encode())
        for number in range(int(seconds * 48_000 / 960)):
            silence = np.zeros((1, 960), np.float32)
            heard = av.AudioFrame.from_ndarray(silence, format="flt", layout="mono")
            heard.sample_rate, heard.pts = 48_000, 960 * number
            output.mux(sound.encode(heard))
        output.mux(sound.encode(None))
    return path


@pytest.mark.parametrize("pace", [2.0, 0.5])
def test_picture_and_sound_that_disagree(film: list[Picture], tmp_path: Path, pace: float) -> None:
    film = film * 2 if pace < 1 else film
    path = with_sound(tmp_path / "a.webm", film, pace, len(film) / FPS)
    found = measured(path)
    assert found.reason is Why.WRONG_CLOCK, found.detail
    assert "sound" in found.detail


def test_picture_and_sound_that_agree(film: list[Picture], tmp_path: Path) -> None:
    assert measured(with_sound(tmp_path / "a.webm", film, 1.0, SECONDS + 0.4)).reason is None


def test_prompts_that_came_after_the_end(clip: Path) -> None:
    found = measured(clip, cues=[1.0, 5.0])
    assert found.reason is Why.WRONG_CLOCK, found.detail
    assert found.cues == (1.0, 5.0)
    assert measured(clip, cues=[1.0, 2.5]).reason is None


# --- MPEG ---------------------------------------------------------------------------------------


def mpeg(path: Path, film: Sequence[Picture], codec: str = "mpeg2video") -> Path:
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=25, options={"bf": "2"})
        stream.height, stream.width = film[0].shape[:2]
        stream.pix_fmt, stream.bit_rate = "yuv420p", 1_000_000
        for one in film:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(one, format="rgb24")))
        output.mux(stream.encode())
    return path


@pytest.mark.parametrize("name", ["a.mpg", "a.ts", "a.vob"])
@pytest.mark.parametrize("codec", ["mpeg2video", "mpeg1video"])
def test_mpeg_is_read(film: list[Picture], tmp_path: Path, name: str, codec: str) -> None:
    found = measured(mpeg(tmp_path / name, film, codec))
    assert (found.reason, found.quality.frames) == (None, FRAMES), found.detail
    assert found.quality.frame_rate == pytest.approx(25.0, rel=0.02)


_NULL_PACKET = b"\x47\x1f\xff\x10" + b"\xff" * 184


@pytest.mark.parametrize(
    ("name", "behind", "reason"),
    [
        ("a.mpg", bytes(8_000_000), None),
        ("a.ts", bytes(8_000_000), None),
        ("a.mpg", b"\x00\x00\x01\xe0\x00\x00" * 1_000_000, None),
        ("a.ts", _NULL_PACKET * 40_000, None),
        ("a.mpg", b"again", Why.TRUNCATED),
        ("a.ts", b"again", Why.TRUNCATED),
    ],
)
def test_mpeg_ends_whatever_comes_behind_it(
    film: list[Picture], tmp_path: Path, name: str, behind: bytes, reason: UnusableReason | None
) -> None:
    """Zeros, packets without pictures, the same stream again with its clock set back."""
    path = mpeg(tmp_path / name, film)
    data = path.read_bytes()
    path.write_bytes(data + (data if behind == b"again" else behind))
    assert measured(path).reason is reason


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.ts", _NULL_PACKET * 40_000),
        ("a.mpg", b"\x00\x00\x01\xba" * 1_000_000),
        ("a.mpg", b"\x00\x00\x01\xb3" * 1_000_000),
    ],
)
def test_mpeg_without_pictures_is_no_video(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    assert measured(path).reason is Why.NOT_A_VIDEO


def test_a_bare_mpeg_stream_has_no_times(film: list[Picture], tmp_path: Path) -> None:
    path = mpeg(tmp_path / "a.m2v", film)
    assert measured(path.rename(tmp_path / "a.mpg")).reason is Why.NOT_A_VIDEO
