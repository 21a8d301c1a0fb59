"""How long the picture of a face stands still: a camera that hangs, a photograph held before it.

A masked face is never quite still: the head sways, the eyes blink, and a sensor's noise survives
all but the strongest compression. A picture that hangs decodes to the same picture again and again;
only where the encoder begins anew (a key frame) does it differ a little, for a frame or two.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

#: Mean difference, in grey levels of 255, on the faces. Hanging pictures of H.264, VP8 and motion
#: JPEG differed by 0.04 at most; drawn people at rest were never as still as this for longer than
#: 0.6 seconds, at H.264's crf 45 and 320 × 240.
SAME = 0.1
#: What differs three times within so many seconds moves: key frames do not come so often.
KEY_FRAMES_APART_S = 0.3
_STEP = 4


@dataclass
class Stillness:
    """``longest_s``: seconds, so far, of the longest stretch in which nothing moved."""

    longest_s: float = 0.0
    _reference: npt.NDArray[np.int16] | None = None
    _since: float = 0.0
    _jumped: tuple[float, float] = (float("-inf"), float("-inf"))

    def see(
        self, t: float, rgb: npt.NDArray[np.uint8], faces: Sequence[npt.NDArray[np.floating[Any]]]
    ) -> None:
        """``t`` seconds; ``rgb`` (H, W, 3); ``faces`` landmarks (478, 2 or more) in normalised
        coordinates. Without a face the whole picture counts."""
        picture = rgb[::_STEP, ::_STEP, 1].astype(np.int16)
        before, self._reference = self._reference, picture
        if before is None or before.shape != picture.shape:
            self._since = t
            return
        if _difference(before, picture, faces) < SAME:
            # Against the same picture as before, so that slow movement adds up.
            self._reference = before
            self.longest_s = max(self.longest_s, t - self._since)
            return
        last_but_one, last = self._jumped
        if t - last_but_one < KEY_FRAMES_APART_S:
            self._since = t
        self._jumped = (last, t)


def _difference(
    before: npt.NDArray[np.int16],
    now: npt.NDArray[np.int16],
    faces: Sequence[npt.NDArray[np.floating[Any]]],
) -> float:
    """The largest over the faces of their mean absolute difference."""
    height, width = now.shape
    boxes = []
    for landmarks in faces:
        low = np.clip(landmarks[:, :2].min(0) * (width, height), 0, (width - 1, height - 1))
        high = np.clip(landmarks[:, :2].max(0) * (width, height), low + 1, (width, height))
        (x0, y0), (x1, y1) = low.astype(int), np.ceil(high).astype(int)
        boxes.append(np.s_[y0:y1, x0:x1])
    changes = np.abs(now - before)
    return max(float(changes[box].mean()) for box in boxes or [np.s_[:, :]])
