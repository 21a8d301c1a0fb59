"""Moves the still layer and every drawn point with the face and the head, frame by frame.

``Warp`` holds, per clip, the displacement of the skin that each channel causes (soft bumps on a
coarse grid). For one frame it gives the map that bends the layer (output pixel → layer pixel) and
projects points of the face into the picture.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ml.phantom.channels import CHANNELS, INDEX, SIDED
from ml.phantom.head import EYES_AT, Layer, smooth

Floats = npt.NDArray[np.float32]

_GRID = 16  # pixels between points of the coarse map
PIVOT_Y = 1.9  # the head nods and tilts about the top of the neck
# How far around the eyes the picture may move, in eye distances.
_REACH_X, _REACH_UP, _REACH_DOWN = 2.2, 2.9, 3.2

# Per sided channel: centre, size and displacement of the skin's movement on the picture's right.
_BUMPS: dict[str, tuple[tuple[float, float, float, float, float, float], ...]] = {
    "smile": ((0.62, 0.64, 0.30, 0.28, 0.02, -0.070), (0.46, 1.00, 0.22, 0.22, 0.060, -0.050)),
    "sneer": ((0.22, 0.60, 0.20, 0.24, 0.010, -0.050), (0.45, 0.70, 0.25, 0.25, 0.0, -0.040)),
    "stretch": ((0.52, 1.10, 0.30, 0.30, 0.060, 0.020),),
    "frown": ((0.44, 1.16, 0.22, 0.24, 0.0, 0.040),),
    "brow_outer": ((0.68, -0.42, 0.32, 0.28, 0.0, -0.090),),
    "brow_inner": ((0.22, -0.45, 0.22, 0.30, 0.0, -0.090),),
    "brow_down": ((0.28, -0.34, 0.30, 0.26, -0.030, 0.060),),
    "squint": ((0.52, 0.30, 0.30, 0.18, 0.0, -0.045),),
}
JAW_DROP = 0.34


@dataclass(frozen=True, eq=False)
class Pose:
    """One frame's head: rotation (2, 2) times scale, shift in pixels, sines of yaw and pitch."""

    turn: Floats
    shift: Floats
    yaw: float
    pitch: float


