"""Frames become a video file: .mp4 (H.264), .webm (VP8) or .mjpeg (a bare stream of JPEGs).

The .mjpeg has no clock of its own: Chromium's fake camera plays it at 30 frames a second, in a
loop. Encoders may write different bytes on another machine; the frames are what is reproducible.
"""

import hashlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.video.stream import VideoStream

from ml.errors import WrongUse
from ml.files import whole
from ml.phantom.performance import Performance
from ml.phantom.render import render

FORMATS = (".mp4", ".webm", ".mjpeg")
_CLOCK = Fraction(1, 1000)  # frame times are whole milliseconds

Picture = npt.NDArray[np.uint8]


def write_clip(path: Path, performance: Performance) -> None:
    """Draws and encodes the performance into ``path``, complete or not at all.

    The suffix chooses the format. Raises :class:`WrongUse` for another suffix or a missing folder.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise WrongUse(f"{path.name}: the file name must end in one of {', '.join(FORMATS)}")
    if not path.parent.is_dir():
        raise WrongUse(f"no such folder: {path.parent}; create it first")
    with whole(path) as partial:
        _encode(partial, suffix, performance, render(performance))


def frame_digest(performance: Performance) -> str:
    """SHA-256 over all frames' bytes and times: the clip's identity before any encoder."""
    digest = hashlib.sha256(np.ascontiguousarray(performance.times).tobytes())
    for picture in render(performance):
        digest.update(picture.tobytes())
    return digest.hexdigest()


def _encode(path: Path, suffix: str, performance: Performance, pictures: Iterator[Picture]) -> None:
    film = performance.capture
    if suffix == ".mjpeg":
        with path.open("wb") as file:
            for picture in pictures:
                file.write(_jpeg(picture))
        return
    codec, container, options = {
        ".mp4": ("libx264", "mp4", {"preset": "veryfast", "crf": str(film.crf)}),
        ".webm": ("libvpx", "webm", {"crf": str(max(film.crf - 8, 4)), "b": "3M",
                                     "deadline": "realtime", "cpu-used": "-6"}),
    }[suffix]  # fmt: skip
    with av.open(str(path), "w", format=container) as output:
        track = output.add_stream(codec, rate=Fraction(film.fps).limit_denominator(1001))
        assert isinstance(track, VideoStream)  # noqa: S101 for the type checker
        track.width, track.height, track.pix_fmt = film.width, film.height, "yuv420p"
        track.options = {**options, "threads": "1"}
        track.codec_context.time_base = _CLOCK
        for picture, t in zip(pictures, performance.times, strict=True):
            planes = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420), np.uint8)
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts, frame.time_base = round(float(t) * 1000), _CLOCK
            output.mux(track.encode(frame))
        output.mux(track.encode())


def _jpeg(picture: Picture) -> bytes:
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    _, content = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 90])
    return content.tobytes()
