"""Eyes, brows, mouth, folds and glasses of one frame, as shapes in the face's own coordinates.

Painter's order: what lies behind is drawn first, so that lids cover the iris and lips the teeth.
Shapes are (N, 2) float32 in eye distances; ``Pen`` projects them with the head and fills them.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ml.phantom.channels import INDEX
from ml.phantom.head import Layer, expose, spline
from ml.phantom.identity import HAIR_COLOURS, IRIS_COLOURS, Identity
from ml.phantom.warp import JAW_DROP, Pose, Warp

Floats = npt.NDArray[np.float32]
Colour = tuple[float, float, float]

MOUTH_Y = 1.03
_SHIFT = 5  # sub-pixel bits of OpenCV's drawing
_S = np.linspace(-1.0, 1.0, 15, dtype=np.float32)
_ROUND = np.linspace(0.0, 2 * np.pi, 40, endpoint=False, dtype=np.float32)


class Pen:
    """Collects one frame's shapes, then projects them all at once and draws them in order."""

    def __init__(self) -> None:
        self._shapes: list[Floats] = []
        self._how: list[tuple[Colour, int, bool, float]] = []

    def fill(self, points: Floats, colour: Colour, lift: float = 0.0) -> None:
        self._shapes.append(points)
        self._how.append((colour, 0, True, lift))

    def line(
        self, points: Floats, colour: Colour, thickness: int = 1, *, closed: bool = False,
        lift: float = 0.0,
    ) -> None:  # fmt: skip
        self._shapes.append(points)
        self._how.append((colour, thickness, closed, lift))

    def onto(
        self,
        picture: npt.NDArray[np.uint8],
        warp: Warp,
        pose: Pose,
        origin: tuple[int, int] = (0, 0),
        scale: float = 1.0,
    ) -> None:
        """Draws in place on ``picture`` (H, W, 3) or (H, W), whose first pixel is ``origin`` of the
        whole picture, ``scale`` times its size."""
        counts = [len(points) for points in self._shapes]
        lifts = np.repeat(np.array([how[3] for how in self._how], np.float32), counts)
        pixels = warp.project(np.concatenate(self._shapes), pose, lifts)
        fixed = np.round((pixels - origin) * (scale * (1 << _SHIFT))).astype(np.int32)
        start = 0
        for count, (colour, thickness, closed, _) in zip(counts, self._how, strict=True):
            points = fixed[start : start + count]
            start += count
            if thickness:
                cv2.polylines(picture, [points], closed, colour, thickness, cv2.LINE_AA, _SHIFT)
            else:
                cv2.fillPoly(picture, [points], colour, cv2.LINE_AA, _SHIFT)


@dataclass(frozen=True)
class Palette:
    """Colours of one person in one room, computed once per clip."""

    lid: Colour
    lid_lower: Colour
    sclera: Colour
    iris: Colour
    iris_rim: Colour
    pupil: Colour
    glint: Colour
    lash: Colour
    brow: Colour
    lip_upper: Colour
    lip_lower: Colour
    lip_shine: Colour
    mouth_line: Colour
    mouth_inside: Colour
    teeth: Colour
    frame: Colour


def palette(person: Identity, layer: Layer) -> Palette:
    gain = layer.gain
    skin = layer.skin
    hair = np.array(HAIR_COLOURS[person.hair_colour], np.float32)
    iris = np.array(IRIS_COLOURS[person.iris], np.float32)
    brow = np.minimum(0.62 * hair + 4.0, 0.62 * skin)
    depth = 0.45 + 0.55 * float(skin.mean()) / 235.0
    lip = 0.50 * skin * np.array([0.98, 0.70, 0.70]) + 0.50 * depth * np.array([190, 92, 92])

    def lit(colour: npt.ArrayLike, factor: float = 1.0) -> Colour:
        r, g, b = expose(np.asarray(colour) * factor, gain)
        return float(r), float(g), float(b)

    def as_painted(colour: npt.ArrayLike) -> Colour:
        r, g, b = np.asarray(colour)
        return float(r), float(g), float(b)

    above = layer.colour_at(0.5, -0.13) * 0.5 + layer.colour_at(-0.5, -0.13) * 0.5
    below = layer.colour_at(0.5, 0.17) * 0.5 + layer.colour_at(-0.5, 0.17) * 0.5
    damped = layer.damping
    return Palette(
        lid=as_painted(above * np.array([0.93, 0.89, 0.88])),
        lid_lower=as_painted(below * np.array([0.985, 0.965, 0.96])),
        sclera=lit((232, 230, 226), damped),
        iris=lit(iris),
        iris_rim=lit(iris, 0.55),
        pupil=lit((18, 16, 16)),
        glint=lit((250, 250, 248)),
        lash=lit(np.minimum(0.30 * skin, 60.0)),
        brow=lit(brow),
        lip_upper=lit(lip, 0.86),
        lip_lower=lit(lip, 1.0),
        lip_shine=lit(lip * 0.8 + 45.0),
        mouth_line=lit(lip, 0.45),
        mouth_inside=lit((74, 34, 36)),
        teeth=lit((236, 231, 222), damped),
        frame=lit((52, 50, 54)),
    )


