"""How good the capture was, and whether it is good enough to be measured.

The gates look at the file, the frame rate, the face's presence, size and pose, the light and the
sharpness; never at how strongly the face moves, because weak movement is the sign looked for.
Light is judged by what the picture can still show (the spread of grey on the face), not by the
mean alone, so that dark skin in good light passes.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self, cast

import cv2
import numpy as np
import numpy.typing as npt

from ml.errors import ClipUnusable
from ml.measuring import framing
from ml.measuring.face import Faces
from ml.measuring.geometry import EYE_CORNERS, roll
from ml.measuring.loops import Loops
from ml.measuring.orientation import Orientation
from ml.measuring.stillness import Stillness
from ml.measuring.video import Decoding
from vocabulary import assessment as shape
from vocabulary.reasons import UnusableReason

FloatArray = npt.NDArray[np.floating[Any]]

MIN_FRAME_RATE = 7.5  # effective frames per second; 5 must fail, a throttled 10 must pass
MIN_FOUND_RATE = 0.8
NO_FACE_RATE = 0.2
SECOND_FACE_SIZE = 0.4  # of the first face's width: smaller ones are people in the background
MAX_SEVERAL_RATE = 0.2
MIN_FACE_WIDTH = 0.10  # of the picture's width
MIN_FACE_PIXELS = 64.0  # a tenth of 640; below, an eye is open by a pixel or two
DARK_FRAME = 0.10  # mean grey of the whole picture, 0 to 1
BRIGHT_FACE = 0.85
MIN_CONTRAST = 0.05  # standard deviation of grey on the face, 0 to 1
CLIPPED_LEVEL = 250  # of 255
MAX_CLIPPED = 0.5
MIN_SHARPNESS = 5.0  # a blur of about 5 % of the face's width, where the mesh begins to slip
MAX_DAMAGED = 0.1
MAX_STILL_S = 2.0
MAX_YAW = 30.0
MAX_PITCH = 30.0
MAX_TURNED_RATE = 0.4
MAX_ROLL = 40.0
MAX_TILTED_RATE = 0.4
MAX_CUT_OFF_RATE = 0.2
LIGHT_EVERY_S = 0.1  # light and sharpness change slowly: not every frame is looked at
_GREY_SIDE = 64
_FRAME_STEP = 8
# Outer corners of the right and left eye, top of the forehead, chin (mesh numbering).
_AXES = (*EYE_CORNERS, 10, 152)


@dataclass(frozen=True)
class Quality:
    """Capture quality of one clip; None where no face or too few frames could tell.

    Rates and shares 0 to 1. ``face_found_rate`` frames with a face, ``several_faces_rate`` frames
    with a second face near enough to confuse, ``faces_max`` most faces in a frame (counted to 2).
    ``brightness`` and ``contrast``: mean and standard deviation of grey on the face, 0 to 1;
    ``frame_brightness`` and ``clipped_share``: mean grey of the whole picture, and the share of
    it that is white. ``sharpness``: 1000 × variance of the Laplacian / variance of grey, on the
    face at 64 × 64, lightly smoothed: the same for any size, contrast and sensor noise.
    ``yaw``, ``pitch``, ``roll``: median head pose, degrees (0 faces the camera), ``roll`` as it was
    before a tilted picture was set upright.
    ``turned_rate``: frames with a face turned away or up or down too far; ``tilted_rate``: with the
    head on its side, or the picture; ``cut_off_rate``: with part of what is measured outside the
    picture. ``turn``: degrees by which the whole picture had to be turned
    counter-clockwise to set the face upright, beyond what the file says itself. ``face_size``:
    median width of the face as a share of the picture's. ``frame_rate``: 1 / median interval, per
    second; ``effective_frame_rate``: frames with a face per second. ``dropped_share``: frames
    missing between the others at that interval, and those that were there and could not be placed
    in time. ``longest_gap_s``: longest time between two frames, ``longest_still_s`` with the same
    picture in all of them, ``round_s``: length of a film that comes again and again. ``resized``:
    how often the picture's size changed. ``duration_s``: last timestamp plus one interval.
    """

    face_found_rate: float = 0.0
    faces_max: int = 0
    several_faces_rate: float = 0.0
    turned_rate: float = 0.0
    tilted_rate: float = 0.0
    cut_off_rate: float = 0.0
    turn: int = 0
    brightness: float | None = None
    frame_brightness: float | None = None
    clipped_share: float | None = None
    contrast: float | None = None
    sharpness: float | None = None
    yaw: float | None = None
    pitch: float | None = None
    roll: float | None = None
    face_size: float | None = None
    frame_rate: float | None = None
    effective_frame_rate: float | None = None
    dropped_share: float = 0.0
    longest_gap_s: float = 0.0
    longest_still_s: float = 0.0
    round_s: float | None = None
    resized: int = 0
    duration_s: float = 0.0
    frames: int = 0
    width: int = 0
    height: int = 0

    def to_json(self) -> shape.Quality:
        return cast(shape.Quality, asdict(self))

    @classmethod
    def from_json(cls, data: dict[str, float | int | None]) -> Self:
        known = {f.name for f in fields(cls)}
        return cls(**{k: v for k, v in data.items() if k in known})  # type: ignore[arg-type]


@dataclass
class Watcher:
    """Collects what one pass over the frames shows of light and sharpness.

    ``face``: for each frame that was looked at its number and, for each face found in it, mean and
    standard deviation of grey, and sharpness: whose face counts is known at the end only.
    """

    frame: list[tuple[float, float]] = field(default_factory=list)  # mean, clipped share
    face: list[tuple[int, list[tuple[float, float, float]]]] = field(default_factory=list)
    still: Stillness = field(default_factory=Stillness)
    loops: Loops = field(default_factory=Loops)
    seen: int = 0
    looked_at: float = float("-inf")

    def see(self, t: float, rgb: npt.NDArray[np.uint8], faces: Faces) -> None:
        """``t`` seconds; ``rgb`` (H, W, 3), with the faces found in it."""
        number, self.seen = self.seen, self.seen + 1
        self.still.see(t, rgb, faces.found)
        self.loops.see(t, rgb, faces.found)
        if t - self.looked_at < LIGHT_EVERY_S:
            return
        self.looked_at = t
        # Green carries most of the luminance; a sparse grid is enough for a mean.
        green = rgb[::_FRAME_STEP, ::_FRAME_STEP, 1]
        clipped = np.count_nonzero(green >= CLIPPED_LEVEL) / green.size
        self.frame.append((float(green.mean()) / 255, clipped))
        self.face.append((number, [_light(rgb, landmarks) for landmarks in faces.found]))

    def patient(self, whose: Sequence[int | None]) -> FloatArray:
        """(N, 3): light and sharpness of the face that ``whose`` names for each frame."""
        rows = [faces[which] for number, faces in self.face if (which := whose[number]) is not None]
        return np.array(rows).reshape(-1, 3)


def _light(rgb: npt.NDArray[np.uint8], landmarks: FloatArray) -> tuple[float, float, float]:
    height, width = rgb.shape[:2]
    low = landmarks[:, :2].min(0) * (width, height)
    high = landmarks[:, :2].max(0) * (width, height)
    x0, y0 = np.clip(low, 0, (width - 2, height - 2)).astype(int)
    x1, y1 = np.clip(high, (x0 + 2, y0 + 2), (width, height)).astype(int)
    side = (_GREY_SIDE, _GREY_SIDE)
    small = cv2.resize(rgb[y0:y1, x0:x1], side, interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    spread = max(float(grey.std()), 1.0)
    edges = cv2.Laplacian(cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 1), cv2.CV_32F)
    sharpness = 1000 * float(edges.var()) / spread**2
    return float(grey.mean()) / 255, float(grey.std()) / 255, sharpness


@dataclass(frozen=True, eq=False)
class Seen:
    """What one pass found: ``times`` (T,) seconds; ``points`` (T, 478, 3) the patient's landmarks
    in square coordinates, NaN rows without; ``aspects`` (T,) of the pictures; ``whose`` (T,) which
    of a picture's faces the patient's is, None without; ``widths`` (T,) of lists: every face's
    width as a share of the picture's."""

    times: FloatArray
    points: FloatArray
    aspects: FloatArray
    whose: Sequence[int | None]
    widths: Sequence[Sequence[float]]

    def rivals(self) -> int:
        """Frames with another face near enough to be taken for the patient's."""
        return sum(
            any(
                other != which and (which is None or width >= SECOND_FACE_SIZE * widths[which])
                for other, width in enumerate(widths)
            )
            for which, widths in zip(self.whose, self.widths, strict=True)
        )


