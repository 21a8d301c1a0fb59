"""Where each limit of a film stands, what one pass notes of it, and what is said of a refusal."""

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ml.errors import ClipUnusable
from ml.measuring.video import Decoding, Frame, Limits, _Clock, frames
from tests.ml.conftest import write_video
from tests.ml.measuring.test_video import plain
from vocabulary.reasons import UnusableReason as Why

COUNT = 6


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six pictures, the last at half a second."""
    return write_video(
        tmp_path_factory.mktemp("film") / "a.mp4", plain(COUNT), [n / 10 for n in range(COUNT)]
    )


def read(path: Path, limits: Limits | None = None) -> int:
    return len(list(frames(path, limits)))


def refused(path: Path, limits: Limits) -> tuple[Why, str]:
    with pytest.raises(ClipUnusable) as caught:
        read(path, limits)
    return caught.value.reason, str(caught.value)


def test_what_one_clip_may_cost() -> None:
    """Above what anybody records, and low enough that no file fills a machine."""
    assert Limits() == Limits(
        max_bytes=200_000_000,
        max_seconds=60.0,
        min_seconds=1.0,
        max_gap_seconds=2.0,
        max_pixels=33_177_600,
        max_frames=7200,
    )


def test_each_limit_itself_is_allowed_and_one_more_is_not(clip: Path) -> None:
    size = clip.stat().st_size
    for within, beyond, why, words in (
        (Limits(max_bytes=size), Limits(max_bytes=size - 1), Why.TOO_LARGE, f"{size:,} bytes"),
        (
            Limits(max_pixels=96 * 128),
            Limits(max_pixels=96 * 128 - 1),
            Why.TOO_MANY_PIXELS,
            "128 × 96",
        ),
        (Limits(max_frames=COUNT), Limits(max_frames=COUNT - 1), Why.TOO_LONG, "60 seconds"),
        (Limits(max_seconds=0.5), Limits(max_seconds=0.45), Why.TOO_LONG, "0.45 seconds"),
        (
            Limits(max_gap_seconds=0.11),
            Limits(max_gap_seconds=0.09),
            Why.TIME_GAP,
            "no picture for 0.1 seconds after 0.0 seconds",
        ),
    ):
        assert read(clip, within) == COUNT
        reason, said = refused(clip, beyond)
        assert reason is why
        assert words in said


def test_one_pass_notes_what_the_file_says_and_what_was_there(tmp_path: Path) -> None:
    times = [5.0 + n / 10 for n in range(COUNT)]
    decoding = Decoding()
    late = write_video(tmp_path / "late.webm", plain(COUNT), times, "libvpx")
    found = list(frames(late, decoding=decoding))
    assert [frame.t for frame in found] == pytest.approx([n / 10 for n in range(COUNT)], abs=1e-3)
    assert (decoding.frames, decoding.unordered, decoding.damaged) == (COUNT, 0, 0)
    assert (decoding.start, decoding.last_t) == pytest.approx((5.0, 0.5), abs=1e-3)
    assert (decoding.resized, decoding.ended_early) == (0, False)
    assert decoding.stream_frames is None, "a live recording counts none"


def test_what_a_header_says_of_time_and_number(clip: Path) -> None:
    decoding = Decoding()
    assert len(list(frames(clip, decoding=decoding))) == COUNT
    assert decoding.stream_frames == COUNT
    assert decoding.stream_seconds == pytest.approx(0.5, abs=0.15)
    assert decoding.container_seconds == pytest.approx(0.5, abs=0.15)
    assert not any(frame.mirrored for frame in frames(clip))


@pytest.mark.parametrize(
    ("start", "why"),
    [
        (b"\0\0\0\x20ftypisom", Why.TRUNCATED),
        (b"\0\0\0\x20styp", Why.TRUNCATED),
        (b"\0\0\0\x20moof", Why.TRUNCATED),
        (b"\x1aE\xdf\xa3", Why.TRUNCATED),
        (b"ftyp", Why.NOT_A_VIDEO),
        (b"\x1aE\xdf\xa4", Why.NOT_A_VIDEO),
        (b"\0\0\0\x20wide", Why.NOT_A_VIDEO),
    ],
)
def test_what_begins_like_a_recording_was_cut_off(tmp_path: Path, start: bytes, why: Why) -> None:
    path = tmp_path / "cut"
    path.write_bytes(start + bytes(40))
    assert refused(path, Limits())[0] is why


def test_a_mirrored_picture_is_measured_as_it_was_stored() -> None:
    rgb = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert np.array_equal(Frame(0.0, rgb).stored, rgb)
    stored = Frame(0.0, rgb, mirrored=True).stored
    assert np.array_equal(stored, rgb[:, ::-1])
    assert stored.flags.c_contiguous


def test_pictures_in_the_order_of_decoding_get_the_earliest_times_that_are_left() -> None:
    clock = _Clock(SimpleNamespace(time_base=Fraction(1, 10)))  # type: ignore[arg-type]
    for dts in (3, 1, None, 2):
        clock.see(dts)
    assert [clock.next() for _ in range(4)] == [0.1, 0.2, 0.3, None]
    seconds = _Clock(SimpleNamespace(time_base=None))  # type: ignore[arg-type]
    seconds.see(4)
    assert seconds.next() == 4.0
