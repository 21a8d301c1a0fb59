"""Frames become a video file: .mp4 (H.264), .webm (VP8) or .mjpeg (a bare stream of JPEGs).

The .mjpeg has no clock of its own: Chromium's fake camera plays it at 30 frames a second, in a
loop. Encoders may write different bytes on another machine; the frames are what is reproducible.
"""

import hashlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.video.stream import VideoStream

from ml.errors import WrongUse
from ml.phantom.performance import Performance
from ml.phantom.render import render

FORMATS = (".mp4", ".webm", ".mjpeg")
_CLOCK = Fraction(1, 1000)  # frame times are whole milliseconds

Picture = npt.NDArray[np.uint8]


def write_clip(
    path: Path, performance: Performance, progress: Callable[[float], None] | None = None
) -> None:
    """Draws and encodes the performance into ``path``, complete or not at all.

    The suffix chooses the format. Raises :class:`WrongUse` for another suffix or a missing folder.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise WrongUse(f"{path.name}: the file name must end in one of {', '.join(FORMATS)}")
    if not path.parent.is_dir():
        raise WrongUse(f"no such folder: {path.parent}; create it first")
    partial = path.with_name(f".{path.stem}.partial{suffix}")
    try:
        _encode(partial, suffix, performance, _counted(performance, progress))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def frame_digest(performance: Performance) -> str:
    """SHA-256 over all frames' bytes and times: the clip's identity before any encoder."""
    digest = hashlib.sha256(np.ascontiguousarray(performance.times).tobytes())
    for picture in render(performance):
        digest.update(picture.tobytes())
    return digest.hexdigest()


def _counted(
    performance: Performance, progress: Callable[[float], None] | None
) -> Iterator[Picture]:
    total = len(performance.times)
    for count, picture in enumerate(render(performance), start=1):
        yield picture
        if progress is not None:
            progress(count / total)


def _encode(path: Path, suffix: str, performance: Performance, pictures: Iterator[Picture]) -> None:
    film = performance.capture
    rate = Fraction(film.fps).limit_denominator(1001)
    codec, container = {
        ".mp4": ("libx264", "mp4"),
        ".webm": ("libvpx", "webm"),
        ".mjpeg": ("mjpeg", "mjpeg"),
    }[suffix]
    with av.open(str(path), "w", format=container) as output:
        output_stream = output.add_stream(codec, rate=rate)
        assert isinstance(output_stream, VideoStream)  # noqa: S101 for the type checker
        output_stream.width, output_stream.height = film.width, film.height
        if suffix == ".mp4":
            output_stream.options = {"preset": "veryfast", "crf": str(film.crf), "threads": "1"}
        elif suffix == ".webm":
            output_stream.options = {
                "crf": str(film.crf - 8), "b": "3M", "deadline": "realtime", "cpu-used": "6",
                "threads": "1",
            }  # fmt: skip
        else:
            output_stream.options = {"q:v": "3"}
        output_stream.pix_fmt = "yuvj420p" if suffix == ".mjpeg" else "yuv420p"
        clocked = suffix != ".mjpeg"
        output_stream.codec_context.time_base = _CLOCK if clocked else 1 / rate
        for index, (picture, t) in enumerate(zip(pictures, performance.times, strict=True)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = round(float(t) * 1000) if clocked else index
            frame.time_base = _CLOCK if clocked else 1 / rate
            output.mux(output_stream.encode(frame))
        output.mux(output_stream.encode())