def summarise(
    watcher: Watcher, seen: Seen, decoding: Decoding, orientation: Orientation
) -> Quality:
    """``orientation``: what the picture had when it was looked at first, and has no more."""
    times, frames = seen.times, len(seen.times)
    found = np.isfinite(seen.points[:, 0, 0])
    steps = np.diff(times)
    interval = float(np.median(steps)) if frames > 1 else None
    duration = float(times[-1]) + interval if interval else 0.0
    missing = np.round(steps / interval) - 1 if interval else np.zeros(0)
    lost = float(np.clip(missing, 0, None).sum()) + decoding.unordered
    light = watcher.patient(seen.whose)
    face = np.median(light, axis=0) if len(light) else None
    frame = np.median(np.array(watcher.frame), axis=0) if watcher.frame else None
    pose = head_pose(seen.points[found]) if found.any() else None
    if pose is not None:
        pose[:, 2] += orientation.tilt
    sideways = orientation.turns % 2
    height, width = (decoding.height, decoding.width)[:: -1 if sideways else 1]
    size = np.ptp(seen.points[found][:, :, 0], axis=1) / seen.aspects[found]
    cut = _cut_off(seen, found, orientation)
    comes_again = watcher.loops.round_s()
    return Quality(
        face_found_rate=_rounded(found.mean()) if frames else 0.0,
        faces_max=max(map(len, seen.widths), default=0),
        several_faces_rate=_rounded(seen.rivals() / frames) if frames else 0.0,
        turned_rate=_rounded(turned(pose).mean()) if pose is not None else 0.0,
        tilted_rate=_rounded((np.abs(pose[:, 2]) > MAX_ROLL).mean()) if pose is not None else 0.0,
        cut_off_rate=_rounded(cut.mean()) if len(cut) else 0.0,
        turn=90 * orientation.turns,
        frame_brightness=None if frame is None else _rounded(frame[0]),
        clipped_share=None if frame is None else _rounded(frame[1]),
        brightness=None if face is None else _rounded(face[0]),
        contrast=None if face is None else _rounded(face[1]),
        sharpness=None if face is None else round(float(face[2]), 1),
        yaw=None if pose is None else round(float(np.median(pose[:, 0])), 1),
        pitch=None if pose is None else round(float(np.median(pose[:, 1])), 1),
        roll=None if pose is None else round(float(np.median(pose[:, 2])), 1),
        face_size=None if pose is None else _rounded(np.median(size)),
        frame_rate=round(1 / interval, 2) if interval else None,
        effective_frame_rate=round(int(found.sum()) / duration, 2) if duration else None,
        dropped_share=_rounded(lost / (lost + frames)) if frames else 0.0,
        longest_gap_s=round(float(steps.max()), 4) if len(steps) else 0.0,
        longest_still_s=round(watcher.still.longest_s, 4),
        round_s=None if comes_again is None else _rounded(comes_again),
        resized=decoding.resized,
        duration_s=round(duration, 4),
        frames=frames,
        width=width,
        height=height,
    )


