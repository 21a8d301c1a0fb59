"""A second look at the face, where an operator has the model: 52 blendshapes.

The model is MediaPipe's *face landmarker* (Apache-2.0), trained on real faces, an optional file
that is no part of this code (docs/decisions/blendshapes.md). It looks at the aligned crops of the
face that FaceMesh found, eight a second, and stands beside FaceMesh: norms and the index
never read it.
"""

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.errors import ConfigError, WeightsError

ROOT = Path(__file__).resolve().parents[2]
#: The environment variable that names the file; set and empty, there is none.
SETTING = "MIMIA_FACE_LANDMARKER"
#: Where `scripts/face_landmarker.sh` puts it below the runtime files; looked at without a setting.
PLACE = Path("models", "face_landmarker.task")
#: The one file that the combinations of blendshapes were made for.
SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
LICENCE = "Apache-2.0"
#: Looks a second: movements are timed by the landmarks of every frame, not by these.
RATE = 8.0
#: In the model's order; right and left are the person's own.
NAMES = (
    "_neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft",
    "browOuterUpRight", "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft",
    "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight",
    "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft",
    "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen",
    "jawRight", "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft",
    "mouthFrownRight", "mouthFunnel", "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight",
    "mouthPressLeft", "mouthPressRight", "mouthPucker", "mouthRight", "mouthRollLower",
    "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft", "mouthSmileRight",
    "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight",
)  # fmt: skip

Picture = npt.NDArray[np.uint8]
Scores = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class BlendshapeReader:
    """The model at work. Not thread-safe, as the face mesh; ``digest`` of its file."""

    digest: str
    landmarker: Any
    image: Any

    @property
    def rate(self) -> float:
        return RATE

    def read(self, crop: Picture) -> Scores | None:
        """(224, 224, 3) uint8 RGB → (52,) float32, 0 to 1 in the order of :data:`NAMES`; None where
        the model sees no face."""
        found = self.landmarker.detect(self.image(np.ascontiguousarray(crop))).face_blendshapes
        if not found:
            return None
        return np.array([shape.score for shape in found[0]], np.float32)


def place() -> Path | None:
    """Where the model should be: as the setting says, else :data:`PLACE` if it is there. None:
    there is to be none."""
    said = os.environ.get(SETTING)
    if said is not None:
        return Path(said) if said else None
    usual = Path(os.environ.get("MIMIA_VAR") or ROOT / "var") / PLACE
    return usual if usual.is_file() else None


def reader() -> BlendshapeReader | None:
    """This process's one reader, built when it is first asked for; None where there is no model.
    Raises as :func:`load`."""
    path = place()
    return None if path is None else load(path)


def required() -> BlendshapeReader:
    """The reader, for work that is nothing without it. Raises :class:`ConfigError` where there is
    no model, and as :func:`load`."""
    found = reader()
    if found is None:
        raise ConfigError(
            "blendshapes need the face landmarker: run scripts/face_landmarker.sh, or name the file"
            f" in {SETTING}"
        )
    return found


@lru_cache(1)
def load(path: Path) -> BlendshapeReader:
    """The model of a file. Raises :class:`WeightsError` where it is missing or another one: the
    combinations of blendshapes are made for this one."""
    try:
        content = path.read_bytes()
    except OSError as fault:
        raise WeightsError(f"cannot be read: {fault.strerror}", file=path) from fault
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHA256:
        raise WeightsError(f"not the face landmarker: its SHA-256 is not {SHA256}", file=path)
    os.environ.setdefault("GLOG_minloglevel", "3")
    import mediapipe
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_buffer=content),
        running_mode=vision.RunningMode.IMAGE,
        output_face_blendshapes=True,
        num_faces=1,
    )

    def image(crop: Picture) -> Any:
        return mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=crop)

    return BlendshapeReader(digest, vision.FaceLandmarker.create_from_options(options), image)
