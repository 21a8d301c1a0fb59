"""Faces as points, drawn by formula: 68 of iBUG, and the same face as other detectors number it."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# Which of 106 points each of the 68 is: InsightFace's 2d106det, and JD-landmark (LaPa).
INSIGHTFACE = [
    1, 10, 12, 14, 16, 3, 5, 7, 0, 23, 21, 19, 32, 30, 28, 26, 17, 43, 48, 49, 51, 50, 102, 103,
    104, 105, 101, 72, 73, 74, 86, 78, 79, 80, 85, 84, 35, 41, 42, 39, 37, 36, 89, 95, 96, 93, 91,
    90, 52, 64, 63, 71, 67, 68, 61, 58, 59, 53, 56, 55, 65, 66, 62, 70, 69, 57, 60, 54,
]  # fmt: skip
JD = [
    0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 33, 34, 35, 36, 37, 42, 43, 44,
    45, 46, 51, 52, 53, 54, 57, 58, 60, 62, 63, 66, 67, 69, 70, 71, 73, 75, 76, 78, 79, 80, 82,
    *range(84, 104),
]  # fmt: skip


def face68(movement: Floats, *, amplitude: float = 1.0, blinks: Sequence[int] = ()) -> Floats:
    """(T, 68, 2) a face in pixels of a 640 × 480 film, the eyes 100 apart. ``movement`` (T,) 0 at
    rest, 1 at most: brows up, mouth wide and open."""
    count = len(movement)
    move = amplitude * np.asarray(movement, np.float64)
    points = np.zeros((count, 68, 2))
    turn = np.linspace(np.pi, 0, 17)
    points[:, :17, 0] = 110 * np.cos(turn)
    points[:, :17, 1] = 20 + 150 * np.sin(turn) + 8 * move[:, None] * np.sin(turn)
    lids = 12 * np.ones(count)
    for at in blinks:
        lids[at : at + 4] = 2.0
    for side, first, brow in ((-1, 36, 17), (1, 42, 22)):
        across = side * 50 + np.array([-22, -8, 8, 22, 8, -8])
        down = np.array([0, -0.5, -0.5, 0, 0.5, 0.5])
        points[:, first : first + 6, 0] = across
        points[:, first : first + 6, 1] = lids[:, None] * down
        points[:, brow : brow + 5, 0] = side * 50 + np.linspace(-30, 30, 5)
        points[:, brow : brow + 5, 1] = -30 - 10 * move[:, None]
    points[:, 27:31, 1] = np.linspace(5, 50, 4)
    points[:, 31:36] = np.stack([np.linspace(-15, 15, 5), np.full(5, 58)], axis=1)
    half, gap = 34 + 10 * move, 1 + 9 * move
    for first, number, inset, lips in ((48, 12, 0, 8), (60, 8, 6, 0)):
        around = np.linspace(np.pi, -np.pi, number, endpoint=False)
        points[:, first : first + number, 0] = (half[:, None] - inset) * np.cos(around)
        points[:, first : first + number, 1] = 95 - (gap[:, None] + lips) * np.sin(around)
    return points + np.array([320, 200])


def face106(points: Floats, order: Sequence[int] = INSIGHTFACE) -> Floats:
    """(T, 106, 2) the same face; points that the 68 do not have lie in its middle."""
    found = np.repeat(points.mean(axis=1, keepdims=True), 106, axis=1)
    found[:, order] = points
    right, left = points[:, 36:42].mean(axis=1), points[:, 42:48].mean(axis=1)
    if order is INSIGHTFACE:
        middles = {34: right, 38: right, 88: left, 92: left}
        lids = {40: (37, 38), 33: (40, 41), 94: (43, 44), 87: (46, 47)}
    else:
        middles = {104: right, 105: left, 74: right, 83: left}
        lids = {68: (37, 38), 72: (40, 41), 77: (43, 44), 81: (46, 47)}
    for number, middle in middles.items():
        found[:, number] = middle
    for number, pair in lids.items():
        found[:, number] = points[:, list(pair)].mean(axis=1)
    return found


def alternating(seconds: float = 10.0, fps: float = 30.0, times: int = 3) -> Floats:
    """(T,) a movement made and relaxed so often."""
    at = np.arange(round(seconds * fps)) / fps
    return np.clip(np.sin(2 * np.pi * times * at / seconds - np.pi / 2), 0, None) ** 0.5


def wavering(points: Floats, pixels: float = 0.15, seed: int = 0) -> Floats:
    """Points as a detector finds them: no two frames alike."""
    return points + pixels * np.random.default_rng(seed).standard_normal(points.shape)


def openface_csv(points: Floats, fps: float = 30.0, lost: Sequence[int] = ()) -> str:
    """As FeatureExtraction writes it: blanks behind commas, millimetres beside pixels."""
    numbers = range(points.shape[1])
    titles = ["frame", "face_id", "timestamp", "confidence", "success", "gaze_0_x", "gaze_0_y"]
    titles += [f"eye_lmk_x_{n}" for n in range(56)] + [f"eye_lmk_y_{n}" for n in range(56)]
    titles += ["pose_Tx", *(f"x_{n}" for n in numbers), *(f"y_{n}" for n in numbers)]
    titles += [f"{axis}_{n}" for axis in "XYZ" for n in numbers] + ["AU12_r"]
    lines = [", ".join(titles)]
    for n, frame in enumerate(points):
        seen = n not in lost
        cells = [n + 1, 0, n / fps, 0.98 if seen else 0.02, int(seen), 0.1, 0.2, *([1.0] * 112), 0]
        cells += [*frame[:, 0], *frame[:, 1], *np.full(3 * len(numbers), 7.0), 0.5]
        lines.append(", ".join(f"{cell:.3f}" if isinstance(cell, float) else str(cell)
                               for cell in cells))  # fmt: skip
    return "\n".join(lines) + "\n"
