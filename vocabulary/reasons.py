"""Why a clip cannot be measured, each reason with the words that its patient reads.

A result, not a fault: the patient can act on each. A reason is one entry here, and the gate that
gives it: most stand in ``ml``'s quality checks. Reasons of the web's own are in
``screening/reasons.py``.
"""

from enum import StrEnum
from typing import Self


class UnusableReason(StrEnum):
    """The codes, as they are stored. ``headline`` says what happened, ``advice`` what to do now."""

    headline: str
    advice: str

    def __new__(cls, code: str, headline: str = "", advice: str = "") -> Self:
        # Optional only for type checkers, which take a look-up by its code for this.
        if not headline or not advice:
            raise TypeError(f"the reason {code} lacks words for the patient")
        made = str.__new__(cls, code)
        made._value_ = code
        made.headline, made.advice = headline, advice
        return made

    EMPTY_FILE = "empty_file", "The recording is empty", "Please record this part again."
    NOT_A_VIDEO = (
        "not_a_video",
        "This is not a video",
        "Please record this part again with the camera.",
    )
    TRUNCATED = (
        "truncated",
        "The end of the recording is missing",
        "Please record this part again and keep the page open until it is saved.",
    )
    TOO_LARGE = "too_large", "The recording is too large", "Please record this part again."
    TOO_MANY_PIXELS = (
        "too_many_pixels",
        "The picture is too large to be measured",
        "Please choose a lower camera resolution and record this part again.",
    )
    TOO_SHORT = (
        "too_short",
        "The recording is too short",
        "Please record this part again until the time is over.",
    )
    TOO_LONG = "too_long", "The recording is too long", "Please record this part again."
    TIME_GAP = (
        "time_gap",
        "The recording has a gap",
        "The camera stood still for a while. Closing other programs helps. Then record this part"
        " again.",
    )
    REPEATED = (
        "repeated",
        "The camera showed the same few seconds again and again",
        "Please choose the camera itself, no film or virtual camera, and record this part again.",
    )
    WRONG_CLOCK = (
        "wrong_clock",
        "The times in the recording are wrong",
        "Please record this part again; if it happens again, use another browser.",
    )
    LOW_FRAME_RATE = (
        "low_frame_rate",
        "The camera delivered too few pictures a second",
        "More light helps most; closing other programs helps too. Then record this part again.",
    )
    NO_FACE = (
        "no_face",
        "No face was found",
        "Please sit in front of the camera and record this part again.",
    )
    FACE_LOST = (
        "face_lost",
        "Your face left the picture for too long",
        "Please stay in the frame for the whole recording and try again.",
    )
    SEVERAL_FACES = (
        "several_faces",
        "More than one face was in the picture",
        "Please make sure that you are alone in the picture and record this part again.",
    )
    FACE_TOO_SMALL = (
        "face_too_small",
        "Your face was too small in the picture",
        "Please come closer to the camera and record this part again.",
    )
    FACE_CUT_OFF = (
        "face_cut_off",
        "Part of your face was outside the picture",
        "Please sit so that your whole face is in the picture, chin and brows too, and record this"
        " part again.",
    )
    TOO_DARK = (
        "too_dark",
        "It was too dark",
        "Please turn on a light in front of you and record this part again.",
    )
    TOO_BRIGHT = (
        "too_bright",
        "It was too bright",
        "Please avoid direct light into the camera and record this part again.",
    )
    BLURRED = (
        "blurred",
        "The picture was blurred",
        "Please wipe the lens, hold the camera still and record this part again.",
    )
    TURNED_AWAY = (
        "turned_away",
        "Your face was turned away",
        "Please look into the camera and record this part again.",
    )
    TILTED = (
        "tilted",
        "Your head or the camera was tilted",
        "Please set the camera straight, hold your head upright and record this part again.",
    )
