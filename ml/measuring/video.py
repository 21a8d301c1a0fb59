"""A video file becomes upright frames with the exact timestamps that the camera gave them.

Browsers write files without duration, index or true frame rate, so nothing the header says about
those is believed: one sequential pass decodes the frames and takes each one's own timestamp.
Limits are enforced while decoding, so an endless or lying file stops early. What the container says
about a picture's shape is obeyed: the whole display matrix (turned, mirrored), pixels that are not
square, and a size that changes in mid-film.
"""

import heapq
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
import numpy.typing as npt
from av.container.input import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ml.errors import ClipUnusable
from ml.measuring.shown import Shown
from vocabulary.reasons import UnusableReason

# What browsers, phones and ordinary cameras write. All else stays shut: playlists that name other
# files, image sequences, and bare streams of pictures, whose times the library would make up.
FORMATS = "matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,avi,mpeg,mpegts"
_FIRST_BYTES = 16


@dataclass(frozen=True)
class Limits:
    """What one clip may cost. Seconds are the video's own, pixels are width × height as stored: far
    above what is looked at (larger pictures are scaled), only so that none can fill the memory.
    A gap: seconds without any picture between two of them."""

    max_bytes: int = 200_000_000
    max_seconds: float = 60.0
    min_seconds: float = 1.0
    max_gap_seconds: float = 2.0
    max_pixels: int = 7680 * 4320
    max_frames: int = 60 * 120


@dataclass(frozen=True)
class Announced:
    """What the browser said it recorded; None where it could not say."""

    seconds: float | None = None
    bytes: int | None = None
    frames: int | None = None


@dataclass(frozen=True, eq=False)
class Frame:
    """``t`` seconds since the first frame; ``rgb`` (H, W, 3) uint8, as it is meant to be shown,
    with square pixels. ``mirrored``: the file asks for the picture's mirror image."""

    t: float
    rgb: npt.NDArray[np.uint8]
    mirrored: bool = False

    @property
    def stored(self) -> npt.NDArray[np.uint8]:
        """Not mirrored, contiguous: what the camera saw. The face mesh is not quite symmetric, so
        a mirror image is measured as it was stored, and its sides are exchanged afterwards."""
        return np.ascontiguousarray(self.rgb[:, ::-1] if self.mirrored else self.rgb)


@dataclass
class Decoding:
    """What one pass over a file found; complete once the frames have been consumed.

    ``width`` and ``height`` are those of the first picture as it is shown, with square pixels
    (frames may be smaller); ``resized`` counts the changes of size after it. ``start``: seconds of
    the file's clock at the first picture, ``last_t`` since then at the last. ``damaged`` counts
    packets that could not be decoded, ``unordered`` pictures that had to be left out because their
    timestamp was missing or not after the one before, ``ended_early`` is set when the file broke
    off. ``stream_seconds``: what the container says of the picture's own track, not of the sound;
    ``container_seconds``: of the whole file; ``stream_frames``: as many as its header counts."""

    width: int = 0
    height: int = 0
    resized: int = 0
    frames: int = 0
    start: float = 0.0
    last_t: float = 0.0
    damaged: int = 0
    unordered: int = 0
    ended_early: bool = False
    stream_seconds: float | None = None
    container_seconds: float | None = None
    stream_frames: int | None = None


def frames(
    path: Path,
    limits: Limits | None = None,
    decoding: Decoding | None = None,
) -> Iterator[Frame]:
    """Decodes the film in ``path`` once, in order, one frame in memory at a time.

    Raises :class:`ClipUnusable` for an empty, oversized or unreadable file and as soon as a limit
    is passed. Damage in mid-file is counted in ``decoding``, not raised.
    """
    limits = limits or Limits()
    with opened(path, limits) as container:
        yield from _decode(
            container, path, limits, decoding if decoding is not None else Decoding()
        )


@contextmanager
def opened(path: Path, limits: Limits) -> Iterator[InputContainer]:
    """The file as one of the permitted formats. Raises :class:`ClipUnusable`."""
    _check_file(path, limits)
    with path.open("rb") as file:
        try:
            container = av.open(
                file,
                mode="r",
                options={
                    "format_whitelist": FORMATS,
                    "protocol_whitelist": "file",
                    "max_pixels": str(limits.max_pixels),
                },
                metadata_errors="replace",
            )
        except UNREADABLE as error:
            raise _unreadable(path) from error
        try:
            yield container
        finally:
            container.close()


# PyAV's own errors derive from built-in ones, but damaged files also surface bare built-ins.
UNREADABLE = (av.error.FFmpegError, ValueError, LookupError, MemoryError, OSError, RuntimeError)


def _check_file(path: Path, limits: Limits) -> None:
    size = path.stat().st_size
    if size == 0:
        raise ClipUnusable(UnusableReason.EMPTY_FILE, "the file is empty")
    if size > limits.max_bytes:
        raise ClipUnusable(
            UnusableReason.TOO_LARGE,
            f"the file has {size:,} bytes, more than the {limits.max_bytes:,} allowed",
        )


