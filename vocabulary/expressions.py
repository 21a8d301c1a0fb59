"""The expressions: the six basic ones and rest, for which a protocol may ask, and free speech, for
which none does.

All that the house knows of an expression stands in its entry here; only the picture of one that is
asked for is a file of its own (``webapp/frontend/public/faces/<name>.svg``). No part has a default,
so none can be forgotten, and ``tests/vocabulary/test_expressions.py`` asks every place that uses
one. New expressions come last: seeds and digests of what exists already count on the order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Literal, Self, TypeGuard

#: A pair of measured movements, right and left: of the brows, the lids, the corners of the mouth.
Sides = Literal["raise", "open", "corner"]


@dataclass(frozen=True)
class Asking:
    """How a patient is asked for it.

    ``cue`` the large word, and what the voice says, while it is to be made; ``instruction`` what a
    protocol says before, unless a clinic writes its own; ``repetitions`` 0 for a face that stays
    as it is for the whole ``seconds``.
    """

    cue: str
    instruction: str
    seconds: int = 10
    repetitions: int = 3


@dataclass(frozen=True)
class Entry:
    """One expression.

    ``title`` heads its recording; ``asking`` the patient for it. ``also`` are words that other
    people's tables use, and that may mean a little more or less than it. ``descriptor`` is what it
    looks like, for the text half of the CLIP intensity network: the movements of the face in the
    terms of the action units that define it, without words about a person.

    ``moves``: which way each of the seven signals goes, times how much it counts for the intensity
    (smile, disgust and surprise as in the public tables: the sign of the clip mean's change with
    the clip's own spread; the others from the muscles' action in FACS). ``sides``: the pairs whose
    two sides are compared for asymmetry. ``units``: its action units, as the prototypes of the
    Extended Cohn-Kanade set have them (Lucey et al., CVPR Workshops 2010, table 1) with what the
    instruction asks for beside them, each times how much it counts; below 0 those of other
    expressions, which speak against it (``ml.intensity.action_units`` reads them).

    ``drawn``: the drawn face's channels at amplitude 1 (``ml.phantom.channels``); a sided name
    means both sides. ``blendshapes``: those of a performer's recording whose mean drives it.
    """

    title: str
    asking: Asking
    also: tuple[str, ...]
    descriptor: str
    moves: Mapping[str, float]
    units: Mapping[str, float]
    sides: tuple[Sides, ...]
    drawn: Mapping[str, float]
    blendshapes: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "moves", MappingProxyType(dict(self.moves)))
        object.__setattr__(self, "units", MappingProxyType(dict(self.units)))
        object.__setattr__(self, "drawn", MappingProxyType(dict(self.drawn)))


class Expression(StrEnum):
    """The names, as they stand in files, tables and addresses; each with its :class:`Entry`."""

    entry: Entry

    def __new__(cls, name: str, entry: Entry | None = None) -> Self:
        # Optional only for type checkers, which take a look-up (``Expression("smile")``) for this.
        if entry is None:
            raise TypeError(f"the expression {name} has no entry")
        made = str.__new__(cls, name)
        made._value_ = name
        made.entry = entry
        return made

    REST = (
        "rest",
        Entry(
            title="Rest",
            asking=Asking(
                cue="Just look at the camera",
                instruction="Look into the camera and let your face rest. You need not do anything."
                " Blink as you like.",
                repetitions=0,
            ),
            also=("neutral", "resting"),
            descriptor="a calm face at rest, relaxed muscles, level brows, closed lips, no"
            " expression.",
            moves={},
            units={},
            sides=("open", "raise"),
            drawn={},
            blendshapes=(),
        ),
    )
    SMILE = (
        "smile",
        Entry(
            title="Smile",
            asking=Asking("Smile", "Smile as broadly as you can, then relax. Three times."),
            also=("smiling", "happy", "happiness", "joy", "smiles"),
            descriptor="a happy face, lip corners pulled up and wide, raised cheeks, narrowed"
            " eyes.",
            moves={"mouth-width": 3.0, "mouth-open": 1.0},
            units={"AU12": 1.0, "AU1": -0.3, "AU5": -0.2, "AU26": -0.15},
            sides=("corner",),
            drawn={"smile": 1.0, "part": 1.1, "squint": 0.35, "jaw": 0.12, "brow_outer": 0.05},
            blendshapes=("MouthSmileLeft", "MouthSmileRight"),
        ),
    )
    DISGUST = (
        "disgust",
        Entry(
            title="Disgust",
            asking=Asking(
                "Disgust",
                "Wrinkle your nose as if something smelled bad, then relax. Three times.",
            ),
            also=("disgusted",),
            descriptor="a disgusted face, wrinkled nose, raised upper lip, lowered brows, narrowed"
            " eyes.",
            moves={
                "eye-open-right": -1.0,
                "eye-open-left": -1.0,
                "mouth-width": 1.0,
                "jaw-open": 1.0,
            },
            units={"AU10": 0.6, "AU4": 0.25, "AU7": 0.15, "AU12": -0.8, "AU26": -0.3, "AU2": -0.2},
            sides=("open", "raise"),
            drawn={"sneer": 1.0, "squint": 0.65, "brow_down": 1.4, "jaw": 0.12},
            blendshapes=("NoseSneerLeft", "NoseSneerRight"),
        ),
    )
    SURPRISE = (
        "surprise",
        Entry(
            title="Surprise",
            asking=Asking(
                "Surprise",
                "Raise your eyebrows and open your mouth as if surprised, then relax. Three times.",
            ),
            also=("surprised",),
            descriptor="a surprised face, brows raised high, wide open eyes, dropped jaw, open"
            " mouth.",
            moves={
                "eye-raise-right": 1.5,
                "eye-raise-left": 1.5,
                "eye-open-right": 0.5,
                "eye-open-left": 0.5,
                "jaw-open": 0.5,
            },
            units={
                "AU1": 0.25,
                "AU2": 0.35,
                "AU5": 0.1,
                "AU26": 0.3,
                "AU12": -0.2,
                "AU4": -0.3,
                "AU20": -0.2,
            },
            sides=("raise",),
            drawn={"brow_outer": 0.8, "brow_inner": 0.8, "wide": 0.95, "jaw": 0.17},
            blendshapes=("BrowOuterUpLeft", "BrowOuterUpRight", "BrowInnerUp"),
        ),
    )
    ANGER = (
        "anger",
        Entry(
            title="Anger",
            asking=Asking(
                "Anger",
                "Draw your eyebrows together and press your lips as if angry, then relax."
                " Three times.",
            ),
            also=("angry",),
            descriptor="an angry face, brows lowered and drawn together, hard stare, lips pressed"
            " tight.",
            # FACS 4 + 5 + 7 + 23. A raised lip and a wide mouth are disgust's.
            moves={
                "eye-raise-right": -1.0,
                "eye-raise-left": -1.0,
                "eye-open-right": -0.5,
                "eye-open-left": -0.5,
                "jaw-open": -0.5,
                "mouth-width": -0.5,
            },
            units={
                "AU4": 0.6,
                "AU24": 0.2,
                "AU7": 0.2,
                "AU1": -0.4,
                "AU2": -0.3,
                "AU10": -0.3,
                "AU12": -0.5,
                "AU26": -0.2,
            },
            sides=("open", "raise"),
            drawn={"brow_down": 1.0, "squint": 0.45, "press": 0.8, "frown": 0.2},
            blendshapes=("BrowDownLeft", "BrowDownRight"),
        ),
    )
    SADNESS = (
        "sadness",
        Entry(
            title="Sadness",
            asking=Asking(
                "Sadness",
                "Pull the corners of your mouth down as if sad, then relax. Three times.",
            ),
            also=("sad",),
            descriptor="a sad face, inner brows raised, drooping eyelids, lip corners pulled down.",
            # FACS 1 + 4 + 15: the corners go away from the eyes, more than the brows rise.
            moves={
                "mouth-corner-right": 1.5,
                "mouth-corner-left": 1.5,
                "eye-raise-right": 0.5,
                "eye-raise-left": 0.5,
                "eye-open-right": -0.5,
                "eye-open-left": -0.5,
                "jaw-open": -1.0,
            },
            units={
                "AU15": 0.45,
                "AU17": 0.35,
                "AU1": 0.2,
                "AU2": -0.2,
                "AU4": -0.3,
                "AU5": -0.2,
                "AU12": -0.5,
                "AU26": -0.3,
            },
            sides=("corner", "raise"),
            drawn={"brow_inner": 0.8, "frown": 0.9, "squint": 0.2, "press": 0.1, "gaze_y": 0.15},
            blendshapes=("MouthFrownLeft", "MouthFrownRight"),
        ),
    )
    FEAR = (
        "fear",
        Entry(
            title="Fear",
            asking=Asking(
                "Fear",
                "Open your eyes wide and draw your mouth back as if afraid, then relax."
                " Three times.",
            ),
            also=("afraid", "scared", "fearful"),
            descriptor="a fearful face, brows raised and drawn together, wide eyes, lips stretched"
            " sideways.",
            # FACS 1 + 2 + 4 + 5 + 20 + 26.
            moves={
                "eye-raise-right": 1.0,
                "eye-raise-left": 1.0,
                "eye-open-right": 0.5,
                "eye-open-left": 0.5,
                "mouth-width": 2.0,
                "mouth-corner-right": 0.75,
                "mouth-corner-left": 0.75,
                "jaw-open": -0.5,
            },
            units={
                "AU5": 0.3,
                "AU20": 0.2,
                "AU16": 0.2,
                "AU1": 0.3,
                "AU12": -0.3,
                "AU17": -0.2,
                "AU26": -0.4,
            },
            sides=("raise",),
            drawn={
                "brow_inner": 0.9,
                "brow_outer": 0.4,
                "wide": 0.95,
                "stretch": 0.8,
                "part": 0.45,
            },
            blendshapes=("MouthStretchLeft", "MouthStretchRight"),
        ),
    )
    FREE = (
        "free",
        Entry(
            title="Free",
            asking=Asking(
                cue="Speak freely",
                instruction="Speak as you like, to somebody or to the camera.",
                seconds=30,
                repetitions=0,
            ),
            also=("speech", "speaking", "conversation", "interview", "spontaneous"),
            descriptor="a speaking face in conversation, lips and jaw in motion.",
            # Any movement, of the whole face.
            moves={},
            units={},
            sides=("open", "raise", "corner"),
            drawn={},
            blendshapes=(),
        ),
    )


EXPRESSIONS: tuple[Expression, ...] = tuple(Expression)
#: What a protocol may ask for. *Free* is what somebody recorded without cues: speech, conversation.
ASKED: tuple[Expression, ...] = tuple(e for e in Expression if e is not Expression.FREE)
POSED: tuple[Expression, ...] = tuple(e for e in ASKED if e is not Expression.REST)


def title_of(name: str) -> str:
    """The title of the expression with this name, for rows that may hold another name."""
    return Expression(name).entry.title if is_expression(name) else name.capitalize()


def is_expression(name: str) -> TypeGuard[Expression]:
    return name in EXPRESSIONS
