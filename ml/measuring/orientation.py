"""Which way up a picture is, where no metadata says so, and by how much the head is tilted in it.

MediaPipe's detector (the one that starts the face mesh) finds faces that lie on their side or stand
on their head, with less confidence: over drawn and real faces an upright one scored .92 to .97, the
same one at a quarter turn .72 to .84, upside down .65 to .77. So it is asked four times. The mesh
itself is no help there: an upside-down face comes out as an upright one that looks down.

A tilted face the mesh does find, but not quite as it finds an upright one (at 25° the drawn jaw
reads 4 % shorter): what is tilted by more than a few degrees is set upright before it is measured.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ml.errors import ClipUnusable
from ml.measuring import face, geometry, video

Picture = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.floating[Any]]

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
    clockwise, by which the head is still tilted then; ``centre``: where the face is then, as shares
    of the picture's width and height."""

    turns: int = 0
    tilt: float = 0.0
    centre: tuple[float, float] = (0.5, 0.5)

    def upright(self, rgb: Picture) -> Picture:
        """``rgb`` (H, W, 3) turned; a tilted head then about its own centre.

        So the face keeps its place and its share of a picture of the same size. On a larger canvas
        the detector inside the mesh, which looks at a small copy of the whole picture, frames the
        face otherwise, and the mesh reads an eye's opening up to 7 % larger.
        """
        turned = np.ascontiguousarray(np.rot90(rgb, self.turns))
        if not self.tilt:
            return turned
        height, width = turned.shape[:2]
        x, y = self.centre
        turn = cv2.getRotationMatrix2D((x * width, y * height), self.tilt, 1.0)
        # Cubic: an eye is a few pixels high, and must not be smoothed shut.
        level = cv2.warpAffine(turned, turn, (width, height), flags=cv2.INTER_CUBIC)
        return np.asarray(level, np.uint8)

    def as_filmed(self, points: FloatArray, aspects: FloatArray) -> FloatArray:
        """(T, N, 2): where ``points`` (T, N, 2 or more), of the picture set upright, were before
        the head was turned about its centre; both in square coordinates. ``aspects`` (T,)."""
        angle = np.radians(self.tilt)
        cos, sin = np.cos(angle), np.sin(angle)
        centre = np.stack([self.centre[0] * aspects, np.full_like(aspects, self.centre[1])], axis=1)
        x, y = np.moveaxis(points[:, :, :2] - centre[:, None], 2, 0)
        return np.stack([cos * x - sin * y, sin * x + cos * y], axis=2) + centre[:, None]


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
    votes = _votes(path, limits)
    best = _most(votes)
    seen = [_tilt(np.rot90(stored, best)) for turns, stored in votes if turns == best]
    found = [one for one in seen if one is not None]
    if not found:
        return Orientation(best)
    tilt, x, y = (float(value) for value in np.median(found, axis=0))
    return Orientation(best, tilt, (x, y)) if abs(tilt) > LET_BE else Orientation(best)


def turns_of_clip(path: Path) -> int:
    """Its quarter turns alone: the face mesh, which the tilt is read from, is not asked."""
    return _most(_votes(path))


def _votes(path: Path, limits: video.Limits | None = None) -> list[tuple[int, Picture]]:
    """Some pictures of the beginning, and by how many quarter turns each is set upright."""
    votes: list[tuple[int, Picture]] = []
    due = 0.0
    try:
        for frame in video.frames(path, limits):
            if frame.t < due:
                continue
            due = frame.t + APART_S
            stored = frame.stored
            turns = detector.turns(stored)
            if turns is not None:
                votes.append((turns, stored))
            if len(votes) == VOTES or frame.t > SEARCH_S:
                break
    except ClipUnusable:
        return []
    return votes


def _most(votes: Sequence[tuple[int, Picture]]) -> int:
    """What more than half of the pictures say; as it is where they do not agree."""
    best, count = Counter(turns for turns, _ in votes).most_common(1)[0] if votes else (0, 0)
    return best if 2 * count > len(votes) else 0


def _tilt(rgb: Picture) -> tuple[float, float, float] | None:
    """Of the largest face: degrees, clockwise, of its eye line, and its centre x and y as shares of
    the picture; None without a face."""
    upright = np.ascontiguousarray(rgb)
    landmarks = face.tracker().find(upright).landmarks
    if landmarks is None:
        return None
    points = geometry.square(landmarks[None], upright.shape[1] / upright.shape[0])
    x, y = (landmarks[:, :2].min(0) + landmarks[:, :2].max(0)) / 2
    return float(np.degrees(geometry.roll(points)[0])), float(x), float(y)
