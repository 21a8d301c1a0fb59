"""A file becomes upright frames at the camera's own times, and nothing in a file can hang it."""

import struct
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from ml.errors import ClipUnusable
from ml.measuring.shown import LONGEST_SIDE
from ml.measuring.video import Decoding, Limits, frames
from tests.ml.conftest import Picture, even_times, write_video
from vocabulary.reasons import UnusableReason

UNEVEN = [0.0, 0.033, 0.067, 0.2, 0.21, 0.5, 0.533, 0.9, 1.4, 1.433]


def refused(path: Path, limits: Limits | None = None) -> UnusableReason:
    with pytest.raises(ClipUnusable) as caught:
        list(frames(path, limits))
    assert str(caught.value)
    return caught.value.reason


def plain(count: int, height: int = 96, width: int = 128) -> list[Picture]:
    return [np.full((height, width, 3), 40 + 5 * (i % 40), np.uint8) for i in range(count)]


@pytest.mark.parametrize(("suffix", "codec"), [("mp4", "libx264"), ("webm", "libvpx")])
def test_each_frame_has_the_time_the_camera_gave_it(
    tmp_path: Path, suffix: str, codec: str
) -> None:
    clip = write_video(tmp_path / f"a.{suffix}", plain(len(UNEVEN)), UNEVEN, codec)
    assert [frame.t for frame in frames(clip)] == pytest.approx(UNEVEN, abs=0.0006)


def test_times_count_from_the_first_frame(tmp_path: Path) -> None:
    late = [90.0 + t for t in UNEVEN]
    clip = write_video(tmp_path / "late.webm", plain(len(late)), late, "libvpx")
    assert [frame.t for frame in frames(clip)] == pytest.approx(UNEVEN, abs=0.0006)


def _turned(clip: Path, target: Path, matrix: tuple[int, ...]) -> Path:
    """The clip with another display matrix in its track header, as a phone writes it."""
    upright = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    data = clip.read_bytes()
    at = data.rindex(upright)
    target.write_bytes(data[:at] + struct.pack(">9i", *matrix) + data[at + len(upright) :])
    return target


@pytest.mark.parametrize(
    ("matrix", "clockwise"),
    [
        ((0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000), 1),
        ((-0x10000, 0, 0, 0, -0x10000, 0, 0, 0, 0x40000000), 2),
        ((0, -0x10000, 0, 0x10000, 0, 0, 0, 0, 0x40000000), 3),
    ],
)
def test_the_phones_rotation_is_undone(
    tmp_path: Path, matrix: tuple[int, ...], clockwise: int
) -> None:
    picture = np.zeros((96, 128, 3), np.uint8)
    picture[:48, :64] = 220  # bright in the upper left quarter
    clip = write_video(tmp_path / "a.mp4", [picture] * 5, even_times(5 / 30))
    turned = _turned(clip, tmp_path / "turned.mp4", matrix)
    decoding = Decoding()
    shown = next(iter(frames(turned, decoding=decoding))).rgb
    wanted = np.rot90(picture, -clockwise)
    assert shown.shape == wanted.shape
    assert np.abs(shown.astype(int) - wanted).mean() < 12
    assert (decoding.height, decoding.width) == wanted.shape[:2]


def test_a_large_picture_is_reduced_and_remembered(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "a.mp4", plain(3, 720, 1280), even_times(0.1))
    decoding = Decoding()
    shapes = {frame.rgb.shape for frame in frames(clip, decoding=decoding)}
    assert shapes == {(540, LONGEST_SIDE, 3)}
    assert (decoding.width, decoding.height) == (1280, 720)


def test_what_is_no_video_is_said_to_be_none(tmp_path: Path) -> None:
    secret = write_video(tmp_path / "secret.mp4", plain(5), even_times(5 / 30))
    contents = {
        "text.mp4": b"hello, this is not a video " * 40,
        "noise.webm": bytes(np.random.default_rng(0).integers(0, 256, 4000, np.uint8)),
        "photograph.mp4": cv2.imencode(".png", np.full((64, 64, 3), 90, np.uint8))[1].tobytes(),
        # Files that only name other files must not make the reader open those.
        "playlist.mp4": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{secret}\n".encode(),
        "list.mp4": f"ffconcat version 1.0\nfile '{secret}'\n".encode(),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        assert refused(tmp_path / name) is UnusableReason.NOT_A_VIDEO, name


def test_an_empty_file_and_a_large_one_are_refused_unopened(tmp_path: Path) -> None:
    empty, large = tmp_path / "empty.mp4", tmp_path / "large.mp4"
    empty.touch()
    with large.open("wb") as file:
        file.truncate(201_000_000)
    assert refused(empty) is UnusableReason.EMPTY_FILE
    assert refused(large) is UnusableReason.TOO_LARGE


def test_a_recording_cut_off_before_its_index_is_truncated(
    portrait_clip: Path, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(portrait_clip.read_bytes()[:5000])
    assert refused(cut) is UnusableReason.TRUNCATED


def test_too_many_pixels_are_refused(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "a.mp4", plain(3), even_times(0.1))
    assert refused(clip, Limits(max_pixels=96 * 127)) is UnusableReason.TOO_MANY_PIXELS


@pytest.mark.parametrize("limits", [Limits(max_seconds=1.0), Limits(max_frames=30)])
def test_an_endless_recording_stops_at_the_limit(tmp_path: Path, limits: Limits) -> None:
    clip = write_video(tmp_path / "long.webm", plain(300), even_times(10), "libvpx")
    decoding = Decoding()
    with pytest.raises(ClipUnusable) as caught:
        list(frames(clip, limits, decoding))
    assert caught.value.reason is UnusableReason.TOO_LONG
    assert decoding.frames <= 31


def test_frames_whose_clock_stands_still_come_to_an_end(tmp_path: Path) -> None:
    """A file may lie about its times: here each of 60 frames says the same."""
    honest = write_video(tmp_path / "a.webm", plain(60), even_times(2), "libvpx")
    lying = tmp_path / "lying.webm"
    with av.open(str(honest)) as source, av.open(str(lying), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.pts = packet.dts = 0
                packet.stream = stream
                target.mux(packet)
    decoding = Decoding()
    assert len(list(frames(lying, decoding=decoding))) == 1
    assert decoding.unordered == 59
    assert refused(lying, Limits(max_frames=30)) is UnusableReason.TOO_LONG
