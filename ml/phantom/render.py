"""A performance becomes pictures: the still layer bent, folds shaded, features drawn, noise."""

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from ml.phantom.channels import INDEX
from ml.phantom.head import paint, spline
from ml.phantom.performance import Performance, stream
from ml.phantom.shapes import MOUTH_Y, Pen, Sketch, mouth_shape
from ml.phantom.warp import Pose, Warp

Picture = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

_NOISE_MARGIN = 64


def render(performance: Performance) -> Iterator[Picture]:
    """Every frame in order, (height, width, 3) uint8 RGB; each its own array.

    The same performance gives the same bytes on one version of OpenCV and numpy.
    """
    film, person = performance.capture, performance.identity
    layer = paint(person, film)
    warp, sketch = Warp(layer, film.width, film.height), Sketch(person, layer)
    noise = _Noise(film.width, film.height, film.noise, stream(performance.seed, "noise"))
    folds = _Folds(warp, layer.scale, performance)
    for frame in performance.channels:
        pose = warp.pose(frame)
        picture = warp.bend(frame, pose)
        folds.shade(picture, frame, pose)
        pen = Pen()
        sketch.draw(pen, frame)
        pen.onto(picture, warp, pose)
        noise.add(picture)
        yield picture


class _Noise:
    """Sensor noise: two large fields of noise, cut out at a new place for every frame."""

    def __init__(self, width: int, height: int, sd: float, rng: np.random.Generator) -> None:
        self._size, self._rng, self._on = (height, width), rng, sd > 0
        shape = (height + _NOISE_MARGIN, width + _NOISE_MARGIN, 3)
        field = np.round(rng.standard_normal(shape, np.float32) * sd) if self._on else np.zeros(1)
        self._plus = np.clip(field, 0, 255).astype(np.uint8)
        self._minus = np.clip(-field, 0, 255).astype(np.uint8)

    def add(self, picture: Picture) -> None:
        if not self._on:
            return
        row, column = self._rng.integers(0, _NOISE_MARGIN, 2)
        height, width = self._size
        cut = np.s_[row : row + height, column : column + width]
        cv2.add(picture, self._plus[cut], picture)
        cv2.subtract(picture, self._minus[cut], picture)


class _Folds:
    """Soft shadows of the skin's folds, which deepen with the movement that makes them."""

    def __init__(self, warp: Warp, scale: float, performance: Performance) -> None:
        self._warp, self._scale, self._person = warp, scale, performance.identity
        self._blur = max(3, int(scale * 0.06) | 1)

    def shade(self, picture: Picture, frame: Floats, pose: Pose) -> None:
        corners = self._warp.project(np.array([(-1.1, -1.1), (1.1, 1.9)], np.float32), pose)
        height, width = picture.shape[:2]
        (x0, y0), (x1, y1) = np.clip(corners, 0, (width, height)).astype(int)
        half = np.zeros(((y1 - y0) // 2, (x1 - x0) // 2), np.uint8)
        if not half.size:
            return
        pen = Pen()
        for points, strength, thickness in self._lines(frame):
            level = float(np.clip(255 * strength, 0, 200))
            width_px = max(1, round(thickness * self._scale * 0.5))
            pen.line(points, (level, level, level), width_px)
        pen.onto(half, self._warp, pose, (x0, y0), 0.5)
        soft = cv2.GaussianBlur(half, (self._blur, self._blur), 0)
        keep = cv2.resize(255 - soft, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
        view = picture[y0:y1, x0:x1]
        cv2.multiply(view, cv2.merge([keep, keep, keep]), view, 1.0 / 255.0)

    def _lines(self, frame: Floats) -> Iterator[tuple[Floats, float, float]]:
        lips = mouth_shape(self._person, frame)
        up, down = 0.0, 0.0
        for side, sign, end in (("right", -1.0, 0), ("left", 1.0, -1)):
            value = {
                name: float(frame[INDEX[f"{name}_{side}"]])
                for name in ("smile", "sneer", "brow_inner", "brow_outer", "brow_down", "squint")
            }
            corner = lips.outer_top[end] * (sign, 1.0)
            lift = 0.05 * value["sneer"] + 0.02 * value["smile"]
            fold = [
                (0.30, 0.60 - lift),
                (corner[0] * 0.55 + 0.27, 0.80 - lift),
                (corner[0] + 0.12, corner[1] - 0.08),
                (corner[0] + 0.13, corner[1] + 0.02),
            ]
            depth = 0.10 + 0.11 * value["smile"] + 0.08 * value["sneer"]
            yield spline(fold, 5) * np.array([sign, 1.0], np.float32), depth, 0.06
            crease = [(0.26, -0.04), (0.40, -0.126), (0.58, -0.131), (0.76, -0.03)]
            yield spline(crease, 5) * np.array([sign, 1.0], np.float32), 0.30, 0.028
            bag = [(0.32, 0.15), (0.50, 0.20 - 0.02 * value["squint"]), (0.70, 0.14)]
            yield (
                spline(bag, 4) * np.array([sign, 1.0], np.float32),
                0.14 + 0.20 * max(value["squint"], 0.0),
                0.035,
            )
            pinch = [(0.075, -0.18), (0.065 + 0.01 * value["brow_down"], -0.38)]
            yield (
                np.array(pinch, np.float32) * np.array([sign, 1.0], np.float32),
                0.05 + 0.30 * max(value["brow_down"], 0.0),
                0.030,
            )
            up += 0.25 * (value["brow_inner"] + value["brow_outer"])
            down += 0.5 * value["sneer"]
        for k in range(3):
            y = -0.60 - 0.115 * k - 0.05 * up
            furrow = spline([(-0.55, y + 0.03), (0.0, y - 0.02), (0.55, y + 0.03)], 5)
            yield furrow, 0.04 + 0.20 * max(up, 0.0), 0.030
        for k in range(2):
            y = 0.10 - 0.09 * k
            yield spline([(-0.11, y + 0.02), (0.0, y), (0.11, y + 0.02)], 4), 0.26 * down, 0.028
        under = lips.outer_low[4:-4] + np.array([0.0, 0.045], np.float32)
        yield under, 0.24, 0.05
        groove = [(0.0, 0.80), (0.0, MOUTH_Y - 0.13)]
        yield np.array(groove, np.float32), 0.10, 0.04
