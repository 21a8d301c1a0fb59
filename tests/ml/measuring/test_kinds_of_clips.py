"""One performance, filmed in every way that people's devices film: the same signals, or a reason.

Each test stands for a kind of fault that was met in the field: a way of holding the device, a shape
of picture or of pixel, a container and what it claims, another person in the picture.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from ml import phantom
from ml.measuring.clip import measure_clip
from ml.measuring.geometry import SIGNALS
from ml.measuring.measurement import Measurement
from ml.measuring.video import Announced
from ml.phantom.render import render
from tests.ml.conftest import Picture, even_times, write_resized, write_video
from vocabulary.reasons import UnusableReason

FPS = 20.0
SECONDS = 4.0
#: Means may differ by this share, or by a fifth of a pixel of the 192 that the mesh looks at (which
#: is 3 % of an eye's opening); variances by this share, or by what the mesh's jitter makes of
#: another encoding: eye-raise, which a smile hardly moves, varies so.
MEANS = 0.02
FIFTH_OF_A_PIXEL = 0.003
VARIANCES = 0.10
JITTER = 1.2e-4
SIDES = {"right": "left", "left": "right"}


@pytest.fixture(scope="session")
def film() -> list[Picture]:
    """A drawn smile with room around it, 640 × 480."""
    camera = phantom.Capture(width=640, height=480, fps=FPS)
    plan = phantom.Program(repetitions=2)
    performance = phantom.perform("smile", seed=3, seconds=SECONDS, program=plan, capture=camera)
    return list(render(performance))


@pytest.fixture(scope="session")
def reference(film: list[Picture], tmp_path_factory: pytest.TempPathFactory) -> Measurement:
    path = tmp_path_factory.mktemp("reference") / "upright.mp4"
    found = measure_clip(write(path, film), expression="smile")
    assert found.state == "measured"
    return found


def write(path: Path, film: Sequence[Picture], **options: str) -> Path:
    return write_video(path, film, even_times(len(film) / FPS, FPS), **options)


def assert_same(found: Measurement, reference: Measurement, *, exchanged: bool = False) -> None:
    assert found.state == "measured", (found.reason, found.detail)
    off = {}
    for name in SIGNALS:
        for kind, share, slack in (("mean", MEANS, FIFTH_OF_A_PIXEL), ("var", VARIANCES, JITTER)):
            value = found.stats[f"{_other(name) if exchanged else name}_{kind}"]
            right = reference.stats[f"{name}_{kind}"]
            if abs(value - right) > share * abs(right) + slack:
                off[f"{name}_{kind}"] = f"{value:.3g}, not {right:.3g}"
    assert not off, off


def _other(name: str) -> str:
    stem, _, side = name.rpartition("-")
    return f"{stem}-{SIDES[side]}" if side in SIDES else name


def tilted(film: Sequence[Picture], degrees: float) -> list[Picture]:
    height, width = film[0].shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    border = cv2.BORDER_REPLICATE
    return [cv2.warpAffine(one, turn, (width, height), borderMode=border) for one in film]


# --- how the device was held ----------------------------------------------------------------------


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turned_in_the_pixels(
    film: list[Picture], reference: Measurement, tmp_path: Path, turns: int
) -> None:
    turned = [np.ascontiguousarray(np.rot90(one, turns)) for one in film]
    found = measure_clip(write(tmp_path / "turned.mp4", turned), expression="smile")
    assert found.quality.turn == 360 - 90 * turns
    assert (found.quality.width, found.quality.height) == (640, 480)
    assert_same(found, reference)


@pytest.mark.parametrize("degrees", [-25, 15, 25, 35])
def test_tilted(
    film: list[Picture], reference: Measurement, tmp_path: Path, degrees: float
) -> None:
    found = measure_clip(write(tmp_path / "t.mp4", tilted(film, degrees)), expression="smile")
    assert found.quality.roll is not None
    assert abs(found.quality.roll - (reference.quality.roll or 0.0) + degrees) < 3
    assert_same(found, reference)


def test_tilted_too_far_is_said(film: list[Picture], tmp_path: Path) -> None:
    found = measure_clip(write(tmp_path / "t.mp4", tilted(film, 44)), expression="smile")
    assert found.reason is UnusableReason.TILTED, (found.detail, found.quality.roll)


@pytest.mark.parametrize(("matrix", "exchanged"), [((-1, 0, 0, 1), True), ((0, 1, -1, 0), False)])
def test_the_whole_display_matrix_is_obeyed(
    film: list[Picture],
    reference: Measurement,
    tmp_path: Path,
    matrix: tuple[int, int, int, int],
    exchanged: bool,
) -> None:
    """Mirrored, and turned by a quarter: what is shown is measured."""
    stored = film if exchanged else [np.ascontiguousarray(np.rot90(one)) for one in film]
    path = write(tmp_path / "matrix.mp4", stored)
    set_matrix(path, matrix)
    found = measure_clip(path, expression="smile")
    assert found.quality.turn == 0
    assert_same(found, reference, exchanged=exchanged)


def set_matrix(path: Path, matrix: tuple[int, int, int, int]) -> None:
    """Writes a, b, c, d of the track header's matrix (ISO/IEC 14496-12, 8.3.2) into the file."""
    data = bytearray(path.read_bytes())
    head = data.index(b"tkhd")
    at = head + 4 + (52 if data[head + 4] else 40)
    a, b, c, d = (int(one * 65536).to_bytes(4, "big", signed=True) for one in matrix)
    data[at : at + 20] = a + b + bytes(4) + c + d
    path.write_bytes(data)


