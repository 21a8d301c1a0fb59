"""The words a patient reads for each reason why a clip could not be used.

The codes are those of ``ml.errors.UnusableReason`` (a test compares the two lists; the web never
imports the science) and the few that belong to the domain itself.
"""

from dataclasses import dataclass, replace

from screening.models import Screening


@dataclass(frozen=True)
class Words:
    """``title`` says what happened, ``advice`` what to do now."""

    title: str
    advice: str


#: Reasons that the measuring gives (``Clip.State.UNUSABLE``).
UNUSABLE: dict[str, Words] = {
    "empty_file": Words("The recording is empty", "Please record this part again."),
    "not_a_video": Words("This is not a video", "Please record this part again with the camera."),
    "truncated": Words(
        "The end of the recording is missing",
        "Please record this part again and keep the page open until it is saved.",
    ),
    "too_large": Words("The recording is too large", "Please record this part again."),
    "too_many_pixels": Words(
        "The picture is too large to be measured",
        "Please choose a lower camera resolution and record this part again.",
    ),
    "too_short": Words(
        "The recording is too short", "Please record this part again until the time is over."
    ),
    "too_long": Words("The recording is too long", "Please record this part again."),
    "time_gap": Words(
        "The recording has a gap",
        "The camera stood still for a while. Closing other programs helps. Then record this part"
        " again.",
    ),
    "low_frame_rate": Words(
        "The camera delivered too few pictures a second",
        "More light helps most; closing other programs helps too. Then record this part again.",
    ),
    "no_face": Words(
        "No face was found", "Please sit in front of the camera and record this part again."
    ),
    "face_lost": Words(
        "Your face left the picture for too long",
        "Please stay in the frame for the whole recording and try again.",
    ),
    "several_faces": Words(
        "More than one face was in the picture",
        "Please make sure that you are alone in the picture and record this part again.",
    ),
    "face_too_small": Words(
        "Your face was too small in the picture",
        "Please come closer to the camera and record this part again.",
    ),
    "too_dark": Words(
        "It was too dark", "Please turn on a light in front of you and record this part again."
    ),
    "too_bright": Words(
        "It was too bright",
        "Please avoid direct light into the camera and record this part again.",
    ),
    "blurred": Words(
        "The picture was blurred",
        "Please wipe the lens, hold the camera still and record this part again.",
    ),
    "turned_away": Words(
        "Your face was turned away", "Please look into the camera and record this part again."
    ),
    "tilted": Words(
        "Your head or the camera was tilted",
        "Please set the camera straight, hold your head upright and record this part again.",
    ),
}

#: Reasons of our own (``Clip.State.FAILED``): nothing the patient did.
FAILED: dict[str, Words] = {
    "attempts_used_up": Words(
        "We could not measure this recording",
        "This is our fault, not yours. The clinic has been told; your recording is safe.",
    ),
    "measuring_fault": Words(
        "We could not measure this recording",
        "This is our fault, not yours. The clinic has been told; your recording is safe.",
    ),
    "took_too_long": Words(
        "Measuring this recording took too long",
        "This is our fault, not yours. The clinic has been told; your recording is safe.",
    ),
    "file_missing": Words(
        "We could not find this recording; this is our fault", "Please record this part again."
    ),
}
#: The clinic looks after these; for every other reason the advice is to record again.
_KEPT = frozenset(FAILED) - {"file_missing"}

_UNKNOWN = Words("This recording could not be used", "Please record this part again.")


#: What to do about a recording instead of recording it now, once the screening was handed in.
_CLINIC_ASKS = "Your clinic can ask you to record it again."
_NEXT_TIME = "You can record it in your next screening."
_State = Screening.State
_LATER: dict[str, str] = {
    _State.SUBMITTED: _CLINIC_ASKS,
    _State.SCORED: _CLINIC_ASKS,
    _State.RELEASED: _NEXT_TIME,
    _State.WITHDRAWN: _NEXT_TIME,
}


def words(code: str, *, screening_state: str = _State.DRAFT) -> Words | None:
    """The words for a reason code; None for no reason; general words for a code not listed.

    The advice is one that the patient can follow in this state of the screening.
    """
    if not code:
        return None
    found = UNUSABLE.get(code) or FAILED.get(code) or _UNKNOWN
    later = _LATER.get(screening_state)
    return found if later is None or code in _KEPT else replace(found, advice=later)
