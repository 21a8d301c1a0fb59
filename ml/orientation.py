"""Which way up a picture is, where no metadata says so, and by how much the head is tilted in it.

MediaPipe's detector (the one that starts the face mesh) finds faces that lie on their side or stand
on their head, with less confidence: over drawn and real faces an upright one scored .92 to .97, the
same one at a quarter turn .72 to .84, upside down .65 to .77. So it is asked four times. The mesh
itself is no help there: an upside-down face comes out as an upright one that looks down.

A tilted face the mesh does find, but not quite as it finds an upright one (at 25° the drawn jaw
reads 4 % shorter): what is tilted by more than a few degrees is set upright before it is measured.
"""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ml import face, geometry, video
from ml.errors import ClipUnusable

Picture = npt.NDArray[np.uint8]

MODEL = "short range"
MIN_CONFIDENCE = 0.3
#: So sure is the detector of upright faces only; below, the other three ways up are tried.
UPRIGHT_SCORE = 0.88
#: Another way up must be better by this much, and a plain face: of a blurred one, every way up is
#: doubtful.
MARGIN = 0.05
PLAIN_SCORE = 0.8
#: Degrees that are let be: a head is never held quite straight, nor was it for the public tables.
LET_BE = 8.0
#: A film is asked at its beginning: so many pictures with a face, so many seconds apart at least.
VOTES = 3
APART_S = 0.3
#: Nobody is there for so long: taken as it is.
SEARCH_S = 5.0


@dataclass(frozen=True)
class Orientation:
    """``turns``: quarter turns, counter-clockwise, that set the film upright; ``tilt``: degrees,
    clockwise, by which the head is still tilted then."""

    turns: int = 0
    tilt: float = 0.0

    def upright(self, rgb: Picture) -> Picture:
        """``rgb`` (H, W, 3) turned; where the head is tilted, on a canvas that holds all of it."""
        turned = np.ascontiguousarray(np.rot90(rgb, self.turns))
        if not self.tilt:
            return turned
        height, width = turned.shape[:2]
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), self.tilt, 1.0)
        cos, sin = abs(turn[0, 0]), abs(turn[0, 1])
        size = (round(width * cos + height * sin), round(width * sin + height * cos))
        shift = np.array([size[0] - width, size[1] - height]) / 2
        turn = np.hstack([turn[:, :2], turn[:, 2:] + shift[:, None]])
        # Cubic: an eye is a few pixels high, and must not be smoothed shut.
        return np.asarray(cv2.warpAffine(turned, turn, size, flags=cv2.INTER_CUBIC), np.uint8)


class Detector:
    """One per process, like the face mesh; not thread-safe."""

    @cached_property
    def _faces(self) -> Any:
        from mediapipe.python.solutions.face_detection import FaceDetection

        return FaceDetection(model_selection=0, min_detection_confidence=MIN_CONFIDENCE)

    def turns(self, rgb: Picture) -> int | None:
        """Quarter turns (counter-clockwise, 0 to 3) that set the face in ``rgb`` (H, W, 3)
        upright; None where no face was found either way."""
        as_it_is = self._score(rgb)
        if as_it_is >= UPRIGHT_SCORE:
            return 0
        scores = [as_it_is, *(self._score(np.rot90(rgb, turns)) for turns in (1, 2, 3))]
        best = int(np.argmax(scores))
        if not scores[best]:
            return None
        return best if scores[best] >= max(PLAIN_SCORE, as_it_is + MARGIN) else 0

    def _score(self, rgb: Picture) -> float:
        found = self._faces.process(np.ascontiguousarray(rgb)).detections or []
        return max((float(one.score[0]) for one in found), default=0.0)


#: This process's one; the model is loaded when it is first asked.
detector = Detector()


def of_clip(path: Path, limits: video.Limits | None = None) -> Orientation:
    """As it is where nothing says otherwise, and where the film cannot be read (which the reader
    after this one will say)."""
    turns: Counter[int] = Counter()
    tilts: list[tuple[int, float]] = []
    due = 0.0
    try:
        for frame in video.frames(path, limits):
            if frame.t < due:
                continue
            due = frame.t + APART_S
            found = detector.turns(frame.stored)
            if found is not None:
                turns[found] += 1
                tilts.append((found, _tilt(np.rot90(frame.stored, found))))
            if turns.total() == VOTES or frame.t > SEARCH_S:
                break
    except ClipUnusable:
        return Orientation()
    if not turns:
        return Orientation()
    best, count = turns.most_common(1)[0]
    best = best if 2 * count > turns.total() else 0
    tilt = float(np.median([tilt for found, tilt in tilts if found == best] or [0.0]))
    return Orientation(best, tilt if abs(tilt) > LET_BE else 0.0)


def _tilt(rgb: Picture) -> float:
    """Degrees, clockwise, of the largest face's eye line; 0 without a face."""
    upright = np.ascontiguousarray(rgb)
    landmarks = face.tracker().find(upright).landmarks
    if landmarks is None:
        return 0.0
    points = geometry.square(landmarks[None], upright.shape[1] / upright.shape[0])
    return float(np.degrees(geometry.roll(points)[0]))
