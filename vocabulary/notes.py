"""What was done instead of what was asked, each with its words and with what the clip then counts.

A note, never a gate: the numbers are given all the same, and a face that moves little is no reason
for any of them. What finds a note stands in ``ml/signs/asked.py``.
"""

from enum import StrEnum
from typing import Self


class Note(StrEnum):
    """The codes, as they are stored. ``clinician`` says what was seen, ``request`` asks the patient
    for next time; ``weight`` is the share that the clip then counts for in a person's result."""

    clinician: str
    request: str
    weight: float

    def __new__(
        cls, code: str, clinician: str = "", request: str = "", weight: float = 1.0
    ) -> Self:
        # Optional only for type checkers, which take a look-up by its code for this.
        if not clinician or not request:
            raise TypeError(f"the note {code} lacks words")
        made = str.__new__(cls, code)
        made._value_ = code
        made.clinician, made.request, made.weight = clinician, request, weight
        return made

    MOVED_AT_REST = (
        "moved_at_rest",
        "The face moved while it was to rest: what counts as rest may lie too high.",
        "Next time, please let your face rest in this part, and look into the camera.",
        0.5,
    )
    ANOTHER_EXPRESSION = (
        "another_expression",
        "Another expression was shown than the one asked for.",
        "Next time, please look at the picture again before you begin this part.",
        0.5,
    )
    FEWER_REPETITIONS = (
        "fewer_repetitions",
        "Fewer repetitions were found than were prompted. A movement that fades is a sign as well.",
        "Next time, please make the movement each time that the page asks for it.",
        1.0,
    )
    MORE_REPETITIONS = (
        "more_repetitions",
        "More repetitions were found than were prompted.",
        "Next time, please wait for the page before you make the movement again.",
        1.0,
    )
    ONE_HALF = (
        "one_half",
        "Only one half of the face moved: think of a palsy, and see the asymmetry.",
        "If one half of your face moves less than the other, please tell your clinic.",
        0.5,
    )
    EYES_CLOSED = (
        "eyes_closed",
        "The eyes were shut most of the time.",
        "Next time, please keep your eyes open and look into the camera.",
        0.5,
    )
    TALKING = (
        "talking",
        "The mouth moved as in speech.",
        "Next time, please do not speak while you are recorded.",
        0.5,
    )
