"""Measuring clips: a worker claims one, and only the holder of the newest claim may store.

The queue is a hint; these functions are the truth. Patients take turns (see ``turns``). A claim has
a lease and counts an attempt; the attempt's number fences off a worker that comes back after its
lease ran out.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from screening import queue
from screening.errors import WrongState
from screening.models import Clip, ClipMeasurement, Patient, Screening, User
from screening.permissions import stands
from screening.services import access, course_results, courses, events, installation, store, turns
from screening.services.assessing import (
    AssessmentInput,
    Part,
    Target,
    claim_assessment,
    due_assessments,
    due_for_shadows,
    store_assessment,
    with_measurements,
)
from screening.services.measurements import (
    ClaimedClip,
    claimed,
    keep,
    lacks,
    reader_of,
    store_beside,
)
from screening.services.screenings import current_clips
from screening.services.transitions import (
    TAKEN_BACK,
    consent_stands,
    lock_screening,
    move,
    try_move,
)

__all__ = [
    "AssessmentInput",
    "ClaimedClip",
    "Part",
    "Target",
    "claim_assessment",
    "claim_clip",
    "claim_next",
    "due",
    "fail",
    "give_back",
    "lacks",
    "postpone",
    "renew",
    "requeue_failed",
    "store_assessment",
    "store_beside",
    "store_measurement",
    "store_playback",
    "with_measurements",
    "without_playback",
]

State = Clip.State


def claim_next(*, seconds: float) -> ClaimedClip | None:
    """Claim the clip whose turn it is; None when nothing waits."""
    if not installation.check().may_write:
        return None
    tried: list[UUID] = []
    while (clip_id := turns.next_clip(without=tried)) is not None:
        if claim := claim_clip(clip_id=clip_id, seconds=seconds):
            return claim
        # Another worker was quicker, or it has no attempt left.
        tried.append(clip_id)
    return None


def claim_clip(*, clip_id: UUID, seconds: float) -> ClaimedClip | None:
    """Claim this clip, received or with its lease run out, for ``seconds``.

    None when there is nothing to do: measured, claimed by another, at rest, superseded, consent
    taken back, or no attempt left (the clip is then *failed*). None too while the store is another
    database's: a recording that is not there now would be given up for lost.
    """
    if not installation.check().may_write:
        return None
    with transaction.atomic():
        clip = Clip.objects.select_related("step").filter(pk=clip_id).first()
        if clip is None:
            return None
        screening = lock_screening(clip.screening_id)
        clip.refresh_from_db()
        now = timezone.now()
        is_free = (clip.claimed_until or now) <= now
        is_due = clip.state in (State.RECEIVED, State.MEASURING) and is_free
        if not is_due or not consent_stands(screening):
            return None
        if clip.attempts >= settings.MEASURE_ATTEMPTS:
            _end_failed(clip, screening, code="attempts_used_up")
            return None
        until = now + timedelta(seconds=seconds)
        attempt = clip.attempts + 1
        rows = Clip.objects.filter(pk=clip.pk, state=clip.state, attempts=clip.attempts)
        changes = {"claimed_at": now, "claimed_until": until}
        if not rows.update(state=State.MEASURING, attempts=attempt, **changes):
            return None
        events.append_clip(clip=clip, screening=screening, state="measuring")
    return claimed(clip, attempt, reader_of(screening))


def renew(*, claim: ClaimedClip, seconds: float) -> bool:
    """A worker that is still measuring keeps its claim. False when the claim was lost meanwhile."""
    rows = Clip.objects.filter(pk=claim.clip_id, state=State.MEASURING, attempts=claim.attempt)
    return bool(rows.update(claimed_until=timezone.now() + timedelta(seconds=seconds)))


def without_playback(*, clip_id: UUID) -> ClaimedClip | None:
    """A stored clip that has no playback copy yet, for the one who makes it; else None.

    Not a claim: two workers at once make two copies, and ``store_playback`` keeps one.
    """
    rows = Clip.objects.select_related("step")
    stored = rows.filter(stands("screening__"), state__in=Clip.STORED, playback_key="")
    clip = stored.filter(pk=clip_id).first()
    return claimed(clip, clip.attempts) if clip else None


def store_measurement(*, claim: ClaimedClip, measurement: dict[str, Any]) -> ClipMeasurement | None:
    """Keep what the measurer read, and end the clip as measured or unusable.

    None, and nothing written, when the claim is not the newest one, the clip was superseded, or
    consent was taken back. When it was the last clip of a submitted screening, the assessment is
    enqueued. Raises Invalid for a measurement without its required keys.
    """
    with transaction.atomic():
        screening = lock_screening(claim.screening_id)
        clip = _held(claim)
        if clip is None or not consent_stands(screening):
            return None
        row = keep(clip, measurement)
        move(
            clip,
            expected=[State.MEASURING],
            state=row.state,
            reason=row.reason,
            measured_at=timezone.now(),
            claimed_until=None,
        )
        events.append_clip(clip=clip, screening=screening, state=row.state)
        _assess_when_complete(screening)
    return row


def give_back(*, claim: ClaimedClip, why: str, is_attempt: bool = True) -> None:
    """The measuring process died or hung: try again, or fail with ``why`` at the last attempt.

    ``is_attempt`` is False when the worker was stopped in mid-clip: that was not the clip's doing.
    """
    with transaction.atomic():
        screening = lock_screening(claim.screening_id)
        clip = _held(claim)
        if clip is None:
            return
        if is_attempt and clip.attempts >= settings.MEASURE_ATTEMPTS:
            _end_failed(clip, screening, code=why)
            return
        move(
            clip,
            expected=[State.MEASURING],
            state=State.RECEIVED,
            claimed_until=None,
            attempts=clip.attempts if is_attempt else clip.attempts - 1,
        )
        events.append_clip(clip=clip, screening=screening, state="received")
        queue.enqueue_on_commit(queue.MEASURE_CLIP, str(clip.pk))


def postpone(*, claim: ClaimedClip, seconds: float) -> None:
    """Its file cannot be had just now: no attempt of this clip, which rests for ``seconds``."""
    with transaction.atomic():
        screening = lock_screening(claim.screening_id)
        clip = _held(claim)
        if clip is None:
            return
        move(
            clip,
            expected=[State.MEASURING],
            state=State.RECEIVED,
            claimed_until=timezone.now() + timedelta(seconds=seconds),
            attempts=clip.attempts - 1,
        )
        events.append_clip(clip=clip, screening=screening, state="received")


def fail(*, claim: ClaimedClip, code: str) -> None:
    """End a clip that cannot be measured for a reason of ours (see ``reasons.FAILED``)."""
    with transaction.atomic():
        screening = lock_screening(claim.screening_id)
        clip = _held(claim)
        if clip is not None:
            _end_failed(clip, screening, code=code)


def store_playback(*, claim: ClaimedClip, source: Path) -> bool:
    """Keep the derived copy that reviewers play. False when the clip needs none any more."""
    clip = Clip.objects.select_related("screening").filter(pk=claim.clip_id).first()
    if clip is None:
        return False
    key = store.playback_key(clip)
    with source.open("rb") as data:
        store.put(key, data)
    with transaction.atomic():
        screening = lock_screening(claim.screening_id)
        rows = Clip.objects.filter(pk=clip.pk, sha256=claim.sha256, playback_key="")
        kept = consent_stands(screening) and bool(rows.update(playback_key=key))
    if not kept:
        store.remove(key, why="copy not needed any more")
    return kept


def requeue_failed(*, by: User | None, clip: Clip) -> Clip:
    """Give a failed clip its attempts back and measure it again (administrators).

    A screening that was scored without it is *submitted* again, and scored anew with it; one that
    was released stays as the patient read it. Raises NotAllowed, WrongState.
    """
    access.require_administrator(by)
    with transaction.atomic():
        screening = lock_screening(clip.screening_id)
        if not consent_stands(screening):
            raise WrongState(TAKEN_BACK)
        move(
            clip,
            expected=[State.FAILED],
            detail="Only a failed clip can be measured again.",
            state=State.RECEIVED,
            reason="",
            attempts=0,
            claimed_until=None,
        )
        reopened = try_move(
            screening,
            expected=[Screening.State.SCORED],
            state=Screening.State.SUBMITTED,
            **Screening.UNTRIED,
        )
        if reopened:
            courses.changed(screening)
        events.audit(by=by, action="clip.requeued", target=clip)
        if reopened:
            events.append(screening=screening, kind="screening.submitted")
        events.append_clip(clip=clip, screening=screening, state="received")
        queue.enqueue_on_commit(queue.MEASURE_CLIP, str(clip.pk))
    return clip


def due(*, limit: int = 200) -> list[tuple[str, str]]:
    """What the sweeper should enqueue again: ``(task name, id)``, each kind's oldest first.

    Assessments that are missing, clips that wait, courses whose sessions have changed, erasures not
    proved, what shadows have not seen.
    """
    clips = turns.waiting().values_list("pk", flat=True)[:limit]
    return [
        *((queue.ASSESS_SCREENING, str(pk)) for pk in due_assessments(limit=limit)),
        *((queue.MEASURE_CLIP, str(pk)) for pk in clips),
        *((queue.UPDATE_COURSE, str(pk)) for pk in course_results.due(limit=limit)),
        *((queue.ERASE_PATIENT_FILES, str(pk)) for pk in _unproved_erasures()),
        *((queue.ASSESS_SHADOWS, str(pk)) for pk in due_for_shadows(limit=limit)),
    ]


def _held(claim: ClaimedClip) -> Clip | None:
    """The clip, if this claim is still the newest one. The screening must be locked."""
    rows = Clip.objects.select_related("step")
    return rows.filter(pk=claim.clip_id, state=State.MEASURING, attempts=claim.attempt).first()


def _end_failed(clip: Clip, screening: Screening, *, code: str) -> None:
    changes = {"state": State.FAILED, "reason": code[:40], "claimed_until": None}
    if try_move(clip, expected=[State.MEASURING, State.RECEIVED], **changes):
        events.append_clip(clip=clip, screening=screening, state="failed")
        _assess_when_complete(screening)


def _assess_when_complete(screening: Screening) -> None:
    if screening.state != Screening.State.SUBMITTED:
        return
    if not current_clips(screening).exclude(state__in=Clip.TERMINAL).exists():
        queue.enqueue_on_commit(queue.ASSESS_SCREENING, str(screening.pk))


def _unproved_erasures() -> list[UUID]:
    rows = Patient.objects.filter(erased_at__isnull=False, erasure_proven_at__isnull=True)
    return list(rows.values_list("pk", flat=True))
