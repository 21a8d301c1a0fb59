"""Files that are not what they seem: cut, torn, two in one, a picture that hangs, times made up.

Each was measured without a word once.
"""

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest

from ml import phantom
from ml.errors import ClipUnusable
from ml.measuring.clip import measure_clip
from ml.measuring.container import Structure, structure
from ml.measuring.measurement import Measurement
from ml.measuring.orientation import Orientation
from ml.measuring.video import Announced, frames
from ml.phantom.render import render
from tests.ml.conftest import Picture, even_times, write_video
from vocabulary.reasons import UnusableReason

FPS = 15.0
SECONDS = 3.0
FRAGMENTS = {"movflags": "frag_every_frame+empty_moov+default_base_moof"}


@pytest.fixture(scope="module")
def film() -> list[Picture]:
    """A drawn smile, small and quick to encode."""
    camera = phantom.Capture(width=320, height=240, fps=FPS)
    return list(render(phantom.perform("smile", seed=3, seconds=SECONDS, capture=camera)))


def write(path: Path, film: Sequence[Picture], **options: str) -> Path:
    codec = {".webm": "libvpx", ".avi": "mpeg4", ".mpg": "mpeg2video"}.get(path.suffix, "libx264")
    with av.open(str(path), "w", options=options) as output:
        stream = output.add_stream(codec, rate=15)
        stream.height, stream.width = film[0].shape[:2]
        stream.pix_fmt, stream.bit_rate = "yuv420p", 1_000_000
        for picture in film:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode())
    return path


def measured(path: Path, announced: Announced | None = None) -> Measurement:
    return measure_clip(path, expression="smile", announced=announced)


def torn(path: Path, begin: float, end: float) -> Path:
    """Zeros from one share of the file to another, as an upload leaves that lost a piece."""
    data = path.read_bytes()
    at, to = int(begin * len(data)), int(end * len(data))
    path.write_bytes(data[:at] + bytes(to - at) + data[to:])
    return path


def cut(path: Path, share: float) -> Path:
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    return path


# --- what a file's own structure says -------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("a.mp4", {}, Structure.WHOLE),
        ("a.webm", {}, Structure.WHOLE),
        ("a.mkv", {}, Structure.WHOLE),
        ("a.avi", {}, Structure.WHOLE),
        ("live.webm", {"live": "1"}, Structure.SILENT),
        ("fragments.mp4", FRAGMENTS, Structure.SILENT),
        ("a.ts", {}, Structure.SILENT),
    ],
)
def test_a_file_that_is_all_there(
    film: list[Picture], tmp_path: Path, name: str, options: dict[str, str], says: Structure
) -> None:
    assert structure(write(tmp_path / name, film, **options)) is says


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("a.webm", {}, Structure.BROKEN),
        ("a.mkv", {}, Structure.BROKEN),
        ("a.avi", {}, Structure.BROKEN),
        ("live.webm", {"live": "1"}, Structure.BROKEN_LIVE),
        ("fragments.mp4", FRAGMENTS, Structure.BROKEN_LIVE),
    ],
)
def test_a_file_that_is_cut_or_torn(
    film: list[Picture], tmp_path: Path, name: str, options: dict[str, str], says: Structure
) -> None:
    assert structure(cut(write(tmp_path / name, film, **options), 0.6)) is says
    assert structure(torn(write(tmp_path / name, film, **options), 0.4, 0.6)) is says


# --- and what comes of it -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.webm", "a.avi"])
def test_a_torn_file_is_refused(film: list[Picture], tmp_path: Path, name: str) -> None:
    """The decoder stops, or closes the gap, without complaint."""
    found = measured(torn(write(tmp_path / name, film), 0.4, 0.7))
    assert found.reason is UnusableReason.TRUNCATED, found.detail


def test_a_cut_avi_is_refused(film: list[Picture], tmp_path: Path) -> None:
    found = measured(cut(write(tmp_path / "a.avi", film), 0.6))
    assert found.reason is UnusableReason.TRUNCATED, found.detail


@pytest.mark.parametrize(
    ("name", "options"), [("live.webm", {"live": "1"}), ("fragments.mp4", FRAGMENTS)]
)
def test_a_cut_live_recording_is_refused_unless_its_recorder_says_how_long_it_was(
    film: list[Picture], tmp_path: Path, name: str, options: dict[str, str]
) -> None:
    path = cut(write(tmp_path / name, film, **options), 0.8)
    found = measured(path)
    assert found.reason is UnusableReason.TRUNCATED
    assert "how long" in found.detail
    assert measured(path, Announced(seconds=0.8 * SECONDS)).state == "measured"
    assert measured(path, Announced(seconds=2 * SECONDS)).reason is UnusableReason.TRUNCATED


@pytest.mark.parametrize("options", [{}, FRAGMENTS])
def test_two_recordings_in_one_file_are_not_measured_as_one(
    film: list[Picture], tmp_path: Path, options: dict[str, str]
) -> None:
    first = write(tmp_path / "a.mp4", film[:23], **options)
    first.write_bytes(first.read_bytes() + write(tmp_path / "b.mp4", film[23:]).read_bytes())
    found = measured(first)
    assert found.reason is UnusableReason.TRUNCATED
    assert "several recordings" in found.detail


def test_a_bare_stream_of_pictures_has_no_times(film: list[Picture], tmp_path: Path) -> None:
    """The library would make them up: 25 a second, whatever it was."""
    path = tmp_path / "camera.mjpeg"
    phantom.write_clip(path, phantom.perform("smile", seed=3, seconds=1.0))
    with pytest.raises(ClipUnusable) as refused:
        list(frames(path))
    assert refused.value.reason is UnusableReason.NOT_A_VIDEO


# --- pictures -------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", ["libx264", "libvpx"])
def test_a_picture_that_hangs_is_no_masked_face(
    film: list[Picture], tmp_path: Path, codec: str
) -> None:
    """VP8 needs a second or two until it shows what hangs as well as it can."""
    seconds = SECONDS + 2.0
    hanging = [film[min(number, 9)] for number in range(round(seconds * FPS))]
    suffix = ".mp4" if codec == "libx264" else ".webm"
    path = write_video(tmp_path / f"a{suffix}", hanging, even_times(seconds, FPS), codec)
    found = measured(path)
    assert found.reason is UnusableReason.TIME_GAP, found.quality.longest_still_s
    assert "stands still" in found.detail


def test_a_masked_face_is_no_picture_that_hangs(tmp_path: Path) -> None:
    """At rest, hardly moving, and compressed far more than any browser does."""
    camera = phantom.Capture(width=320, height=240, fps=FPS)
    plan = phantom.Program(amplitude=0.05)
    drawn = phantom.perform("rest", seed=4, seconds=SECONDS, program=plan, capture=camera)
    path = write_video(
        tmp_path / "rest.mp4",
        list(render(drawn)),
        even_times(SECONDS, FPS),
        options={"crf": "40"},
    )
    assert measured(path).quality.longest_still_s < 0.8


def test_a_tilted_head_keeps_its_place_and_its_size_in_the_picture() -> None:
    """The detector inside the mesh looks at a small copy of the whole picture."""
    picture = np.zeros((240, 320, 3), np.uint8)
    picture[80:84, 98:102] = 255
    level = Orientation(tilt=25.0, centre=(100 / 320, 82 / 240)).upright(picture)
    assert level.shape == picture.shape
    rows, columns = np.nonzero(level[..., 1] > 100)
    assert abs(rows.mean() - 82) < 1
    assert abs(columns.mean() - 100) < 1
