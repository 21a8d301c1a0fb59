"""Consent: a versioned text, what the patient allows, and taking it back."""

from collections.abc import Collection

from django.db import transaction
from django.utils import timezone

from screening.errors import Invalid, NotFound, WrongState
from screening.models import Consent, ConsentForm, Patient, Scope, Screening, User
from screening.permissions import ActAsPatient
from screening.services import access, courses, events
from screening.services.transitions import lock_screening, try_move

#: A screening in one of these stops when consent is withdrawn. One that was released stays with the
#: patient, and is closed to everybody else.
STOPPED_BY_WITHDRAWAL = (
    Screening.State.DRAFT,
    Screening.State.SUBMITTED,
    Screening.State.NEEDS_RERECORD,
    Screening.State.SCORED,
)


def current_form() -> ConsentForm:
    """The newest published text. Raises NotFound when an administrator has published none."""
    form = ConsentForm.objects.filter(published_at__lte=timezone.now()).first()
    if form is None:
        raise NotFound("There is no consent text yet. Please ask your clinic.")
    return form


def standing(*, patient: Patient) -> Consent | None:
    """The consent that is in force, if any."""
    rows = Consent.objects.filter(patient=patient, withdrawn_at__isnull=True)
    return rows.select_related("form").first()


def is_current(consent: Consent | None) -> bool:
    """Whether this consent is to the newest text; an older one must be asked for again."""
    return consent is not None and consent.form_id == current_form().pk


def give(*, patient: Patient, form: ConsentForm, scopes: Collection[str]) -> Consent:
    """The patient accepts ``form`` with these scopes; an earlier consent is replaced by it.

    Raises Invalid (care missing, unknown scope), WrongState (the text is not the current one).
    """
    wanted = [scope.value for scope in Scope if scope.value in set(scopes)]
    if unknown := set(scopes) - set(wanted):
        raise Invalid(f"There is no such consent: {', '.join(sorted(unknown))}.", code="scope")
    if Scope.CARE.value not in wanted:
        raise Invalid("Without your consent to the screening itself we cannot begin.", code="care")
    if form.pk != current_form().pk:
        raise WrongState("There is a newer text. Please read that one.", code="old_form")
    with transaction.atomic():
        Patient.objects.select_for_update().get(pk=patient.pk)
        now = timezone.now()
        Consent.objects.filter(patient=patient, withdrawn_at__isnull=True).update(withdrawn_at=now)
        consent = Consent.objects.create(patient=patient, form=form, scopes=wanted)
        events.audit(
            by=patient.user, action="consent.given", target=consent, scopes=",".join(wanted)
        )
    return consent


def withdraw(*, patient: Patient, by: User) -> None:
    """Take the consent back: open screenings stop, nothing new is measured, and the clinic sees
    nothing any more of what there is. A later consent does not open it again.

    Raises NotAllowed, WrongState when there is none.
    """
    access.require(ActAsPatient, by, patient)
    with transaction.atomic():
        consent = standing(patient=patient)
        if consent is None:
            raise WrongState("There is no consent to take back.")
        standing_ones = Screening.objects.filter(patient=patient, withdrawn_at__isnull=True)
        locked = [
            lock_screening(pk) for pk in standing_ones.order_by("pk").values_list("pk", flat=True)
        ]
        now = timezone.now()
        Consent.objects.filter(pk=consent.pk).update(withdrawn_at=now)
        stopped = [
            row
            for row in locked
            if try_move(
                row,
                expected=STOPPED_BY_WITHDRAWAL,
                state=Screening.State.WITHDRAWN,
                withdrawn_at=now,
            )
        ]
        released = [row for row in locked if row.state == Screening.State.RELEASED]
        closed = [
            row
            for row in released
            if try_move(row, expected=[Screening.State.RELEASED], withdrawn_at=now)
        ]
        courses.forget(patient=patient)
        events.audit(by=by, action="consent.withdrawn", target=consent)
        for row in [*stopped, *closed]:
            events.append(screening=row, kind="screening.withdrawn")
