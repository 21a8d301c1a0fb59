"""A screening from its start to its release: the transitions that people make."""

from collections.abc import Collection, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from screening import queue
from screening.errors import Conflict, Invalid, WrongState
from screening.models import Clip, Intake, Patient, Protocol, Screening, User
from screening.permissions import RecordScreening, ReviewScreening, stands
from screening.services import access, bundles, consents, courses, events
from screening.services.transitions import lock_screening, move

State = Screening.State
#: The patient may record in these.
RECORDING = (State.DRAFT, State.NEEDS_RERECORD)
INTAKE_FIELDS = tuple(
    field.name
    for field in Intake._meta.fields
    if field.name not in ("id", "created_at", "screening")
)


def start(
    *, patient: Patient, is_phantom: bool = False, protocol: Protocol | None = None
) -> Screening:
    """The patient's open draft, or a new one with an *expected* clip for each step.

    It joins the patient's open course, or opens one. ``protocol``: another one than the course's
    own, for the demo and for commands.

    Raises WrongState (``consent_missing``) without a standing consent to the current text.
    """
    consent = consents.standing(patient=patient)
    if consent is None or not consents.is_current(consent) or patient.erased_at:
        raise WrongState("Please read and accept the consent first.", code="consent_missing")
    drafts = Screening.objects.filter(patient=patient, state=State.DRAFT)
    if draft := drafts.first():
        return draft
    try:
        with transaction.atomic():
            course = courses.join(patient=patient)
            screening = Screening.objects.create(
                patient=patient,
                site=patient.site,
                course=course,
                protocol=protocol or courses.protocol_for(course),
                consent=consent,
                is_phantom=is_phantom,
            )
            steps = screening.protocol.steps.all()
            Clip.objects.bulk_create(Clip(screening=screening, step=step) for step in steps)
            events.audit(by=patient.user, action="screening.started", target=screening)
            events.append(screening=screening, kind="screening.started")
    except IntegrityError:
        # Two tabs started at once: the constraint let one of them through.
        return drafts.get()
    return screening


def save_intake(*, by: User, screening: Screening, answers: Mapping[str, Any]) -> Intake:
    """Keep the answers; those not given stay open. Raises NotAllowed, Invalid, WrongState."""
    access.require(RecordScreening, by, screening)
    if unknown := set(answers) - set(INTAKE_FIELDS):
        raise Invalid(f"There is no such question: {', '.join(sorted(unknown))}.", code="intake")
    with transaction.atomic():
        locked = lock_screening(screening.pk)
        if locked.state not in RECORDING:
            raise WrongState("This screening was submitted already.")
        intake = Intake.objects.filter(screening=locked).first() or Intake(screening=locked)
        for name, value in answers.items():
            setattr(intake, name, value)
        try:
            intake.full_clean(exclude=["screening"])
        except ValidationError as wrong:
            raise Invalid(_sentences(wrong), code="intake") from wrong
        intake.save()
    return intake


def earlier_answers(screening: Screening) -> dict[str, Any] | None:
    """For a further session of a course: the answers of the one before, without the dose, which is
    asked each time. None for the first session."""
    rows = Intake.objects.filter(
        stands("screening__"),
        screening__course=screening.course_id,
        screening__state__in=courses.HANDED_IN,
    ).exclude(screening=screening)
    found = rows.order_by("-created_at").first()
    if found is None:
        return None
    # What was said in this very session is its own.
    found = Intake.objects.filter(screening=screening).first() or found
    answers = {name: getattr(found, name) for name in INTAKE_FIELDS}
    return {**answers, "hours_since_dose": None}


def takes_no_dose(answers: Mapping[str, Any]) -> bool:
    """Whether these answers leave no dose to ask for."""
    said = answers["pd_medication"]
    return said is False or (said is None and answers["known_pd"] is False)


def submit(*, by: User, screening: Screening) -> Screening:
    """Hand the session in: every current clip is at least received, and one was not skipped.

    Pins the active bundle. Raises NotAllowed, WrongState (``not_complete``, ``no_bundle``).
    """
    access.require(RecordScreening, by, screening)
    with transaction.atomic():
        locked = lock_screening(screening.pk)
        if not consents.standing(patient=locked.patient):
            raise WrongState("Please read and accept the consent first.", code="consent_missing")
        states = set(current_clips(locked).values_list("state", flat=True))
        if states & {Clip.State.EXPECTED, Clip.State.UPLOADING}:
            raise WrongState("Some recordings are still missing.", code="not_complete")
        if states <= {Clip.State.SKIPPED}:
            raise WrongState("Every recording was skipped.", code="nothing_recorded")
        if locked.state == State.DRAFT:
            courses.settle(locked)
        move(
            locked,
            expected=RECORDING,
            detail="This screening was submitted already.",
            state=State.SUBMITTED,
            submitted_at=timezone.now(),
            bundle=bundles.active(),
            **Screening.UNTRIED,
        )
        events.audit(by=by, action="screening.submitted", target=locked)
        events.append(screening=locked, kind="screening.submitted")
        if states <= set(Clip.TERMINAL):
            queue.enqueue_on_commit(queue.ASSESS_SCREENING, str(locked.pk))
    return locked


