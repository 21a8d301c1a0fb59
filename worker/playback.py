"""The copy of a clip that reviewers play: constant rate, seekable, upright. Originals stay as sent.

Runs in the measuring process. Picture *k* of the copy, shown at k / 30 s, is the newest frame that
the camera had delivered by then, so the copy's clock is the clock of the measured signals.
"""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt

from ml.measuring import orientation, video

RATE = 30
#: x264's constant quality: 23 is its own default; a face is judged here, so a little better.
QUALITY = "21"

Picture = npt.NDArray[np.uint8]


def write_copy(source: Path, target: Path) -> dict[str, Any]:
    """Writes H.264 in MP4 with its index in front. Returns ``{"frames": n, "seconds": s}``.

    Raises :class:`ml.errors.ClipUnusable` when ``source`` holds no picture that can be read.
    """
    count = 0
    with av.open(str(target), "w", format="mp4", options={"movflags": "+faststart"}) as copy:
        stream = copy.add_stream(
            "libx264", rate=RATE, options={"preset": "veryfast", "crf": QUALITY}
        )
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        for picture in _at_constant_rate(source):
            if not count:
                stream.height, stream.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = count, Fraction(1, RATE)
            copy.mux(stream.encode(frame))
            count += 1
        copy.mux(stream.encode(None))
    return {"frames": count, "seconds": round(count / RATE, 3)}


def _at_constant_rate(source: Path) -> Iterator[Picture]:
    """RGB pictures (H, W, 3), upright, H and W even and those of the first one, one for each
    thirtieth of a second."""
    turns = orientation.turns_of_clip(source)
    held: Picture | None = None
    shown = 0
    for frame in video.frames(source):
        while held is not None and shown / RATE < frame.t - 0.5 / RATE:
            yield held
            shown += 1
        # A mirror image turns the other way round.
        picture = np.rot90(frame.rgb, -turns if frame.mirrored else turns)
        held = _even(picture) if held is None else _fitted(picture, *held.shape[:2])
    if held is not None:
        yield held


def _even(picture: Picture) -> Picture:
    """H.264 wants even sides."""
    height, width = (side // 2 * 2 for side in picture.shape[:2])
    return np.ascontiguousarray(picture[:height, :width])


def _fitted(picture: Picture, height: int, width: int) -> Picture:
    """The whole picture on a canvas of this size: of a phone that was turned in mid-film, too."""
    even = _even(picture)
    if even.shape[:2] == (height, width):
        return even
    scale = min(height / picture.shape[0], width / picture.shape[1])
    high, wide = (max(1, round(side * scale)) for side in picture.shape[:2])
    top, left = (height - high) // 2, (width - wide) // 2
    canvas = np.zeros((height, width, 3), np.uint8)
    resized = cv2.resize(picture, (wide, high), interpolation=cv2.INTER_AREA)
    canvas[top : top + high, left : left + wide] = resized
    return canvas