class Sketch:
    """One person's features; ``draw`` puts them on a frame."""

    def __init__(self, person: Identity, layer: Layer) -> None:
        self._person, self._palette = person, palette(person, layer)
        self._thin = max(1, round(layer.scale / 60))
        self._thick = max(1, round(layer.scale / 34))

    def draw(self, pen: Pen, frame: Floats) -> None:
        """``frame`` (C,): one frame's channels."""
        for side, sign in (("right", -1.0), ("left", 1.0)):
            value = {
                name: float(frame[INDEX[f"{name}_{side}"]])
                for name in ("blink", "wide", "squint", "brow_outer", "brow_inner", "brow_down",
                             "sneer")
            }  # fmt: skip
            look = (float(frame[INDEX["gaze_x"]]), float(frame[INDEX["gaze_y"]]))
            self._eye(pen, sign, value, look)
            self._brow(pen, sign, value)
        self._mouth(pen, frame)
        if self._person.glasses:
            self._glasses(pen)

    def _eye(
        self, pen: Pen, sign: float, value: dict[str, float], look: tuple[float, float]
    ) -> None:
        who, ink = self._person, self._palette
        wide, squint = value["wide"], _limited(max(value["squint"], 0.0), 0.6, 0.2)
        closed = min(max(value["blink"], 0.0), 1.0)
        half = 0.245 * who.eye_width
        x = sign * (0.5 + half * _S)  # from the inner to the outer corner
        tilt = 0.010 - 0.018 * _S
        top = 0.059 * who.eye_height + 0.065 * wide - 0.024 * squint
        low = 0.044 * who.eye_height + 0.012 * wide - 0.038 * squint
        lower = tilt + max(low, 0.008) * (1.0 - _S * _S) ** 0.8
        upper = tilt - max(top, 0.012) * (1.0 - np.abs(_S) ** 2.3) ** 0.85
        upper = upper + (0.9 * lower + 0.1 * tilt - upper) * closed
        pen.fill(np.concatenate([_xy(x, upper), _xy(x, lower)[::-1]]), ink.sclera)
        at = (sign * 0.5 + 0.09 * look[0], 0.002 + 0.07 * look[1])
        if closed < 0.97:
            for radius, colour in (
                (0.094, ink.iris_rim), (0.080, ink.iris), (0.040, ink.pupil)
            ):  # fmt: skip
                pen.fill(_circle(at, radius), colour)
            pen.fill(_circle((at[0] - 0.030, at[1] - 0.032), 0.017), ink.glint)
        crease = tilt - (0.112 + 0.05 * wide) * (1.0 - np.abs(_S) ** 2.6) ** 0.7 - 0.012
        pen.fill(np.concatenate([_xy(x, crease), _xy(x, upper)[::-1]]), ink.lid)
        bag = lower + 0.085 * (1.0 - _S * _S) ** 0.6
        pen.fill(np.concatenate([_xy(x, lower), _xy(x, bag)[::-1]]), ink.lid_lower)
        pen.line(_xy(x, upper), ink.lash, self._thick)
        pen.line(_xy(x, lower), _mix(ink.lash, ink.lid_lower, 0.55), 1)

    def _brow(self, pen: Pen, sign: float, value: dict[str, float]) -> None:
        who = self._person
        down = _limited(value["brow_down"], 1.5)
        inner = 0.150 * _limited(value["brow_inner"], 0.95) - 0.085 * down
        outer = 0.150 * _limited(value["brow_outer"], 0.95) - 0.030 * down
        inner -= 0.03 * value["sneer"]
        drawn_in = 0.045 * max(down, 0.0)
        s: Floats = np.linspace(0.0, 1.0, 11, dtype=np.float32)
        x = 0.235 - drawn_in * (1.0 - s) + 0.58 * s
        arch = -0.268 - who.brow_height - 0.075 * np.sin(np.pi * np.minimum(s * 0.86, 1.0)) ** 1.2
        y = arch + 0.055 * s - inner * (1.0 - s) ** 1.3 - outer * np.sin(np.pi * (0.12 + 0.72 * s))
        thick = 0.036 * who.brow_thickness * (0.75 + 0.9 * s) * (1.0 - s**3) + 0.006
        shape = np.concatenate([_xy(x, y - thick), _xy(x, y + thick)[::-1]])
        mirrored = np.asarray(shape * np.array([sign, 1.0]), np.float32)
        pen.fill(mirrored, self._palette.brow)

    def _mouth(self, pen: Pen, frame: Floats) -> None:
        ink, lips = self._palette, mouth_shape(self._person, frame)
        pen.fill(np.concatenate([lips.inner_top, lips.inner_low[::-1]]), ink.mouth_inside)
        if lips.gap > 0.025:
            drop = np.minimum(0.085, 0.75 * (lips.inner_low - lips.inner_top)[:, 1:2])
            bite = lips.inner_top + drop * np.array([0.0, 1.0], np.float32)
            pen.fill(np.concatenate([lips.inner_top, bite[::-1]])[1:-1], ink.teeth)
        pen.fill(np.concatenate([lips.outer_top, lips.inner_top[::-1]]), ink.lip_upper)
        pen.fill(np.concatenate([lips.inner_low, lips.outer_low[::-1]]), ink.lip_lower)
        shine = lips.inner_low * 0.55 + lips.outer_low * 0.45
        pen.line(shine[5:-5], _mix(ink.lip_shine, ink.lip_lower, 0.5), self._thin + 1)
        pen.line(lips.inner_top, ink.mouth_line, self._thin)
        if lips.gap > 0.01:
            pen.line(lips.inner_low, _mix(ink.mouth_line, ink.lip_lower, 0.5), self._thin)

    def _glasses(self, pen: Pen) -> None:
        ink = self._palette.frame
        for sign in (-1.0, 1.0):
            c, s = np.cos(_ROUND), np.sin(_ROUND)
            x = np.sign(c) * np.abs(c) ** 0.7 * 0.37 + sign * 0.51
            y = np.sign(s) * np.abs(s) ** 0.7 * 0.27 + 0.06
            pen.line(_xy(x, y), ink, self._thick, closed=True, lift=0.22)
            arm = np.array([(sign * 0.88, 0.0), (sign * 1.12, 0.02)], np.float32)
            pen.line(arm, ink, self._thick, lift=0.1)
        bridge = spline([(-0.145, 0.0), (0.0, -0.045), (0.145, 0.0)])
        pen.line(bridge, ink, self._thick, lift=0.22)


