"""The still part of the picture: room, shoulders, hair and a softly lit head, painted per clip.

Coordinates are the identity's (``identity.py``): eye distances, origin between the eyes. The layer
is painted at the picture's own scale; each frame bends it (``warp.py``) and draws the eyes, brows
and mouth on top (``features.py``).
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from ml.phantom.capture import Capture
from ml.phantom.identity import CLOTHES, HAIR_COLOURS, SKIN_TONES, Identity

Floats = npt.NDArray[np.float32]
Picture = npt.NDArray[np.uint8]

EYES_AT = (0.5, 0.43)  # of the picture's width and height
MARGIN = 0.6  # painted beyond the picture's edge, in eye distances
_SUPER = 2  # painted larger, then averaged down, for smooth edges

# Half the head's width at heights from the crown to the chin, before the identity's factors.
_PROFILE = (
    (-1.62, 0.30), (-1.46, 0.66), (-1.15, 0.94), (-0.70, 1.09), (-0.20, 1.13), (0.30, 1.10),
    (0.75, 1.03), (1.10, 0.92), (1.38, 0.73), (1.60, 0.47), (1.72, 0.22),
)  # fmt: skip


def smooth(values: npt.ArrayLike) -> Floats:
    """0 to 1 with flat ends (the cubic smoothstep)."""
    s = np.clip(np.asarray(values, np.float32), 0.0, 1.0)
    return s * s * (3.0 - 2.0 * s)


def spline(points: npt.ArrayLike, steps: int = 8, *, closed: bool = False) -> Floats:
    """Catmull-Rom curve through ``points`` (N, 2): (M, 2)."""
    p = np.asarray(points, np.float32)
    return _spline_matrix(len(p), steps, closed) @ p


@lru_cache(maxsize=64)
def _spline_matrix(count: int, steps: int, closed: bool) -> Floats:
    """The curve's points are fixed mixtures of its control points: (M, count)."""
    p = np.eye(count, dtype=np.float32)
    ends = (p[-1:], p[:2]) if closed else (2 * p[:1] - p[1:2], 2 * p[-1:] - p[-2:-1])
    q = np.concatenate([ends[0], p, ends[1]])
    t = np.linspace(0.0, 1.0, steps, endpoint=False, dtype=np.float32)[None, :, None]
    a, b, c, d = (q[i : len(q) - 3 + i, None] for i in range(4))
    curve = 0.5 * (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    )
    flat = curve.reshape(-1, count)
    return flat if closed else np.concatenate([flat, p[-1:]])


def outline(person: Identity) -> Floats:
    """The head's closed contour (M, 2), crown to chin and back."""
    side = []
    for y, half in _PROFILE:
        lower = float(smooth((y - 0.4) / 0.9))
        width = half * person.face_width * (1.0 + lower * (person.jaw_width - 1.0))
        length = person.face_length * (1.0 + float(smooth((y - 1.0) / 0.7)) * (person.chin - 1.0))
        side.append((width, y * length))
    right = [(-x, y) for x, y in side]
    return spline(np.array(side + right[::-1]), closed=True)


def metered(skin: Floats) -> float:
    """A camera's automatic exposure: brighter for a darker face, by part of the difference."""
    return float(np.clip((155.0 / float(skin.mean())) ** 0.35, 0.88, 1.8))


def expose(colour: npt.ArrayLike, gain: float) -> Floats:
    """Grey levels under that gain, highlights rolled off softly below 255."""
    value = np.clip(np.asarray(colour, np.float32) * gain, 0.0, None)
    return np.where(value < 195.0, value, 195.0 + 58.0 * np.tanh((value - 195.0) / 58.0))


@dataclass(frozen=True, eq=False)
class Layer:
    """``picture`` (H, W, 3) uint8; a point (x, y) lies at pixel ``origin + scale * (x, y)``.

    ``depth`` (h, w) float32 over the same extent on a coarse grid of ``step`` pixels: how far a
    point stands out of the plane of the eyes, for turning the head. ``skin`` and ``gain`` colour
    what is drawn later like its surroundings.
    """

    picture: Picture
    origin: tuple[float, float]
    scale: float
    depth: Floats
    step: int
    skin: Floats
    gain: float

    @property
    def damping(self) -> float:
        """Keeps eyes and teeth from glaring where exposure lifts a dark face."""
        return float(min(1.0, metered(self.skin) ** -0.6))

    def colour_at(self, x: float, y: float) -> Floats:
        """The painted colour around a point (3,)."""
        px = round(self.origin[0] + self.scale * x)
        py = round(self.origin[1] + self.scale * y)
        return np.asarray(self.picture[py - 1 : py + 2, px - 1 : px + 2].mean((0, 1)), np.float32)