# --- shapes of pictures and pixels ----------------------------------------------------------------


def test_a_phone_turned_in_mid_film(
    film: list[Picture], reference: Measurement, tmp_path: Path
) -> None:
    """The browser goes on with another size of picture: each frame has its own shape."""
    half = len(film) // 2
    upright = [
        cv2.copyMakeBorder(one[:, 80:560], 80, 80, 0, 0, cv2.BORDER_REPLICATE) for one in film
    ]
    path = write_resized(tmp_path / "turned.webm", [*film[:half], *upright[half:]], FPS)
    found = measure_clip(path, expression="smile")
    assert found.quality.resized == 1
    assert found.quality.frames == len(film)
    assert_same(found, reference)


@pytest.mark.parametrize("aspect", [Fraction(16, 9), Fraction(12, 11), Fraction(3, 4)])
def test_pixels_that_are_not_square(
    film: list[Picture], reference: Measurement, tmp_path: Path, aspect: Fraction
) -> None:
    size = (round(640 / aspect / 2) * 2, 480) if aspect > 1 else (640, round(480 * aspect / 2) * 2)
    squeezed = [cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in film]
    path = tmp_path / "oblong.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=int(FPS), options={"crf": "16"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.sample_aspect_ratio = aspect
        for number, picture in enumerate(squeezed):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, int(FPS))
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    assert_same(measure_clip(path, expression="smile"), reference)


def test_a_larger_picture_than_is_looked_at_is_scaled(
    film: list[Picture], reference: Measurement, tmp_path: Path
) -> None:
    large = [cv2.resize(one, (2304, 1728), interpolation=cv2.INTER_LINEAR) for one in film[::2]]
    quick = {"preset": "ultrafast", "crf": "15"}
    path = write_video(tmp_path / "large.mp4", large, even_times(SECONDS, FPS / 2), options=quick)
    found = measure_clip(path, expression="smile")
    assert (found.quality.width, found.quality.height) == (2304, 1728)
    half = write_video(tmp_path / "half.mp4", film[::2], even_times(SECONDS, FPS / 2))
    assert_same(found, measure_clip(half, expression="smile"))


# --- containers and what they claim ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mov", "libx264"),
        ("a.mkv", "libx264"),
        ("a.webm", "libvpx"),
        ("a.3gp", "mpeg4"),
        ("a.avi", "mpeg4"),
        ("a.mpg", "mpeg2video"),
        ("a.ts", "libx264"),
        ("reencoded.mp4", "libx264"),
    ],
)
def test_containers_of_ordinary_cameras(
    film: list[Picture], reference: Measurement, tmp_path: Path, name: str, codec: str
) -> None:
    path = tmp_path / name
    with av.open(str(path), "w") as output:
        rate = 25 if codec == "mpeg2video" else int(FPS)
        stream = output.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        stream.bit_rate = 4_000_000
        for number in range(round(SECONDS * rate)):
            picture = film[min(len(film) - 1, int(number * FPS / rate))]
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    found = measure_clip(path, expression="smile")
    assert found.quality.frames == round(SECONDS * rate)
    assert found.quality.dropped_share == 0
    assert_same(found, reference)


def test_b_pictures_where_the_container_knows_the_order_of_decoding_only(
    film: list[Picture], reference: Measurement, tmp_path: Path
) -> None:
    path = write_video(
        tmp_path / "b.avi",
        film,
        even_times(SECONDS, FPS),
        options={"bf": "3", "b-adapt": "0", "crf": "16"},
    )
    found = measure_clip(path, expression="smile")
    assert found.quality.frames == len(film)
    assert found.quality.frame_rate == pytest.approx(FPS, rel=0.02)
    assert_same(found, reference)


