"""A video file becomes upright frames with the exact timestamps that the camera gave them.

Browsers write files without duration, index or true frame rate, so nothing the header says about
those is believed: one sequential pass decodes the frames and takes each one's own timestamp.
Limits are enforced while decoding, so an endless or lying file stops early.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import av.error
import numpy as np
import numpy.typing as npt
from av.container.input import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ml.errors import ClipUnusable, UnusableReason

# Containers a browser or a phone writes, and raw mjpeg for a fake camera. Anything else that the
# library could open (playlists that name other files or addresses, image sequences) stays shut.
FORMATS = "matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,avi,mjpeg"
# A face that fills a fifth of the picture keeps the 192 pixels that the mesh looks at.
LONGEST_SIDE = 960
_FIRST_BYTES = 16


@dataclass(frozen=True)
class Limits:
    """What one clip may cost. Seconds are the video's own, pixels are width × height."""

    max_bytes: int = 200_000_000
    max_seconds: float = 60.0
    min_seconds: float = 1.0
    max_pixels: int = 1920 * 1200
    max_frames: int = 60 * 120


@dataclass(frozen=True)
class Announced:
    """What the browser said it recorded; None where it could not say."""

    seconds: float | None = None
    bytes: int | None = None
    frames: int | None = None


@dataclass(frozen=True, eq=False)
class Frame:
    """``t`` seconds since the first frame; ``rgb`` (H, W, 3) uint8, upright, contiguous."""

    t: float
    rgb: npt.NDArray[np.uint8]


@dataclass
class Decoding:
    """What one pass over a file found; complete once the frames have been consumed.

    ``width`` and ``height`` are those of the upright picture as recorded (frames may be smaller).
    ``damaged`` counts packets that could not be decoded, ``unordered`` frames whose timestamp was
    missing or not after the one before, ``ended_early`` is set when the file broke off.
    """

    width: int = 0
    height: int = 0
    frames: int = 0
    last_t: float = 0.0
    damaged: int = 0
    unordered: int = 0
    ended_early: bool = False
    container_seconds: float | None = None


def frames(
    path: Path, limits: Limits | None = None, decoding: Decoding | None = None
) -> Iterator[Frame]:
    """Decodes the first video stream of ``path`` once, in order, one frame in memory at a time.

    Raises :class:`ClipUnusable` for an empty, oversized or unreadable file and as soon as a limit
    is passed. Damage in mid-file is counted in ``decoding``, not raised.
    """
    limits = limits or Limits()
    decoding = decoding if decoding is not None else Decoding()
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
        except _UNREADABLE as error:
            raise _unreadable(path) from error
        try:
            yield from _decode(container, path, limits, decoding)
        finally:
            container.close()


# PyAV's own errors derive from built-in ones, but damaged files also surface bare built-ins.
_UNREADABLE = (av.error.FFmpegError, ValueError, LookupError, MemoryError, OSError, RuntimeError)


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
    if not container.streams.video:
        raise ClipUnusable(UnusableReason.NOT_A_VIDEO, "the file has no picture track")
    stream = container.streams.video[0]
    stream.codec_context.thread_count = 1  # the cores belong to the measuring processes
    _check_pixels(stream.codec_context.width, stream.codec_context.height, limits)
    if container.duration is not None and container.duration > 0:
        decoding.container_seconds = container.duration / av.time_base
    start: float | None = None
    for count, picture in enumerate(_pictures(container, stream, decoding)):
        _check_pixels(picture.width, picture.height, limits)
        # Pictures without a usable time count too, or a file of nothing else would never end.
        if count >= limits.max_frames:
            raise _too_long(limits)
        if picture.time is None or (start is not None and picture.time - start <= decoding.last_t):
            decoding.unordered += 1
            continue
        if start is None:
            start = picture.time
            sideways = round(picture.rotation / 90) % 2 == 1
            shape = (picture.width, picture.height)
            decoding.width, decoding.height = shape[::-1] if sideways else shape
        t = picture.time - start
        if t > limits.max_seconds:
            raise _too_long(limits)
        try:
            rgb = _upright(picture)
        except _UNREADABLE:  # a pixel format or size that only damage explains
            decoding.damaged += 1
            continue
        decoding.frames += 1
        decoding.last_t = t
        yield Frame(t=t, rgb=rgb)
    if not decoding.frames:
        raise _unreadable(path)


def _too_long(limits: Limits) -> ClipUnusable:
    detail = f"the recording is longer than the {limits.max_seconds:g} seconds allowed"
    return ClipUnusable(UnusableReason.TOO_LONG, detail)


def _pictures(
    container: InputContainer, stream: VideoStream, decoding: Decoding
) -> Iterator[VideoFrame]:
    """Every picture that can be decoded; damaged packets are counted and passed over."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except _UNREADABLE:
            decoding.ended_early = True
            return
        try:
            pictures = packet.decode()
        except av.error.EOFError:
            return
        except _UNREADABLE:
            decoding.damaged += 1
            continue
        for picture in pictures:
            decoding.damaged += bool(picture.is_corrupt)
            yield picture


def _check_pixels(width: int, height: int, limits: Limits) -> None:
    if width * height > limits.max_pixels:
        raise ClipUnusable(
            UnusableReason.TOO_MANY_PIXELS,
            f"the picture is {width} × {height}, larger than the {limits.max_pixels:,} pixels"
            " allowed",
        )


def _upright(picture: VideoFrame) -> npt.NDArray[np.uint8]:
    """The picture as (H, W, 3) RGB with the camera's rotation undone, at most 960 pixels long."""
    scale = min(1.0, LONGEST_SIDE / max(picture.width, picture.height))
    reduced = picture.reformat(
        width=max(2, round(picture.width * scale)),
        height=max(2, round(picture.height * scale)),
        format="rgb24",
        interpolation="AREA" if scale < 1 else None,
    )
    rgb: npt.NDArray[np.uint8] = reduced.to_ndarray().astype(np.uint8, copy=False)
    quarter_turns = round(picture.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(rgb, quarter_turns)) if quarter_turns else rgb
