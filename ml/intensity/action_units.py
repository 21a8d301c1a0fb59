"""Action units of the face, read from blendshapes and landmarks together.

The units are those of the Facial Action Coding System (Ekman & Friesen 1978; Ekman, Friesen & Hager
2002). Which blendshape shows which unit follows Apple's definitions of the ARKit blendshapes
(``ARFaceAnchor.BlendShapeLocation``), which the model's own were named after.

Each reading has a scale of its own, the change from rest that counts as a plain, full movement:
blendshapes are small where a face clearly moves (a frown .1, wide eyes .1), and near 1 in others.
The scales are round numbers, set by eye on some public films and portraits; nothing is learnt.
Where a blendshape is weak (brows, lids, corners that drop, lips that stretch) the landmarks'
displacement counts as well.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating[Any]]
#: The mean of a pair's right and left, or a single one, by name: change from rest (T,); None where
#: nobody measured it, or there is no rest to count from.
Reading = Callable[[str], FloatArray | None]

#: No unit counts for more than this many full movements, nor for less than minus this share of one:
#: a reading that goes the other way takes something off the other reading.
MOST, LEAST = 1.5, -0.5
#: Of a unit that has both, what the blendshape counts for.
BLENDSHAPE_SHARE = 0.6


@dataclass(frozen=True)
class Unit:
    """``title`` as FACS has it. ``blendshapes``: by name without its side, the change that counts
    as full; the largest counts. ``landmarks``: the same of signals and corners, in eye distances,
    below 0 where it becomes less; their mean counts."""

    title: str
    blendshapes: Mapping[str, float]
    landmarks: Mapping[str, float] = field(default_factory=dict)


UNITS: Mapping[str, Unit] = MappingProxyType(
    {
        "AU1": Unit("inner brow raiser", {"browInnerUp": 0.45}),
        "AU2": Unit("outer brow raiser", {"browOuterUp": 0.40}, {"eye-raise": 0.08}),
        "AU4": Unit("brow lowerer", {"browDown": 0.30}, {"eye-raise": -0.06}),
        "AU5": Unit("upper lid raiser", {"eyeWide": 0.12}, {"eye-open": 0.06}),
        "AU7": Unit("lid tightener", {"eyeSquint": 0.30}),
        "AU10": Unit(
            "upper lip raiser", {"mouthUpperUp": 0.40, "noseSneer": 0.15}, {"jaw-open": 0.12}
        ),
        "AU12": Unit("lip corner puller", {"mouthSmile": 0.60}),
        "AU15": Unit("lip corner depressor", {"mouthFrown": 0.12}, {"mouth-corner": 0.07}),
        "AU16": Unit("lower lip depressor", {"mouthLowerDown": 0.45}),
        "AU17": Unit("chin raiser", {"mouthShrugLower": 0.25}),
        "AU20": Unit("lip stretcher", {"mouthStretch": 0.25}, {"mouth-width": 0.10}),
        "AU24": Unit("lip pressor", {"mouthPress": 0.30, "mouthRollLower": 0.25}),
        "AU26": Unit("jaw drop", {"jawOpen": 0.35}, {"jaw-open": 0.12}),
    }
)


def activations(blendshapes: Reading, landmarks: Reading) -> dict[str, FloatArray]:
    """(T,) of each unit: 0 at rest, 1 a plain full movement, at most ``MOST``. The blendshapes are
    there; what there is of the landmarks counts beside them."""
    found = {}
    for name, unit in UNITS.items():
        value = np.clip(np.max(_read(blendshapes, unit.blendshapes), axis=0), LEAST, MOST)
        points = _read(landmarks, unit.landmarks)
        if points:
            moved = np.clip(np.mean(points, axis=0), LEAST, MOST)
            value = BLENDSHAPE_SHARE * value + (1.0 - BLENDSHAPE_SHARE) * moved
        found[name] = np.maximum(value, 0.0)
    return found


def _read(reading: Reading, scales: Mapping[str, float]) -> list[FloatArray]:
    """Each on the scale on which 1 is full, without those that nobody measured."""
    values = ((reading(name), full) for name, full in scales.items())
    return [value / full for value, full in values if value is not None]
