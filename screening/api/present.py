"""What each reader gets to see of a row, as plain JSON values.

Patients get results only once they were released, and never numbers that their site keeps back.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from django.urls import reverse

from screening import reasons, statements
from screening.api.present_course import group_of
from screening.errors import UnreadableResult
from screening.models import Assessment, Clip, Intake, Patient, Screening, User
from screening.permissions import ReviewScreening
from screening.services import assessing, consents, media, results, retries, saying
from screening.services.screenings import INTAKE_FIELDS
from screening.services.transitions import consent_stands
from vocabulary.assessment import Assessment as AssessmentShape
from vocabulary.assessment import ClipReport
from vocabulary.expressions import title_of
from vocabulary.notes import Note
from vocabulary.signs import patient_words

State = Screening.State
#: For the patient *scored* means that somebody at the clinic is looking at it.
PATIENT_STATE_WORDS = {
    State.DRAFT: "in preparation",
    State.SUBMITTED: "being measured",
    State.NEEDS_RERECORD: "please record some parts again",
    State.SCORED: "in review at your clinic",
    State.RELEASED: "ready",
    State.WITHDRAWN: "taken back",
}
#: In place of *submitted* and *being measured* when the clips are measured and no result comes.
DELAYED_WORDS = "delayed: no result yet"
PATIENT_DELAYED_WORDS = "delayed; your clinic was told"


def me(user: User) -> dict[str, Any]:
    patient = Patient.objects.filter(user=user, erased_at__isnull=True).first()
    sites = [row.site for row in user.memberships.select_related("site")]
    role = "admin" if user.is_superuser else "clinician" if sites else "patient"
    return {
        "user": {"id": user.pk, "email": user.email, "name": user.name},
        "role": role,
        "patient": patient and {"id": patient.pk, "pseudonym": patient.pseudonym},
        "sites": [{"id": site.pk, "name": site.name} for site in sites],
    }


def screening(row: Screening, *, viewer: User) -> dict[str, Any]:
    """The whole of a screening for its patient or a clinician of its site."""
    may_review = ReviewScreening.allows(viewer, row)
    is_own = row.patient.user_id == viewer.pk
    if not may_review and not is_own:
        return _taken_back(row)
    clips = {clip.step_id: clip for clip in _current_clips(row)}
    intake = Intake.objects.filter(screening=row).first()
    return {
        **_head(row, for_clinician=may_review),
        "course": row.course_id,
        "protocol": _protocol(row),
        "rerecord_note": row.rerecord_note,
        "steps": [
            {
                "id": step.pk,
                "order": step.order,
                "expression": step.expression,
                "title": step.get_expression_display(),
                "cue": step.cue,
                "instruction": step.instruction,
                "seconds": step.seconds,
                "repetitions": step.repetitions,
                "cues": step.cues(),
                "clip": clip(clips[step.pk]) if step.pk in clips else None,
            }
            for step in row.protocol.steps.all()
        ],
        "intake": _intake(intake) if intake else None,
        "result": patient_result(row),
        "next": _next(row, intake),
    }


def _taken_back(row: Screening) -> dict[str, Any]:
    """What a clinic still sees: that there was a screening, and nothing of what it holds."""
    return {
        **_head(row, for_clinician=True),
        "course": row.course_id,
        "protocol": _protocol(row),
        "rerecord_note": "",
        "steps": [],
        "intake": None,
        "result": None,
        "next": "wait",
    }


def _protocol(row: Screening) -> dict[str, Any]:
    found = row.protocol
    return {"slug": found.slug, "version": found.version, "name": found.name}


def screening_line(row: Screening, *, viewer: User) -> dict[str, Any]:
    """One line of a patient's history."""
    return _head(row, for_clinician=row.patient.user_id != viewer.pk)


def worklist_line(row: Screening) -> dict[str, Any]:
    """One line of a clinic's worklist (clips, reviews, results but shadows' prefetched)."""
    counts: dict[str, int] = {}
    is_open = _is_open(row)
    for found in row.clips.all() if is_open else ():
        if found.state != Clip.State.SUPERSEDED:
            counts[found.state] = counts.get(found.state, 0) + 1
    # While it is recorded or measured anew, the result of the earlier recordings is not its result.
    has_result = is_open and row.state in assessing.ASSESSED
    shown = _newest(list(row.assessments.all())) if has_result else None
    return {
        **_head(row, for_clinician=True),
        "clips": counts,
        "hypomimia_index": shown and shown.hypomimia_index,
        "abstained": (shown and shown.abstained) or None,
        "reviews": len(row.reviews.all()) if is_open else 0,
    }


def clip(row: Clip) -> dict[str, Any]:
    """One clip (``step``, ``uploads`` loadable), without anything measured."""
    words = reasons.words(row.reason, screening_state=row.screening.state)
    upload = next((one for one in row.uploads.all() if one.state == "open"), None)
    return {
        "id": row.pk,
        "screening": row.screening_id,
        "expression": row.step.expression,
        "take": row.take,
        "state": row.state,
        "state_words": row.get_state_display(),
        "reason": row.reason or None,
        "words": words and {"title": words.title, "advice": words.advice},
        "skip_reason": row.skip_reason,
        "seconds": row.announced.get("seconds"),
        "size": row.size,
        "upload": upload and {"id": upload.pk, "offset": upload.offset, "length": upload.length},
        "video_url": reverse("api-clip-video", args=[row.pk]) if row.storage_key else None,
        "video_plays": media.plays(row),
    }


