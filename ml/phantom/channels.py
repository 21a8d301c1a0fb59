"""The drawn face's degrees of freedom and how each expression uses them.

A channel is one movement of the face, 0 at rest; 1 is a plain, full movement. Right and left are
the person's own (the person's right is on the picture's left). Each expression's entry in
``vocabulary/expressions.py`` says which channels it uses at amplitude 1. These recipes are
calibrated: a drawn face at amplitude 1, measured with FaceMesh over the default 10 s, comes close
to the medians of people without PD in the public tables for the signals that carry the expression
(smile: mouth; disgust: eyes and brows; surprise: brows and eyes).
`python -m experiments drawing calibration` prints both (figures: experiments/notes/phantom.md).
"""

from collections.abc import Mapping
from types import MappingProxyType

from vocabulary.expressions import Expression

# Each of these exists once for the right and once for the left side of the face.
SIDED = (
    "blink",
    "wide",
    "squint",
    "brow_outer",
    "brow_inner",
    "brow_down",
    "smile",
    "frown",
    "stretch",
    "sneer",
)
SINGLE = ("jaw", "part", "press", "gaze_x", "gaze_y")
# Head pose: degrees; shifts in units of the distance between the eyes; scale as a relative change.
POSE = ("yaw", "pitch", "roll", "shift_x", "shift_y", "scale")

CHANNELS: tuple[str, ...] = (
    *(f"{name}_{side}" for name in SIDED for side in ("right", "left")),
    *SINGLE,
    *POSE,
)
INDEX: Mapping[str, int] = MappingProxyType({name: i for i, name in enumerate(CHANNELS)})

UPPER_FACE = frozenset({"wide", "squint", "brow_outer", "brow_inner", "brow_down"})


def recipe_vector(
    expression: Expression, asymmetry: float = 0.0, upper: float = 1.0
) -> list[float]:
    """The expression's channels at amplitude 1, in the order of ``CHANNELS``.

    ``asymmetry`` in [-1, 1]: above 0 the right side moves by that share less, below 0 the left.
    ``upper`` multiplies the channels of brows and lids.
    """
    right, left = 1.0 - max(asymmetry, 0.0), 1.0 - max(-asymmetry, 0.0)
    values = [0.0] * len(CHANNELS)
    for name, value in expression.entry.drawn.items():
        if name in UPPER_FACE:
            value *= upper
        if name in SIDED:
            values[INDEX[f"{name}_right"]] = value * right
            values[INDEX[f"{name}_left"]] = value * left
        else:
            values[INDEX[name]] = value
    return values
