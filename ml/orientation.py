"""Which way up a picture is, where no metadata says so: the face detector is asked four times.

MediaPipe's detector (the one that starts the face mesh) finds faces that lie on their side or stand
on their head, with less confidence: over drawn and real faces an upright one scored .92 to .97, the
same one at a quarter turn .72 to .84, upside down .65 to .77. The mesh itself is no help there: an
upside-down face comes out as an upright one that looks down.
"""

from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ml import video
from ml.errors import ClipUnusable

MODEL = "short range"
MIN_CONFIDENCE = 0.3
#: So sure is the detector of upright faces only; below, the other three ways up are tried.
UPRIGHT_SCORE = 0.88
#: Another way up must be better by this much, and a plain face: of a blurred one, every way up is
#: doubtful.
MARGIN = 0.05
PLAIN_SCORE = 0.8
#: A film is asked at its beginning: so many pictures with a face, so many seconds apart at least.
VOTES = 3
APART_S = 0.3
#: Nobody is there for so long: taken as it is.
SEARCH_S = 5.0


def of_clip(path: Path, limits: video.Limits | None = None) -> int:
    """Quarter turns (counter-clockwise, 0 to 3) that set the film upright; 0 where nothing says
    otherwise, and where it cannot be read (which the reader after this one will say)."""
    votes: Counter[int] = Counter()
    due = 0.0
    try:
        for frame in video.frames(path, limits):
            if frame.t < due:
                continue
            due = frame.t + APART_S
            turns = detector().turns(frame.rgb)
            if turns is not None:
                votes[turns] += 1
            if votes.total() == VOTES or frame.t > SEARCH_S:
                break
    except ClipUnusable:
        return 0
    turns, count = votes.most_common(1)[0] if votes else (0, 0)
    return turns if 2 * count > votes.total() else 0


class Detector:
    """One per process, like the face mesh; not thread-safe."""

    def __init__(self) -> None:
        from mediapipe.python.solutions.face_detection import FaceDetection

        self._faces = FaceDetection(model_selection=0, min_detection_confidence=MIN_CONFIDENCE)

    def turns(self, rgb: npt.NDArray[np.uint8]) -> int | None:
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

    def _score(self, rgb: npt.NDArray[np.uint8]) -> float:
        found = self._faces.process(np.ascontiguousarray(rgb)).detections or []
        return max((float(one.score[0]) for one in found), default=0.0)


_detector: Detector | None = None


def detector() -> Detector:
    """This process's one detector, built when it is first needed."""
    global _detector
    if _detector is None:
        _detector = Detector()
    return _detector