def assessment(row: Assessment) -> dict[str, Any]:
    """A result in full, for clinicians."""
    return {
        "id": row.pk,
        "created_at": row.created_at,
        "bundle": {
            "name": row.bundle.name,
            "version": row.bundle.version,
            "digest": row.bundle.digest,
            "sources": row.bundle.sources,
        },
        "measurements_digest": row.measurements_digest,
        "statement": saying.of_clinician(row, group_of(row.screening, released_only=False)),
        "result": saying.in_full(row),
        "second_opinions": list(_second_opinions(row.screening)),
    }


def _second_opinions(row: Screening) -> Iterator[dict[str, Any]]:
    for one in assessing.second_opinions(row):
        # One that cannot be read hides no result.
        with suppress(UnreadableResult):
            yield _second_opinion(one, results.read(one))


def _second_opinion(row: Assessment, found: AssessmentShape) -> dict[str, Any]:
    lstm = found.get("diagnosis")
    return {
        "bundle": {"name": row.bundle.name, "version": row.bundle.version},
        "p_pd": found["p_pd"],
        "p_pd_lstm": lstm and lstm["p_pd"],
        "abstained_words": found["abstained_words"],
        "auroc": row.bundle.metadata.get("figures", {}).get("drawn people, held out: auroc"),
    }


def patient_result(row: Screening) -> dict[str, Any] | None:
    """The released result in plain words; None until it is released."""
    if row.state != State.RELEASED:
        return None
    found = assessing.latest(row)
    if found is None:
        return None
    try:
        group = group_of(row, released_only=True)
        said, result = saying.of_patient(found, group), results.read(found)
    except UnreadableResult:
        return _unreadable(found, row)
    return {
        "statement": said,
        "seen": [_seen(one) for one in result["clips"]],
        "missing": result["missing"],
        **_of_site(found, row),
    }


def _unreadable(found: Assessment, row: Screening) -> dict[str, Any]:
    """In place of a released result that was kept in a shape which this version does not read."""
    said = statements.unreadable()
    return {"statement": said, "seen": [], "missing": [], **_of_site(found, row)}


def _of_site(found: Assessment, row: Screening) -> dict[str, Any]:
    return {
        "bundle": {"name": found.bundle.name, "version": found.bundle.version},
        "contact": row.site.contact,
    }


def _head(row: Screening, *, for_clinician: bool) -> dict[str, Any]:
    # Closed to a clinic is also what stays with the patient after the consent was withdrawn.
    state = State.WITHDRAWN if for_clinician and not _is_open(row) else State(row.state)
    words = str(state.label) if for_clinician else PATIENT_STATE_WORDS[state]
    is_delayed = retries.is_delayed(row)
    if is_delayed:
        words = DELAYED_WORDS if for_clinician else PATIENT_DELAYED_WORDS
    patient = {"pseudonym": row.patient.pseudonym, "name": row.patient.name or None}
    return {
        "id": row.pk,
        "state": state,
        "state_words": words,
        "is_delayed": is_delayed,
        "is_phantom": row.is_phantom,
        "created_at": row.created_at,
        "submitted_at": row.submitted_at,
        "scored_at": row.scored_at,
        "released_at": row.released_at,
        "patient": patient if for_clinician else {**patient, "name": None},
        "site": {"id": row.site_id, "name": row.site.name, "contact": row.site.contact},
    }


def _is_open(row: Screening) -> bool:
    """Whether others than the patient may see what it holds (annotated where rows are many)."""
    found = getattr(row, "is_open", None)
    return consent_stands(row) if found is None else bool(found)


def _intake(row: Intake) -> dict[str, Any]:
    return {name: getattr(row, name) for name in INTAKE_FIELDS}


def _current_clips(row: Screening) -> list[Clip]:
    rows = row.clips.exclude(state=Clip.State.SUPERSEDED).select_related("step", "screening")
    return list(rows.prefetch_related("uploads"))


def _newest(rows: list[Assessment]) -> Assessment | None:
    return max(rows, key=lambda row: row.created_at, default=None)


def _next(row: Screening, intake: Intake | None) -> str:
    """Where the patient goes on: ``consent``, ``intake``, ``record``, ``wait`` or ``result``."""
    if row.state in (State.DRAFT, State.NEEDS_RERECORD):
        if not consents.is_current(consents.standing(patient=row.patient)):
            return "consent"
        return "record" if intake is not None else "intake"
    return "result" if row.state == State.RELEASED else "wait"


def _seen(found: ClipReport) -> dict[str, Any]:
    """One expression of a result, in words."""
    expression = found["expression"]
    words = reasons.words(found["reason"] or "")
    return {
        "expression": expression,
        "title": title_of(expression),
        "words": words.title if words else _movement(found),
    }


def _movement(found: ClipReport) -> str:
    """What was measured of one expression, in a plain sentence without a judgement, and what the
    patient is asked for next time."""
    said = [patient_words(sign["name"], sign["value"]) for sign in found["signs"]]
    words = "; ".join(filter(None, said))
    measured = f"Measured: {words}." if words else "Recorded and measured."
    known = {str(note): note.request for note in Note}
    requests = [known[code] for code in found.get("notes", ()) if code in known]
    return " ".join([measured, *requests])
