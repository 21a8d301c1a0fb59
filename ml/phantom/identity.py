"""Who is drawn: proportions, skin, hair, glasses. All lengths in units of the distance between the
eyes (about 63 mm), the origin midway between them, x to the picture's right, y down.

Proportions are anthropometric textbook values, spread by a few per cent. Nobody's photograph or
landmarks are behind them.
"""

from dataclasses import dataclass

import numpy as np

# The ten tones of the Monk Skin Tone scale (Ellis Monk; CC BY 4.0), lightest first.
SKIN_TONES: tuple[tuple[int, int, int], ...] = (
    (0xF6, 0xED, 0xE4),
    (0xF3, 0xE7, 0xDB),
    (0xF7, 0xEA, 0xD0),
    (0xEA, 0xDA, 0xBA),
    (0xD7, 0xBD, 0x96),
    (0xA0, 0x7E, 0x56),
    (0x82, 0x5C, 0x43),
    (0x60, 0x41, 0x34),
    (0x3A, 0x31, 0x2A),
    (0x29, 0x24, 0x20),
)
HAIR_COLOURS: tuple[tuple[int, int, int], ...] = (
    (222, 220, 216),
    (168, 166, 164),
    (120, 116, 112),
    (96, 68, 46),
    (58, 42, 32),
    (34, 28, 26),
)
HAIR_STYLES = ("short", "bob", "receding")
IRIS_COLOURS: tuple[tuple[int, int, int], ...] = (
    (74, 48, 30),
    (98, 66, 38),
    (92, 104, 70),
    (86, 116, 140),
)
CLOTHES: tuple[tuple[int, int, int], ...] = (
    (72, 98, 122),
    (110, 130, 112),
    (136, 100, 92),
    (92, 88, 116),
    (70, 84, 90),
)


@dataclass(frozen=True)
class Identity:
    """One drawn person. ``skin`` counts 1 to 10 on the scale above."""

    skin: int = 4
    hair_colour: int = 1
    hair_style: str = "short"
    iris: int = 1
    clothes: int = 0
    glasses: bool = False
    face_width: float = 1.0
    face_length: float = 1.0
    jaw_width: float = 1.0
    chin: float = 1.0
    eye_width: float = 1.0
    eye_height: float = 1.0
    brow_height: float = 0.0
    brow_thickness: float = 1.0
    nose_width: float = 1.0
    nose_length: float = 1.0
    mouth_width: float = 1.0
    mouth_height: float = 0.0
    lip_fullness: float = 1.0

    def __post_init__(self) -> None:
        if not 1 <= self.skin <= len(SKIN_TONES):
            raise ValueError(f"skin tone {self.skin} is not on the scale 1 to {len(SKIN_TONES)}")
        if self.hair_style not in HAIR_STYLES:
            raise ValueError(f"hair style {self.hair_style!r} is not one of {HAIR_STYLES}")


def draw_identity(
    rng: np.random.Generator, *, skin: int | None = None, glasses: bool | None = None
) -> Identity:
    """A person at random: proportions vary by a few per cent, tones and styles evenly."""

    def about(spread: float, middle: float = 1.0) -> float:
        return round(float(middle + spread * np.clip(rng.standard_normal(), -2.2, 2.2)), 4)

    tone = int(rng.integers(1, len(SKIN_TONES) + 1))
    worn = bool(rng.random() < 0.3)
    return Identity(
        skin=tone if skin is None else skin,
        hair_colour=int(rng.integers(len(HAIR_COLOURS))),
        hair_style=HAIR_STYLES[int(rng.integers(len(HAIR_STYLES)))],
        iris=int(rng.integers(len(IRIS_COLOURS))),
        clothes=int(rng.integers(len(CLOTHES))),
        glasses=worn if glasses is None else glasses,
        face_width=about(0.03),
        face_length=about(0.03),
        jaw_width=about(0.045),
        chin=about(0.03),
        eye_width=about(0.03),
        eye_height=about(0.10),
        brow_height=about(0.025, 0.0),
        brow_thickness=about(0.15),
        nose_width=about(0.07),
        nose_length=about(0.04),
        mouth_width=about(0.045),
        mouth_height=about(0.02, 0.0),
        lip_fullness=about(0.14),
    )