@lru_cache(maxsize=2)
def paint(person: Identity, film: Capture) -> Layer:
    """Paints the layer for one person in one room; kept for the person's next clip. Read only."""
    scale = film.face * film.height
    step = 8
    width = film.width + 2 * int(np.ceil(MARGIN * scale / step)) * step
    height = film.height + 2 * int(np.ceil(MARGIN * scale / step)) * step
    origin = (
        (width - film.width) / 2 + EYES_AT[0] * film.width,
        (height - film.height) / 2 + EYES_AT[1] * film.height,
    )
    x, y = np.meshgrid(
        (np.arange(width, dtype=np.float32) - origin[0]) / scale,
        (np.arange(height, dtype=np.float32) - origin[1]) / scale,
    )
    skin = np.array(SKIN_TONES[person.skin - 1], np.float32)
    painter = _Painter(x.shape, origin, scale)
    # Behind a dark face the wall is a darker one, so that exposure does not wash it out.
    painter.canvas[:] = _room(x, y) * min(1.0, metered(skin) ** -0.8)
    surface = _surface(x, y, person)
    light = _light(surface, film.light_from, scale)
    _paint_body(painter, person, skin, light)
    painter.fill(outline(person), _lit(skin, light, x, y))
    _paint_nostrils(painter, person, skin)
    _paint_hair(painter, person, light)
    gain = film.light * metered(skin)
    picture = expose(painter.canvas, gain).astype(np.uint8)
    coarse = cv2.resize(surface, (width // step, height // step), interpolation=cv2.INTER_AREA)
    return Layer(picture, origin, scale, coarse - 0.80, step, skin, gain)


class _Painter:
    """Fills soft-edged shapes, given in eye distances, on a float canvas (H, W, 3)."""

    def __init__(self, shape: tuple[int, ...], origin: tuple[float, float], scale: float) -> None:
        self.canvas = np.zeros((shape[0], shape[1], 3), np.float32)
        self._origin, self._scale = np.array(origin, np.float32), scale

    def mask(self, points: Floats, blur: float = 0.0) -> Floats:
        height, width = self.canvas.shape[:2]
        big = np.zeros((height * _SUPER, width * _SUPER), np.uint8)
        pixels = (self._origin + self._scale * np.asarray(points, np.float32)) * _SUPER * 16
        cv2.fillPoly(big, [pixels.astype(np.int32)], (255.0,), cv2.LINE_AA, 4)
        mask = cv2.resize(big, (width, height), interpolation=cv2.INTER_AREA)
        soft = mask.astype(np.float32) / 255.0
        if not blur:
            return soft
        return np.asarray(cv2.GaussianBlur(soft, (0, 0), blur * self._scale), np.float32)

    def fill(self, points: Floats, colour: Floats, alpha: float = 1.0, blur: float = 0.0) -> None:
        """``colour`` (3,) or (H, W, 3)."""
        mask = (self.mask(points, blur) * alpha)[:, :, None]
        self.canvas += (colour - self.canvas) * mask


def _room(x: Floats, y: Floats) -> Floats:
    """A plain wall, a little lighter behind the head."""
    glow = np.exp(-((x / 4.2) ** 2 + ((y + 0.4) / 3.4) ** 2))[:, :, None]
    return np.array([150, 158, 164], np.float32) + glow * np.array([48, 48, 44], np.float32)


def _bump(x: Floats, y: Floats, at: tuple[float, float], size: tuple[float, float]) -> Floats:
    return np.exp(-(((x - at[0]) / size[0]) ** 2) - ((y - at[1]) / size[1]) ** 2)


def _surface(x: Floats, y: Floats, person: Identity) -> Floats:
    """Height of the face over a plane (H, W): an ellipsoid with nose, cheeks, sockets and chin."""
    w, ln = person.face_width, person.nose_length
    inside = 1.0 - (x / (1.22 * w)) ** 2 - ((y - 0.08) / (1.86 * person.face_length)) ** 2
    z = 1.05 * np.sqrt(np.clip(inside, 0.0, None))
    ridge = smooth((y + 0.18) / (0.78 * ln)) * (1.0 - smooth((y - 0.60 * ln) / 0.16))
    half = (0.13 + 0.07 * smooth(y / 0.6)) * person.nose_width
    z += 0.34 * ridge * np.exp(-((x / half) ** 2))
    for side in (-1.0, 1.0):
        z += 0.09 * _bump(x, y, (side * 0.19 * person.nose_width, 0.62 * ln), (0.10, 0.11))
        z -= 0.15 * _bump(x, y, (side * 0.48, -0.02), (0.27, 0.17))
        z += 0.05 * _bump(x, y, (side * 0.50, -0.36), (0.36, 0.12))
        z += 0.09 * _bump(x, y, (side * 0.62, 0.52), (0.30, 0.26))
    z += 0.08 * _bump(x, y, (0.0, 1.04 + person.mouth_height), (0.42, 0.24))
    z -= 0.06 * _bump(x, y, (0.0, 1.32), (0.26, 0.08))
    return np.asarray(z + 0.10 * _bump(x, y, (0.0, 1.55), (0.26, 0.17)), np.float32)


def _light(surface: Floats, angle: float, scale: float) -> Floats:
    """Brightness (H, W), about 1 where the light falls fully: Lambert's law plus ambient light."""
    z = cv2.GaussianBlur(surface, (0, 0), 0.035 * scale)
    dx = cv2.Sobel(z, cv2.CV_32F, 1, 0, ksize=3) * (scale / 8)
    dy = cv2.Sobel(z, cv2.CV_32F, 0, 1, ksize=3) * (scale / 8)
    a, e = np.deg2rad(angle), np.deg2rad(32.0)
    to_light = (np.sin(a) * np.cos(e), -np.sin(e), np.cos(a) * np.cos(e))
    norm = np.sqrt(1.0 + dx**2 + dy**2)
    facing = (-dx * to_light[0] - dy * to_light[1] + to_light[2]) / norm
    lit = 0.66 + 0.40 * np.clip(facing, -0.3, 1.0)
    return cv2.GaussianBlur(lit.astype(np.float32), (0, 0), 0.03 * scale)


def _lit(skin: Floats, light: Floats, x: Floats, y: Floats) -> Floats:
    """Skin under that light (H, W, 3): shadows turn warm, cheeks and nose a little rosy."""
    level = light[:, :, None]
    colour = skin * (level + (level - 1.0) * np.array([-0.20, 0.10, 0.22], np.float32))
    rosy = _bump(x, y, (-0.62, 0.55), (0.30, 0.24)) + _bump(x, y, (0.62, 0.55), (0.30, 0.24))
    rosy = rosy + 0.7 * _bump(x, y, (0.0, 0.60), (0.20, 0.14))
    tint = rosy[:, :, None] * np.array([0.01, -0.055, -0.045], np.float32)
    shine = np.clip(level - 0.98, 0.0, None) * 150.0  # a soft gloss where the light falls fully
    return np.asarray(colour * (1.0 + tint) + shine, np.float32)


def _paint_body(painter: _Painter, person: Identity, skin: Floats, light: Floats) -> None:
    """Back hair, neck, ears and shoulders, all behind the head."""
    w = person.face_width
    hair = np.array(HAIR_COLOURS[person.hair_colour], np.float32)
    if person.hair_style == "bob":
        half = spline(
            [(0, -1.86), (0.86, -1.62), (1.30, -0.9), (1.42, 0.1), (1.36, 1.0), (1.1, 1.5)]
        )
        painter.fill(_mirrored(half * (w, 1.0)), hair * 0.78)
    neck = spline([(0.66 * w, 0.9), (0.60 * w, 1.7), (0.66 * w, 2.3), (1.1, 2.75)])
    painter.fill(_mirrored(neck), skin * np.array([0.80, 0.74, 0.70], np.float32))
    jaw_shadow = spline([(0.56 * w, 1.2), (0.52 * w, 1.84), (0.2, 2.08)])
    painter.fill(_mirrored(jaw_shadow), skin * 0.55, alpha=0.55, blur=0.07)
    shirt = np.array(CLOTHES[person.clothes], np.float32)
    body = spline([(0.50, 2.42), (0.95, 2.46), (1.75, 2.72), (2.35, 3.2), (2.6, 4.6)])
    painter.fill(_mirrored(body), shirt)
    collar = spline([(0.50, 2.40), (0.42, 2.62), (0.0, 2.86)])
    painter.fill(_mirrored(collar), skin * np.array([0.84, 0.78, 0.74], np.float32))
    for side in (-1.0, 1.0):
        around = np.linspace(0, 2 * np.pi, 32, endpoint=False)
        ear = np.stack([np.cos(around) * 0.15, 0.28 + np.sin(around) * 0.30], 1)
        ear[:, 0] += side * 1.13 * w
        painter.fill(ear.astype(np.float32), skin * np.array([0.90, 0.80, 0.76], np.float32))


def _paint_nostrils(painter: _Painter, person: Identity, skin: Floats) -> None:
    dark = skin * np.array([0.50, 0.38, 0.36], np.float32)
    base = 0.715 * person.nose_length
    wide = person.nose_width
    for side in (-1.0, 1.0):
        around = np.linspace(0, 2 * np.pi, 20, endpoint=False)
        hole = np.stack([np.cos(around) * 0.066, base + np.sin(around) * 0.026], 1)
        hole[:, 0] = (hole[:, 0] + 0.105) * wide * side
        hole[:, 1] += 0.10 * (np.abs(hole[:, 0]) - 0.1)
        painter.fill(hole.astype(np.float32), dark, alpha=0.85, blur=0.012)
        wing = [(0.235, 0.55), (0.272, 0.63), (0.262, 0.70), (0.21, 0.735), (0.235, 0.70),
                (0.245, 0.64)]  # fmt: skip
        points = spline(wing, closed=True) * (wide * side, person.nose_length)
        painter.fill(points, dark, alpha=0.40, blur=0.018)
    base_shadow = spline([(0.0, base + 0.01), (0.20 * wide, base + 0.0), (0.1, base + 0.08)])
    painter.fill(_mirrored(base_shadow), dark, alpha=0.22, blur=0.03)


def _paint_hair(painter: _Painter, person: Identity, light: Floats) -> None:
    w = person.face_width
    hair = np.array(HAIR_COLOURS[person.hair_colour], np.float32)
    shade = hair * (0.74 + 0.26 * light[:, :, None])
    outer = [
        (0.0, -1.86),
        (0.62, -1.74),
        (1.06, -1.34),
        (1.24, -0.75),
        (1.235, -0.15),
        (1.18, 0.12),
    ]
    inner = {
        "short": [(1.10, 0.10), (1.06, -0.38), (0.94, -0.74), (0.60, -0.98), (0.0, -1.04)],
        "bob": [(1.06, 0.62), (1.02, -0.20), (0.86, -0.66), (0.46, -0.94), (0.0, -1.10)],
        "receding": [(1.11, 0.08), (1.09, -0.36), (1.05, -0.80), (0.78, -1.26), (0.0, -1.20)],
    }[person.hair_style]
    if person.hair_style == "bob":
        outer = [*outer[:-1], (1.34, 0.4), (1.30, 1.0), (1.12, 1.12)]
    half = np.concatenate([spline(outer), spline(inner)]) * np.array([w, 1.0], np.float32)
    crown = outline(person)[:, 1].min() + 1.62
    half[:, 1] += crown * smooth((-half[:, 1] - 0.6) / 0.8)
    around = np.concatenate([half, half[::-1] * np.array([-1.0, 1.0], np.float32)])
    painter.fill(around.astype(np.float32), shade, blur=0.012)


def _mirrored(half: Floats) -> Floats:
    """A closed shape from its right half, top to bottom."""
    return np.concatenate([half, half[::-1] * np.array([-1.0, 1.0], np.float32)]).astype(np.float32)
