"""The words a patient reads for each reason why a clip could not be used.

The measuring's own reasons have theirs in the vocabulary; here are the few of the domain itself,
and what a patient can do about one in which state of the screening.
"""

from dataclasses import dataclass, replace

from screening.models import Screening
from vocabulary.reasons import UnusableReason


@dataclass(frozen=True)
class Words:
    """``title`` says what happened, ``advice`` what to do now."""

    title: str
    advice: str


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
    found = _measured(code) or FAILED.get(code) or _UNKNOWN
    later = _LATER.get(screening_state)
    return found if later is None or code in _KEPT else replace(found, advice=later)


def _measured(code: str) -> Words | None:
    """The words for a reason that the measuring gives (``Clip.State.UNUSABLE``)."""
    found = next((reason for reason in UnusableReason if reason == code), None)
    return None if found is None else Words(found.headline, found.advice)
