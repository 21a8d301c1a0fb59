"""Landmarks become the seven signals of the public tables, and each signal its mean and variance.

A signal is the mean distance over its landmark pairs, divided by the distance between the iris
centres 468 and 473 (sum over pairs / number of pairs / iris distance). Definition and pairs: the
project's METHOD page, "Public data", checked there against the released tables.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating[Any]]
Pairs = tuple[tuple[int, int], ...]

PAIRS: Mapping[str, Pairs] = MappingProxyType(
    {
        "eye-open-right": (
            (246, 7), (161, 163), (160, 144), (159, 145), (158, 153), (157, 154), (173, 155),
        ),
        "eye-open-left": (
            (398, 382), (384, 381), (385, 380), (386, 374), (387, 373), (388, 390), (466, 249),
        ),
        "eye-raise-right": (
            (246, 156), (161, 70), (160, 63), (159, 105), (158, 66), (157, 107), (173, 9),
        ),
        "eye-raise-left": (
            (398, 9), (384, 336), (385, 296), (386, 334), (387, 293), (388, 300), (466, 383),
        ),
        "mouth-open": (
            (191, 95), (80, 88), (81, 178), (82, 87), (13, 14), (312, 317), (311, 402),
            (310, 318), (415, 324),
        ),
        "mouth-width": ((78, 308),),
        "jaw-open": (
            (191, 169), (80, 170), (81, 145), (82, 171), (13, 175), (312, 396), (311, 389),
            (310, 395), (415, 394),
        ),
    }
)  # fmt: skip
SIGNALS: tuple[str, ...] = tuple(PAIRS)

# Beside the seven, for left-right asymmetry only (our own; no norm exists): outer eye corner to
# the corner of the mouth on the same side, which shortens when that corner is pulled up.
CORNER_PAIRS: Mapping[str, Pairs] = MappingProxyType(
    {"mouth-corner-right": ((33, 61),), "mouth-corner-left": ((263, 291),)}
)
CORNERS: tuple[str, ...] = tuple(CORNER_PAIRS)

IRIS_CENTRES = (468, 473)
# Outer corners of the right and left eye: they do not move with the gaze.
EYE_CORNERS = (33, 263)
TABLE_ASPECT = 4 / 3


@dataclass(frozen=True)
class Layout:
    """Which points of a face detector mean what: the pairs of each signal that it can give.

    The signals are counted in ``times`` the distance between the middles of the points ``right``
    and ``left``; ``eye_corners``: the outer corners of the right and left eye.
    """

    signals: Mapping[str, Pairs]
    corners: Mapping[str, Pairs]
    right: tuple[int, ...]
    left: tuple[int, ...]
    eye_corners: tuple[int, int]
    times: float = 1.0

    def scale(self, points: FloatArray) -> FloatArray:
        """(T,) the distance that the signals are counted in; NaN where it is none."""
        middles = [points[:, list(side)].mean(axis=1) for side in (self.right, self.left)]
        apart = np.linalg.norm(middles[0] - middles[1], axis=1) * self.times
        return np.where(apart > 0, apart, np.nan)


#: FaceMesh with refined landmarks: what films are measured with.
MESH = Layout(PAIRS, CORNER_PAIRS, IRIS_CENTRES[:1], IRIS_CENTRES[1:], EYE_CORNERS)


def square(landmarks: FloatArray, aspect: FloatArray | float) -> FloatArray:
    """Landmarks (T, 478, 2 or 3) from normalised image coordinates (x by the width, y by the
    height, z on the scale of x) to units of the picture's height, the same in every direction.

    ``aspect`` = width / height of the picture as shown; (T,) where it changes in mid-film.
    """
    points = np.array(landmarks, np.float64)
    points[:, :, ::2] *= np.reshape(np.asarray(aspect, np.float64), (-1, 1, 1))
    return points


def roll(points: FloatArray, layout: Layout = MESH) -> FloatArray:
    """(T,) radians by which the line of the eyes' outer corners is turned clockwise from level, in
    ``points`` (T, K, 2 or more) in square coordinates."""
    right, left = layout.eye_corners
    across = points[:, left] - points[:, right]
    return np.arctan2(across[:, 1], across[:, 0])


def signals(points: FloatArray, layout: Layout = MESH) -> FloatArray:
    """The signals of every frame.

    ``points`` (T, K, 2 or more) in square coordinates, NaN rows where no face was found. Returns
    (T, 7) float64 in the order of ``SIGNALS``, or as many as the layout has in its order, NaN rows
    where there was no face.

    The public tables took distances between *normalised* coordinates of 640 × 480 pictures: a
    step down counts 4/3 of the same step across. To mean the same for every shape, x is counted in
    quarters and y in thirds, whatever the picture's shape is. So that *down* is the face's own
    direction and not the picture's, the head is first turned upright, by its eye line: a head
    tilted by 25° else reads as lopsided, with another mouth.
    """
    return _distances(upright(points, layout) * (1 / TABLE_ASPECT, 1.0), layout.signals, layout)


def corners(points: FloatArray, layout: Layout = MESH) -> FloatArray:
    """(T, 2): the distances of ``CORNERS`` in square coordinates, by the iris distance. ``points``
    as for :func:`signals`."""
    return _distances(points[:, :, :2], layout.corners, layout)


def upright(points: FloatArray, layout: Layout = MESH) -> FloatArray:
    """(T, K, 2): ``points`` (T, K, 2 or more) in square coordinates, turned back by each frame's
    own roll."""
    angle = roll(points, layout)
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    x, y = points[:, :, 0], points[:, :, 1]
    return np.stack([cos * x + sin * y, cos * y - sin * x], axis=2)


def _distances(points: FloatArray, groups: Mapping[str, Pairs], layout: Layout) -> FloatArray:
    scale = layout.scale(points)
    columns = []
    for pairs in groups.values():
        first, second = np.array(pairs).T
        columns.append(np.linalg.norm(points[:, first] - points[:, second], axis=2).mean(1) / scale)
    return (
        np.stack(columns, axis=1)
        if len(points) and groups
        else np.empty((len(points), len(groups)))
    )


def exchanged(names: Sequence[str]) -> list[int]:
    """For each of ``names`` the place of the same name on the other side: what a mirror does."""
    other = {"right": "left", "left": "right"}
    places = {name: place for place, name in enumerate(names)}

    def opposite(name: str) -> str:
        stem, _, side = name.rpartition("-")
        return f"{stem}-{other[side]}" if side in other else name

    return [places[opposite(name)] for name in names]


def stats(values: FloatArray, names: Sequence[str] = SIGNALS) -> dict[str, tuple[float, float]]:
    """Mean and variance (ddof 0) over the frames with a face; ``values`` (T, len(names)).

    NaN for both where no frame has a face.
    """
    table = np.asarray(values, np.float64)
    seen = table[np.isfinite(table).all(1)]
    if not len(seen):
        return {name: (float("nan"), float("nan")) for name in names}
    return {
        name: (float(seen[:, i].mean()), float(seen[:, i].var(ddof=0)))
        for i, name in enumerate(names)
    }