def _cut_off(
    seen: Seen, found: npt.NDArray[np.bool_], orientation: Orientation
) -> npt.NDArray[np.bool_]:
    """Of the frames with a face, in which of them it is cut off."""
    points, aspects = seen.points[found], seen.aspects[found]
    filmed = orientation.as_filmed(points, aspects)
    return framing.cut_off(filmed, aspects, np.ptp(points[:, :, 1], axis=1))


def _rounded(value: float | np.floating[Any]) -> float:
    return round(float(value), 4)


def head_pose(landmarks: FloatArray) -> FloatArray:
    """(T, 3) yaw, pitch, roll in degrees from the mesh's own depth; positive to the picture's
    right, downwards, and clockwise. ``landmarks`` (T, 478, 3) in square coordinates.

    The axes are the line between the outer corners of the eyes and the line from forehead to
    chin; their cross product is the direction that the face looks away from.
    """
    angle = roll(landmarks)
    points = landmarks[:, list(_AXES)].astype(np.float64)
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    x, y = points[:, :, 0], points[:, :, 1]
    # Of a head on its side too, yaw is the turn about its own axis from forehead to chin.
    points = np.stack([cos * x + sin * y, cos * y - sin * x, points[:, :, 2]], axis=2)
    normal = np.cross(points[:, 1] - points[:, 0], points[:, 3] - points[:, 2])
    yaw = np.arctan2(-normal[:, 0], normal[:, 2])
    pitch = np.arctan2(-normal[:, 1], normal[:, 2])
    return np.degrees(np.stack([yaw, pitch, angle], axis=1))