class Warp:
    """Bound to one layer and one picture size. Only the part of the picture that can move (the
    head and neck, fading out around them) is bent; the rest is copied."""

    def __init__(self, layer: Layer, width: int, height: int) -> None:
        self._layer = layer
        self._centre = np.array([EYES_AT[0] * width, EYES_AT[1] * height], np.float32)
        self._basis = _basis(layer)
        reach = np.array([[-_REACH_X, -_REACH_UP], [_REACH_X, _REACH_DOWN]]) * layer.scale
        (x0, y0), (x1, y1) = np.clip(reach + self._centre, 0, (width, height)).astype(int)
        self._part = np.s_[y0:y1, x0:x1]
        left, top = (round(o - c) for o, c in zip(layer.origin, self._centre, strict=True))
        self._background = layer.picture[top : top + height, left : left + width]
        # Coarse points at the middle of blocks of pixels, as cv2.resize counts, one block more
        # on each side so that the interpolation never reaches an edge.
        columns, rows = -(-(x1 - x0) // _GRID) + 2, -(-(y1 - y0) // _GRID) + 2
        gx, gy = np.meshgrid(
            (np.arange(columns, dtype=np.float32) - 0.5) * _GRID - 0.5 + x0,
            (np.arange(rows, dtype=np.float32) - 0.5) * _GRID - 0.5 + y0,
        )
        self._still = (np.stack([gx, gy], -1) - self._centre) / layer.scale
        x, y = self._still[..., 0], self._still[..., 1]
        far = np.maximum(np.abs(x) / _REACH_X, np.maximum(-y / _REACH_UP, y / _REACH_DOWN))
        self._held = (1.0 - smooth((far - 0.62) / 0.36))[..., None]

    def pose(self, frame: Floats) -> Pose:
        """``frame`` (C,): one frame's channels."""
        angle = np.deg2rad(frame[INDEX["roll"]])
        size = (1.0 + frame[INDEX["scale"]]) * self._layer.scale
        c, s = np.cos(angle) * size, np.sin(angle) * size
        shift = frame[[INDEX["shift_x"], INDEX["shift_y"]]] * self._layer.scale
        return Pose(
            np.array([[c, -s], [s, c]], np.float32),
            self._centre + shift,
            float(np.sin(np.deg2rad(frame[INDEX["yaw"]]))),
            float(np.sin(np.deg2rad(frame[INDEX["pitch"]]))),
        )

    def project(self, points: Floats, pose: Pose, lift: Floats | float = 0.0) -> Floats:
        """Face points (N, 2) to pixels (N, 2); ``lift`` stands further out than the skin."""
        z = self._sample(self._layer.depth, points[None])[0] + lift
        turned = points * _cosines(pose)
        turned[:, 0] += z * pose.yaw
        turned[:, 1] -= z * pose.pitch
        turned[:, 1] -= PIVOT_Y
        moved = turned @ pose.turn.T + pose.shift
        return moved + np.array([0.0, PIVOT_Y * self._layer.scale], np.float32)

    def bend(self, frame: Floats, pose: Pose) -> npt.NDArray[np.uint8]:
        """The layer as this frame shows it (height, width, 3)."""
        layer = self._layer
        inverse = np.linalg.inv(pose.turn)
        offset = pose.shift - self._centre + np.array([0.0, PIVOT_Y * layer.scale], np.float32)
        pixels = self._still * layer.scale - offset
        turned = pixels @ inverse.T.astype(np.float32)
        turned[..., 1] += PIVOT_Y
        face = turned
        for _ in range(2):
            z = self._sample(layer.depth, face)
            lean = np.stack([z * pose.yaw, -z * pose.pitch], -1)
            face = (turned - lean) / _cosines(pose)
        moved = np.tensordot(frame, self._basis, 1)  # on the layer's coarse grid (h, w, 2)
        shift = self._sample(moved, face - self._sample(moved, face))
        source = self._still + (face - shift - self._still) * self._held
        source = source * layer.scale + np.array(layer.origin, np.float32)
        picture = self._background.copy()
        part = picture[self._part]
        rows, columns = part.shape[:2]
        size = (source.shape[1] * _GRID, source.shape[0] * _GRID)
        fine = cv2.resize(source, size, interpolation=cv2.INTER_LINEAR)
        fine = fine[_GRID : _GRID + rows, _GRID : _GRID + columns]
        cv2.remap(
            layer.picture, fine, None, cv2.INTER_LINEAR, part, borderMode=cv2.BORDER_REPLICATE
        )  # type: ignore[call-overload]
        return picture

    def _sample(self, grid: Floats, at: Floats) -> Floats:
        """Values of a coarse grid at face points (h, w, 2), bilinear, edges held."""
        layer = self._layer
        where = (at * layer.scale + np.array(layer.origin, np.float32)) / layer.step - 0.5
        x, y = np.ascontiguousarray(where[..., 0]), np.ascontiguousarray(where[..., 1])
        return cv2.remap(grid, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[return-value]


def _cosines(pose: Pose) -> Floats:
    return np.sqrt(1.0 - np.array([pose.yaw**2, pose.pitch**2], np.float32))


def _basis(layer: Layer) -> Floats:
    """Skin displacement per unit of each channel (C, h, w, 2), in eye distances."""
    h, w = layer.depth.shape
    x, y = np.meshgrid(
        ((np.arange(w, dtype=np.float32) + 0.5) * layer.step - layer.origin[0]) / layer.scale,
        ((np.arange(h, dtype=np.float32) + 0.5) * layer.step - layer.origin[1]) / layer.scale,
    )
    basis = np.zeros((len(CHANNELS), h, w, 2), np.float32)
    for name in SIDED:
        for side, sign in (("right", -1.0), ("left", 1.0)):
            for cx, cy, sx, sy, dx, dy in _BUMPS.get(name, ()):
                weight = np.exp(-(((x * sign - cx) / sx) ** 2) - ((y - cy) / sy) ** 2)
                basis[INDEX[f"{name}_{side}"], ..., 0] += sign * dx * weight
                basis[INDEX[f"{name}_{side}"], ..., 1] += dy * weight
    falls = smooth((y - 0.90) / 0.60) * (1.0 - smooth((y - 1.80) / 0.8))
    beside = 1.0 - smooth((np.abs(x) - 0.85) / 0.6)
    basis[INDEX["jaw"], ..., 1] = JAW_DROP * falls * beside
    return basis