def _unreadable(path: Path) -> ClipUnusable:
    """A file that begins like a recording but cannot be read was cut off; others are no video."""
    with path.open("rb") as file:
        start = file.read(_FIRST_BYTES)
    if start[4:8] in (b"ftyp", b"styp", b"moof") or start[:4] == b"\x1aE\xdf\xa3":
        return ClipUnusable(
            UnusableReason.TRUNCATED, "the recording breaks off before its pictures can be read"
        )
    return ClipUnusable(UnusableReason.NOT_A_VIDEO, "the file is not a video that can be read")


def _decode(
    container: InputContainer, path: Path, limits: Limits, decoding: Decoding
) -> Iterator[Frame]:
    stream = _pictures_of(container)
    stream.codec_context.thread_count = 1  # the cores belong to the measuring processes
    _check_pixels(stream.codec_context.width, stream.codec_context.height, limits)
    if container.duration is not None and container.duration > 0:
        decoding.container_seconds = container.duration / av.time_base
    if stream.duration is not None and stream.duration > 0 and stream.time_base is not None:
        decoding.stream_seconds = float(stream.duration * stream.time_base)
    decoding.stream_frames = stream.frames or None
    start: float | None = None
    size: tuple[int, int] | None = None
    for count, (time, picture) in enumerate(_pictures(container, stream, decoding)):
        _check_pixels(picture.width, picture.height, limits)
        # Pictures without a usable time count too, or a file of nothing else would never end.
        if count >= limits.max_frames:
            raise _too_long(limits)
        if time is None or (start is not None and time - start <= decoding.last_t):
            decoding.unordered += 1
            continue
        shown = Shown.of(picture, stream)
        if start is None:
            start = decoding.start = time
            decoding.width, decoding.height = shown.size
        elif shown.size != size:
            decoding.resized += 1
        size = shown.size
        t = time - start
        if t - decoding.last_t > limits.max_gap_seconds:
            raise ClipUnusable(
                UnusableReason.TIME_GAP,
                f"there is no picture for {t - decoding.last_t:.1f} seconds after"
                f" {decoding.last_t:.1f} seconds",
            )
        if t > limits.max_seconds:
            raise _too_long(limits)
        try:
            rgb = shown.rgb(picture)
        except UNREADABLE:  # a pixel format or size that only damage explains
            decoding.damaged += 1
            continue
        decoding.frames += 1
        decoding.last_t = t
        yield Frame(t, rgb, shown.mirrored)
    if not decoding.frames:
        raise _unreadable(path)


def _pictures_of(container: InputContainer) -> VideoStream:
    """The track of moving pictures; a cover or a thumbnail may come first."""
    films = [
        stream
        for stream in container.streams.video
        if not stream.disposition & Disposition.attached_pic
        and not stream.disposition & Disposition.still_image
    ]
    if not films:
        raise ClipUnusable(UnusableReason.NOT_A_VIDEO, "the file has no picture track")
    return next((film for film in films if film.disposition & Disposition.default), films[0])


def _too_long(limits: Limits) -> ClipUnusable:
    detail = f"the recording is longer than the {limits.max_seconds:g} seconds allowed"
    return ClipUnusable(UnusableReason.TOO_LONG, detail)


def _pictures(
    container: InputContainer, stream: VideoStream, decoding: Decoding
) -> Iterator[tuple[float | None, VideoFrame]]:
    """Every picture that can be decoded, in the order of display, with its time in seconds; damaged
    packets are counted and passed over."""
    packets = container.demux(stream)
    clock = _Clock(stream) if container.format.name == "avi" else None
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except UNREADABLE:
            decoding.ended_early = True
            return
        if clock:
            clock.see(packet.dts)
        try:
            pictures = packet.decode()
        except av.error.EOFError:
            return
        except UNREADABLE:
            decoding.damaged += 1
            continue
        for picture in pictures:
            decoding.damaged += bool(picture.is_corrupt)
            yield (clock.next() if clock else picture.time), picture


class _Clock:
    """Times of display for a container that stores pictures in the order of decoding only (AVI).

    The decoder gives the pictures back in the order of display, and so many times as were stored
    stand for as many pictures: each gets the earliest that is left.
    """

    def __init__(self, stream: VideoStream) -> None:
        self._unit = stream.time_base or Fraction(1, 1)
        self._times: list[int] = []

    def see(self, dts: int | None) -> None:
        if dts is not None:
            heapq.heappush(self._times, dts)

    def next(self) -> float | None:
        return float(heapq.heappop(self._times) * self._unit) if self._times else None


def _check_pixels(width: int, height: int, limits: Limits) -> None:
    if width * height > limits.max_pixels:
        raise ClipUnusable(
            UnusableReason.TOO_MANY_PIXELS,
            f"the picture is {width} × {height}, larger than the {limits.max_pixels:,} pixels"
            " allowed",
        )