@dataclass(frozen=True, eq=False)
class Lips:
    """Four curves (15, 2) from the person's right corner to the left, and the middle opening."""

    outer_top: Floats
    inner_top: Floats
    inner_low: Floats
    outer_low: Floats
    gap: float


def mouth_shape(person: Identity, frame: Floats) -> Lips:
    """The lips for one frame's channels (C,)."""

    def channel(name: str) -> float:
        return float(frame[INDEX[name]])

    left = _S > 0
    corner = {}
    for side in ("right", "left"):
        smile, frown = channel(f"smile_{side}"), channel(f"frown_{side}")
        stretch, sneer = channel(f"stretch_{side}"), channel(f"sneer_{side}")
        corner[side] = (
            0.165 * smile - 0.030 * frown + 0.085 * stretch + 0.060 * sneer,
            -0.105 * smile + 0.075 * frown + 0.030 * stretch,
            0.125 * sneer,
        )
    pull = np.where(left, corner["left"][0], corner["right"][0])
    rise = np.where(left, corner["left"][1], corner["right"][1])
    lift = np.where(left, corner["left"][2], corner["right"][2])
    jaw, part, press = max(channel("jaw"), 0.0), max(channel("part"), 0.0), channel("press")
    wide = 0.378 * person.mouth_width
    x = (wide - 0.10 * jaw + pull) * _S
    middle = MOUTH_Y + person.mouth_height
    line = middle + rise * np.abs(_S) ** 1.7 - 0.008 * (1.0 - _S * _S)
    arch = (1.0 - _S * _S) ** 0.75
    smiles = 0.5 * (channel("smile_right") + channel("smile_left"))
    up = arch * (0.065 * part + 0.012 * jaw) + lift * arch * 0.9
    down = arch * (0.095 * part + JAW_DROP * 0.8 * jaw) - lift * arch * 0.7
    thin = 1.0 - 0.45 * min(max(press, 0.0), 1.6) / 1.0 * 0.9 - 0.12 * smiles
    full = person.lip_fullness * max(thin, 0.25)
    bow = 1.0 - 0.16 * np.exp(-((_S / 0.13) ** 2))
    top = 0.092 * full * (1.0 - _S * _S) ** 0.8 * bow
    low = 0.120 * full * (1.0 - _S * _S) ** 0.7
    inner_top, inner_low = _xy(x * 0.96, line - up), _xy(x * 0.96, line + down)
    outer_top, outer_low = _xy(x, line - up - top), _xy(x, line + down + low)
    return Lips(outer_top, inner_top, inner_low, outer_low, float((up + down).max()))


def _limited(value: float, limit: float, beyond: float = 0.4) -> float:
    """The same up to ``limit``, then ever slower: a brow can only rise so far."""
    return value if value <= limit else limit + beyond * float(np.tanh((value - limit) / beyond))


def _xy(x: Floats, y: Floats) -> Floats:
    return np.stack([x, np.broadcast_to(y, x.shape)], 1).astype(np.float32)


def _circle(at: tuple[float, float], radius: float) -> Floats:
    return _xy(at[0] + radius * np.cos(_ROUND), at[1] + radius * np.sin(_ROUND))


def _mix(first: Colour, second: Colour, share: float) -> Colour:
    a, b = np.array(first), np.array(second)
    r, g, b = a + (b - a) * share
    return float(r), float(g), float(b)