def test_a_header_that_claims_more_than_there_ever_was(
    film: list[Picture], reference: Measurement, tmp_path: Path
) -> None:
    """Every frame is there: the header's seconds are not believed."""
    path = claim_seconds(write(tmp_path / "claims.webm", film, codec="libvpx"), 12.0)
    assert_same(measure_clip(path, expression="smile"), reference)


def test_a_file_that_was_really_cut_is_refused(film: list[Picture], tmp_path: Path) -> None:
    path = write(tmp_path / "cut.webm", film, codec="libvpx")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    found = measure_clip(path, expression="smile")
    assert found.reason is UnusableReason.TRUNCATED, found.detail


def test_what_the_browser_recorded_counts_whatever_the_file_says(
    film: list[Picture], tmp_path: Path
) -> None:
    found = measure_clip(
        write(tmp_path / "short.webm", film, codec="libvpx"),
        expression="smile",
        announced=Announced(seconds=2.5 * SECONDS),
    )
    assert found.reason is UnusableReason.TRUNCATED


def claim_seconds(path: Path, seconds: float) -> Path:
    """Overwrites the EBML element Duration (0x4489, float64, milliseconds) in the header."""
    data = bytearray(path.read_bytes())
    at = data.index(b"\x44\x89\x88") + 3
    data[at : at + 8] = np.array([seconds * 1000], ">f8").tobytes()
    path.write_bytes(data)
    return path


def test_sound_that_begins_before_the_picture(
    film: list[Picture], reference: Measurement, tmp_path: Path
) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as output:
        picture = output.add_stream("libx264", rate=int(FPS))
        picture.width, picture.height, picture.pix_fmt = 640, 480, "yuv420p"
        sound = output.add_stream("aac", rate=48_000)
        delay = 3.0
        for number in range(int((SECONDS + delay) * 48_000 / 1024)):
            silence = av.AudioFrame.from_ndarray(
                np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
            )
            silence.sample_rate, silence.pts = 48_000, 1024 * number
            output.mux(sound.encode(silence))
        output.mux(sound.encode(None))
        for number, one in enumerate(film):
            frame = av.VideoFrame.from_ndarray(one, format="rgb24")
            frame.pts, frame.time_base = round((number / FPS + delay) * 1000), Fraction(1, 1000)
            output.mux(picture.encode(frame))
        output.mux(picture.encode())
    assert_same(measure_clip(path, expression="smile"), reference)


def test_a_gap_in_time_is_named(film: list[Picture], tmp_path: Path) -> None:
    times = [0.0, *(round(100 + t, 3) for t in even_times(SECONDS, FPS)[1:])]
    found = measure_clip(
        write_video(tmp_path / "gap.webm", film, times, codec="libvpx"), expression="smile"
    )
    assert found.reason is UnusableReason.TIME_GAP
    assert "100" in found.detail


# --- whose face -----------------------------------------------------------------------------------


def beside(film: Sequence[Picture], shown: Callable[[int], bool]) -> list[Picture]:
    """A visitor nearer to the camera, to the right of the patient, in some of the pictures."""
    small = [cv2.resize(one, (480, 360), interpolation=cv2.INTER_AREA) for one in film]
    empty = np.full((480, 1040, 3), film[0][5, 5], np.uint8)
    pictures = []
    for number, patient in enumerate(small):
        picture = empty.copy()
        picture[60:420, :480] = patient
        if shown(number):
            picture[:, 400:] = np.where(
                np.indices((480, 640))[1][..., None] > 80, film[0], picture[:, 400:]
            )
        pictures.append(picture)
    return pictures


@pytest.mark.parametrize("when", ["first", "last"])
def test_a_nearer_visitor_is_not_measured(
    film: list[Picture], reference: Measurement, tmp_path: Path, when: str
) -> None:
    visit = len(film) // 8

    def visiting(number: int) -> bool:
        return number < visit if when == "first" else number >= len(film) - visit

    alone = measure_clip(
        write(tmp_path / "alone.mp4", beside(film, lambda _: False)), expression="smile"
    )
    found = measure_clip(
        write(tmp_path / "visited.mp4", beside(film, visiting)), expression="smile"
    )
    assert found.quality.faces_max == 2
    assert found.quality.several_faces_rate == pytest.approx(visit / len(film), abs=0.03)
    assert_same(found, alone)
