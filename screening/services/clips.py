"""What a patient decides about one clip: skip it, or record it again."""

from django.conf import settings
from django.db import transaction

from screening.errors import Invalid, WrongState
from screening.models import Clip, User
from screening.permissions import RecordClip
from screening.services import access, events, store
from screening.services.chunks import close_open
from screening.services.screenings import RECORDING, supersede
from screening.services.transitions import consent_stands, lock_screening, move

State = Clip.State
TAKES_USED = (
    "This part was recorded {} times, as often as it can be. The last recording counts. "
    "Your clinic can ask you for another one."
)
#: A recording that was handed in may be replaced while the patient is recording, in these states.
REPLACEABLE = (*Clip.STORED, State.SKIPPED)


def skip(*, by: User, clip: Clip, reason: str) -> Clip:
    """Leave an expression out, saying why. Raises NotAllowed, Invalid, WrongState."""
    access.require(RecordClip, by, clip)
    reason = reason.strip()
    if not reason:
        raise Invalid("Please say why you leave this part out.", code="reason_missing")
    with transaction.atomic():
        screening = lock_screening(clip.screening_id)
        if screening.state not in RECORDING:
            raise WrongState("This screening was submitted already.")
        dropped = close_open(clip)
        move(
            clip,
            expected=[State.EXPECTED, State.UPLOADING],
            detail="This part was recorded already.",
            state=State.SKIPPED,
            skip_reason=reason[:200],
        )
        events.append_clip(clip=clip, screening=screening, state="skipped")
        transaction.on_commit(lambda: store.remove(*dropped, why="upload given up"))
    return clip


def rerecord(*, by: User, clip: Clip) -> Clip:
    """A new expected clip in place of this one, which becomes superseded; its file stays.

    Allowed while the patient is recording (a draft, or a clinician asked for it); after that a
    clinician asks for it. Raises NotAllowed, WrongState, Invalid (taken often enough).
    """
    access.require(RecordClip, by, clip)
    with transaction.atomic():
        screening = lock_screening(clip.screening_id)
        if screening.state not in RECORDING or not consent_stands(screening):
            raise WrongState(
                "This screening was submitted already. Ask your clinic to record again."
            )
        clip.refresh_from_db()
        if clip.state == State.EXPECTED:
            return clip
        if clip.state == State.UPLOADING:
            dropped = close_open(clip)
            move(clip, expected=[State.UPLOADING], state=State.EXPECTED)
            transaction.on_commit(lambda: store.remove(*dropped, why="upload given up"))
            fresh = clip
        elif clip.state in REPLACEABLE:
            if clip.take >= settings.STEP_TAKES:
                raise Invalid(TAKES_USED.format(clip.take), code="takes_used")
            fresh = supersede(clip)
        else:
            raise WrongState("This recording was replaced already.")
        events.append_clip(clip=fresh, screening=screening, state="expected")
    return fresh