def turned(pose: FloatArray) -> npt.NDArray[np.bool_]:
    """(T,) frames with a face turned away or up or down too far; ``pose`` as of head_pose."""
    return (np.abs(pose[:, 0]) > MAX_YAW) | (np.abs(pose[:, 1]) > MAX_PITCH)


def check(
    quality: Quality, min_seconds: float, knowable: Collection[UnusableReason] | None = None
) -> None:
    """Raises :class:`ClipUnusable` with the first reason that a person can do something about.
    ``knowable``: the only reasons that can be told, where there is no picture to look at."""
    for failed, reason, detail in _gates(quality, min_seconds):
        if failed and (knowable is None or reason in knowable):
            raise ClipUnusable(reason, detail)


def _gates(q: Quality, min_seconds: float) -> Sequence[tuple[bool, UnusableReason, str]]:
    why = UnusableReason
    rate = q.frames / q.duration_s if q.duration_s else 0.0
    light, clipped = q.frame_brightness or 0.0, q.clipped_share or 0.0
    flat = q.contrast is not None and q.contrast < MIN_CONTRAST
    unseen = q.face_found_rate < MIN_FOUND_RATE
    dark = light < DARK_FRAME and (flat or unseen)
    washed = (q.brightness or 0.0) > BRIGHT_FACE and flat
    bright = washed or (clipped > MAX_CLIPPED and unseen)
    found = f"a face was found in {q.face_found_rate:.0%} of the frames"
    size, sharp = q.face_size or 0.0, q.sharpness or 0.0
    still = q.longest_still_s
    return (
        (
            q.frames < 2 or q.duration_s < min_seconds,
            why.TOO_SHORT,
            f"the recording lasts {q.duration_s:.1f} s, shorter than {min_seconds:g} s",
        ),
        (rate < MIN_FRAME_RATE, why.LOW_FRAME_RATE, f"the camera gave {rate:.1f} frames a second"),
        (still > MAX_STILL_S, why.TIME_GAP, f"the picture stands still for {still:.1f} seconds"),
        (
            q.round_s is not None,
            why.REPEATED,
            f"the same {q.round_s or 0.0:.1f} seconds come again and again",
        ),
        (dark, why.TOO_DARK, f"the picture is too dark ({light:.0%} of full brightness)"),
        (bright, why.TOO_BRIGHT, f"the picture is too bright ({clipped:.0%} of it is white)"),
        (q.face_found_rate < NO_FACE_RATE, why.NO_FACE, found),
        (
            q.several_faces_rate > MAX_SEVERAL_RATE,
            why.SEVERAL_FACES,
            f"a second face was seen in {q.several_faces_rate:.0%} of the frames",
        ),
        (q.face_found_rate < MIN_FOUND_RATE, why.FACE_LOST, found),
        (
            q.cut_off_rate > MAX_CUT_OFF_RATE,
            why.FACE_CUT_OFF,
            f"the picture's edge cuts off the face in {q.cut_off_rate:.0%} of the frames",
        ),
        (size < MIN_FACE_WIDTH, why.FACE_TOO_SMALL, f"the face fills {size:.0%} of the width"),
        (
            size * q.width < MIN_FACE_PIXELS,
            why.FACE_TOO_SMALL,
            f"the face is {size * q.width:.0f} pixels wide",
        ),
        (
            q.turned_rate > MAX_TURNED_RATE,
            why.TURNED_AWAY,
            f"the face is turned away in {q.turned_rate:.0%} of the frames",
        ),
        (
            q.tilted_rate > MAX_TILTED_RATE,
            why.TILTED,
            f"the head or the camera is tilted by {abs(q.roll or 0.0):.0f}°",
        ),
        (sharp < MIN_SHARPNESS, why.BLURRED, f"the face is blurred (sharpness {sharp:.1f})"),
    )
