"""Frames become landmarks: MediaPipe's face mesh, each frame on its own, up to two faces.

*Static* mode (no tracking from frame to frame), because the public tables that carry our norms
were made that way and tracking changes the variances. The mesh is not thread-safe: one tracker
per process, built at first use and never before a fork.
"""

import os
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

LANDMARKS = 478
MAX_FACES = 2
MIN_CONFIDENCE = 0.5
CROP_SIZE = 224
# Where the eyes' middle and the mouth's middle lie in an aligned crop, as shares of its side.
CROP_EYES_Y = 0.36
CROP_MOUTH_Y = 0.74
# Outer and inner corners of the right and left eye, corners of the mouth (mesh numbering).
_RIGHT_EYE = (33, 133)
_LEFT_EYE = (362, 263)
_MOUTH = (61, 291)
# One serialised landmark: 2 bytes of frame, then x, y, z as (1 byte tag, float32) each.
_LANDMARK_BYTES = 17
_COORDINATE_AT = (3, 8, 13)

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Faces:
    """``found``: landmarks (478, 3) float32 of each face, the largest first, at most two, in
    normalised image coordinates (z on the scale of x, smaller is nearer)."""

    found: tuple[FloatArray, ...] = ()

    @property
    def landmarks(self) -> FloatArray | None:
        """Those of the largest face; None where no face was found."""
        return self.found[0] if self.found else None

    @property
    def count(self) -> int:
        return len(self.found)


class FaceTracker:
    """Finds the face in one picture at a time. Not thread-safe; ``close`` frees the graph."""

    def __init__(self) -> None:
        # Its C++ side logs to standard error from the moment it is loaded.
        os.environ.setdefault("GLOG_minloglevel", "3")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        from mediapipe.python.solutions.face_mesh import FaceMesh

        self._mesh = FaceMesh(
            static_image_mode=True,
            max_num_faces=MAX_FACES,
            refine_landmarks=True,
            min_detection_confidence=MIN_CONFIDENCE,
        )

    def find(self, rgb: npt.NDArray[np.uint8]) -> Faces:
        """``rgb`` (H, W, 3) uint8, upright."""
        found = self._mesh.process(rgb).multi_face_landmarks or []
        return Faces(tuple(sorted((_coordinates(one) for one in found), key=width, reverse=True)))

    def close(self) -> None:
        self._mesh.close()


_tracker: FaceTracker | None = None


def tracker() -> FaceTracker:
    """This process's one tracker, built when it is first needed."""
    global _tracker
    if _tracker is None:
        _tracker = FaceTracker()
    return _tracker


def _coordinates(face: Any) -> FloatArray:
    """(478, 3) float32 from the message's bytes: 20 times faster than reading field by field."""
    raw = face.SerializeToString()
    if len(raw) == LANDMARKS * _LANDMARK_BYTES:
        table = np.frombuffer(raw, np.uint8).reshape(LANDMARKS, _LANDMARK_BYTES)
        columns = [table[:, at : at + 4].copy().view("<f4") for at in _COORDINATE_AT]
        return np.hstack(columns).astype(np.float32)
    return np.array([(p.x, p.y, p.z) for p in face.landmark], np.float32)


def width(landmarks: FloatArray) -> float:
    """Of a face, as a share of the picture's."""
    return float(np.ptp(landmarks[:, 0]))


def aligned_crop(rgb: npt.NDArray[np.uint8], landmarks: FloatArray) -> npt.NDArray[np.uint8]:
    """The face as (224, 224, 3) uint8, eyes level, eyes and mouth always in the same place.

    A similarity transform (turn, one scale, shift) from the middle of the eyes' corners and the
    middle of the mouth's corners, so the shape of the face is not changed.
    """
    points = landmarks[:, :2] * np.array([rgb.shape[1], rgb.shape[0]], np.float32)
    right, left = points[list(_RIGHT_EYE)].mean(0), points[list(_LEFT_EYE)].mean(0)
    eyes, mouth = (right + left) / 2, points[list(_MOUTH)].mean(0)
    across = left - right
    turn = np.arctan2(across[1], across[0])
    down = np.array([-np.sin(turn), np.cos(turn)])
    height = max(float((mouth - eyes) @ down), 0.5 * float(np.hypot(*across)), 1.0)
    scale = (CROP_MOUTH_Y - CROP_EYES_Y) * CROP_SIZE / height
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    rotation = np.array([[cos, sin], [-sin, cos]])
    target = np.array([0.5, CROP_EYES_Y]) * CROP_SIZE
    matrix = np.hstack([rotation, (target - rotation @ eyes)[:, None]])
    method = cv2.INTER_AREA if scale < 0.5 else cv2.INTER_LINEAR
    crop = cv2.warpAffine(rgb, matrix, (CROP_SIZE, CROP_SIZE), flags=method)
    return crop.astype(np.uint8, copy=False)
