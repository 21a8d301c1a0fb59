"""Erasure of a patient: nothing that could lead back to a face or a name is left, and it is proved.

First a transaction stops all work, removes the name and the account, and is committed; only then
files are deleted, because a file cannot be rolled back. The store is listed again; when it holds
nothing of the patient, the rows about the files go too and the proof is dated. A crash in between
is finished by the sweeper. What stays: who consented to which text, that a screening took place,
the audit trail and the record of views, under a pseudonym that no longer leads to anybody.
"""

from uuid import UUID

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils import timezone

from screening import queue
from screening.errors import Conflict, WrongState
from screening.models import (
    Assessment,
    Clip,
    Consent,
    Intake,
    Invitation,
    Patient,
    Review,
    Screening,
    Upload,
    User,
)
from screening.permissions import ErasePatient
from screening.services import access, events, store
from screening.services.transitions import lock_screening

#: What happens to each relation that leads to a patient: ``model.field`` → what is done.
#: A test fails when a relation is added to the models and not to this table.
RULES: dict[str, str] = {
    "Consent.patient": "kept: evidence of what was allowed, under the pseudonym",
    "Invitation.patient": "deleted: it holds the e-mail address",
    "Screening.patient": "kept: evidence that it took place; its contents are deleted",
    "Screening.consent": "kept: under which consent it took place",
    "Intake.screening": "deleted",
    "Clip.screening": "deleted with its files",
    "Upload.clip": "deleted with its chunks",
    "UploadChunk.upload": "deleted with its object",
    "ClipMeasurement.clip": "deleted",
    "Assessment.screening": "deleted",
    "Review.screening": "deleted: the note may describe the person",
    "Review.assessment": "deleted with the review",
}


def erase_patient(*, by: User, patient: Patient) -> Patient:
    """Begin the erasure; it is finished by ``erase_files``, which is enqueued.

    Raises NotAllowed, WrongState (erased already).
    """
    access.require(ErasePatient, by, patient)
    now = timezone.now()
    with transaction.atomic():
        screenings = Screening.objects.filter(patient=patient).order_by("pk")
        locked = [lock_screening(pk) for pk in screenings.values_list("pk", flat=True)]
        rows = Patient.objects.filter(pk=patient.pk, erased_at__isnull=True)
        if not rows.update(erased_at=now, name="", user=None):
            raise WrongState("This patient was erased already.")
        Consent.objects.filter(patient=patient, withdrawn_at__isnull=True).update(withdrawn_at=now)
        screenings.update(state=Screening.State.WITHDRAWN, withdrawn_at=now, rerecord_note="")
        # A chunk that is under way finds its upload closed, and deletes its object itself.
        open_ones = Upload.objects.filter(clip__screening__patient=patient, state="open")
        open_ones.update(state="terminated")
        Invitation.objects.filter(patient=patient).delete()
        _delete_results(patient)
        _remove_account(patient, spare=by)
        events.audit(by=_still_there(by), action="patient.erased", target=patient)
        for screening in locked:
            screening.state = Screening.State.WITHDRAWN
            events.append(screening=screening, kind="screening.withdrawn")
        queue.enqueue_on_commit(queue.ERASE_PATIENT_FILES, str(patient.pk))
    patient.refresh_from_db()
    return patient


def erase_files(*, patient_id: UUID) -> bool:
    """Delete the files of an erased patient, list the store again, then delete the rows about them.

    Idempotent. False when the patient was not erased. Raises Conflict when something is left.
    """
    patient = Patient.objects.filter(pk=patient_id, erased_at__isnull=False).first()
    if patient is None:
        return False
    left = store.remove_folder(store.patient_folder(patient.pk), why="patient erased")
    if left:
        raise Conflict(f"{len(left)} files of an erased patient are still in the store.")
    with transaction.atomic():
        _delete_results(patient)
        Clip.objects.filter(screening__patient=patient).delete()
        Patient.objects.filter(pk=patient.pk).update(erasure_proven_at=timezone.now())
        events.audit(by=None, action="patient.erasure_proved", target=patient)
    return True


def _delete_results(patient: Patient) -> None:
    Review.objects.filter(screening__patient=patient).delete()
    Assessment.objects.filter(screening__patient=patient).delete()
    Intake.objects.filter(screening__patient=patient).delete()
    for clip in Clip.objects.filter(screening__patient=patient):
        clip.measurements.all().delete()


def _remove_account(patient: Patient, *, spare: User) -> None:
    """Delete the patient's own account, unless it also belongs to a clinician or administrator."""
    user = patient.user
    if user is None or user.is_staff or user.is_superuser or user.memberships.exists():
        return
    # The admin's own log repeats the address of each user who was edited there.
    edited = ContentType.objects.get_for_model(User)
    LogEntry.objects.filter(content_type=edited, object_id=str(user.pk)).delete()
    user.delete()


def _still_there(by: User) -> User | None:
    """Who asked, unless it was the patient, whose account is gone by now."""
    return User.objects.filter(pk=by.pk).first() if by.pk else None