def withdraw(*, by: User, screening: Screening) -> Screening:
    """The patient takes this screening back. Raises NotAllowed, WrongState."""
    access.require(RecordScreening, by, screening)
    with transaction.atomic():
        locked = lock_screening(screening.pk)
        move(
            locked,
            expected=[state for state in State if state != State.WITHDRAWN],
            detail="This screening was taken back already.",
            state=State.WITHDRAWN,
            withdrawn_at=timezone.now(),
        )
        courses.closed(locked)
        events.audit(by=by, action="screening.withdrawn", target=locked)
        events.append(screening=locked, kind="screening.withdrawn")
    return locked


def request_rerecord(
    *, by: User, screening: Screening, steps: Collection[str], note: str = ""
) -> Screening:
    """A clinician asks for some expressions again; their clips are superseded by expected ones.

    ``steps`` are expressions. Raises NotAllowed, Invalid, WrongState.
    """
    access.require(ReviewScreening, by, screening)
    with transaction.atomic():
        locked = lock_screening(screening.pk)
        clips = list(current_clips(locked).filter(step__expression__in=steps))
        missing = set(steps) - {clip.step.expression for clip in clips}
        if missing or not clips:
            raise Invalid("Please choose recordings of this screening.", code="steps")
        move(
            locked,
            expected=[State.SUBMITTED, State.SCORED],
            detail="Only a submitted screening that was not released can be recorded again.",
            state=State.NEEDS_RERECORD,
            rerecord_note=note.strip(),
        )
        fresh = [supersede(clip) for clip in clips]
        courses.changed(locked)
        expressions = ",".join(clip.step.expression for clip in fresh)
        events.audit(by=by, action="screening.needs_rerecord", target=locked, steps=expressions)
        events.append(screening=locked, kind="screening.needs_rerecord")
        for clip in fresh:
            events.append_clip(clip=clip, screening=locked, state="expected")
    return locked


def release(*, by: User, screening: Screening) -> Screening:
    """Show the result to the patient. Raises NotAllowed, WrongState (``review_missing``)."""
    access.require(ReviewScreening, by, screening)
    with transaction.atomic():
        locked = lock_screening(screening.pk)
        policy = locked.site.release_policy
        if policy == "after_review" and not locked.reviews.exists():
            raise WrongState("Please sign off a review first.", code="review_missing")
        set_released(locked, by=by)
    return locked


def set_released(locked: Screening, *, by: User | None) -> None:
    """``scored → released`` on a locked screening, by a clinician or (None) the site's policy."""
    move(
        locked,
        expected=[State.SCORED],
        detail="Only a scored screening can be released.",
        state=State.RELEASED,
        released_at=timezone.now(),
        released_by=by,
    )
    courses.changed(locked)
    events.audit(by=by, action="screening.released", target=locked)
    events.append(screening=locked, kind="screening.released")


def current_clips(screening: Screening) -> Any:
    """The newest take of each step, in the protocol's order (a query set)."""
    rows = Clip.objects.filter(screening=screening).exclude(state=Clip.State.SUPERSEDED)
    return rows.select_related("step").order_by("step__order")


def supersede(clip: Clip) -> Clip:
    """Replace a clip of a locked screening by a new expected one; the old row and file stay."""
    live = [state for state in Clip.State if state != Clip.State.SUPERSEDED]
    move(clip, expected=live, detail="This recording was replaced already.", state="superseded")
    try:
        return Clip.objects.create(
            screening_id=clip.screening_id, step=clip.step, take=clip.take + 1
        )
    except IntegrityError as raced:
        raise Conflict from raced


def _sentences(wrong: ValidationError) -> str:
    if not hasattr(wrong, "error_dict"):
        return " ".join(wrong.messages)
    return " ".join(
        f"{name.replace('_', ' ')}: {' '.join(messages)}".capitalize()
        for name, messages in wrong.message_dict.items()
    )
