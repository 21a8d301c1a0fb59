"""Erasure of a patient: nothing that could lead back to a face or a name is left, and it is proved.

First a transaction stops all work, removes the name, the account and its sessions, and is
committed; only then files are deleted, because a file cannot be rolled back. The store is listed
again; when it holds nothing of the patient, the rows about the files go too, the database's own
traces are wiped and the proof is dated. A crash in between is finished by the sweeper. What stays:
who consented to which text, that a screening took place, the audit trail and the record of views,
under a pseudonym that no longer leads to anybody. ``erasure_rules`` says it column by column.
"""

import logging
from collections.abc import Iterable
from uuid import UUID

from allauth.account.models import EmailAddress
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from screening import queue
from screening.errors import Conflict, WrongState
from screening.live import person_changed
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
from screening.services import (
    access,
    courses,
    demo,
    erased,
    events,
    exports,
    sessions,
    store,
    traces,
)
from screening.services.erasure_rules import RULES as RULES
from screening.services.transitions import lock_screening

logger = logging.getLogger(__name__)


def erase_patient(*, by: User, patient: Patient) -> Patient:
    """Begin the erasure; it is finished by ``erase_files``, which is enqueued.

    Raises NotAllowed, WrongState (erased already).
    """
    access.require(ErasePatient, by, patient)
    with transaction.atomic():
        for record in (patient, *_twins(patient)):
            _erase(record.pk, by=by, action="patient.erased")
    patient.refresh_from_db()
    return patient


def erase_again(*, patient_ids: Iterable[UUID]) -> list[Patient]:
    """After a backup was restored: erase whoever was erased since it was made.

    Those whom this database does not know, or knows to be erased, are left out; the files of the
    latter are listed and their proof is dated anew. Returns those who were erased now.
    """
    known = Patient.objects.filter(pk__in=list(patient_ids))
    known.filter(erased_at__isnull=False).update(erasure_proven_at=None)
    again = list(known.filter(erased_at__isnull=True))
    for patient in again:
        with transaction.atomic():
            _erase(patient.pk, by=None, action="patient.erased_again")
    for patient_id in known.values_list("pk", flat=True):
        queue.enqueue_on_commit(queue.ERASE_PATIENT_FILES, str(patient_id))
    return again


def catch_up() -> list[Patient]:
    """An old database in front of its newer store: erase whom the store remembers as erased."""
    waiting = Patient.objects.filter(pk__in=erased.marked(), erased_at__isnull=True)
    return erase_again(patient_ids=list(waiting.values_list("pk", flat=True)))


def erased_ids() -> set[UUID]:
    """Whose erasure this installation remembers: what a backup must carry along, and what
    ``erase_again`` is given after an older one was restored. The store keeps a mark of each, so
    that an old database in front of the newer store finds them too."""
    rows = Patient.objects.filter(erased_at__isnull=False)
    return {*rows.values_list("pk", flat=True), *erased.marked()}


def erase_files(*, patient_id: UUID) -> bool:
    """Delete the files of an erased patient, list the store again, then delete the rows about them
    and what the database's own files still hold.

    Outside a transaction only. Idempotent. False when the patient was not erased. Raises Conflict
    when something is left.
    """
    patient = Patient.objects.filter(pk=patient_id, erased_at__isnull=False).first()
    if patient is None:
        return False
    erased.mark(patient.pk)
    left = store.remove_folder(store.patient_folder(patient.pk), why="patient erased")
    if left:
        raise Conflict(f"{len(left)} files of an erased patient are still in the store.")
    for export in exports.clean().unreachable:
        logger.warning("export %s holds files of erased patients and is not here", export.pk)
    with transaction.atomic():
        _delete_results(patient)
        Clip.objects.filter(screening__patient=patient).delete()
    traces.wipe()
    with transaction.atomic():
        Patient.objects.filter(pk=patient.pk).update(erasure_proven_at=timezone.now())
        events.audit(by=None, action="patient.erasure_proved", target=patient)
    return True


def _erase(patient_id: UUID, *, by: User | None, action: str) -> None:
    """The transaction's part, for one record."""
    now = timezone.now()
    screenings = Screening.objects.filter(patient=patient_id).order_by("pk")
    locked = [lock_screening(pk) for pk in screenings.values_list("pk", flat=True)]
    # As it is now: an invitation may have been accepted since the caller read it.
    patient = Patient.objects.select_for_update().get(pk=patient_id)
    addresses = _addresses(patient)
    rows = Patient.objects.filter(pk=patient.pk, erased_at__isnull=True)
    if not rows.update(erased_at=now, name="", user=None):
        raise WrongState("This patient was erased already.")
    _close_sockets(patient)
    Consent.objects.filter(patient=patient, withdrawn_at__isnull=True).update(withdrawn_at=now)
    screenings.update(state=Screening.State.WITHDRAWN, withdrawn_at=now, rerecord_note="")
    # A chunk that is under way finds its upload closed, and deletes its object itself.
    open_ones = Upload.objects.filter(clip__screening__patient=patient, state="open")
    open_ones.update(state="terminated")
    Invitation.objects.filter(patient=patient).delete()
    _delete_results(patient)
    _remove_account(patient.user, addresses)
    events.audit(by=_still_there(by), action=action, target=patient)
    for screening in locked:
        screening.state = Screening.State.WITHDRAWN
        events.append(screening=screening, kind="screening.withdrawn")
    queue.enqueue_on_commit(queue.ERASE_PATIENT_FILES, str(patient.pk))


def _close_sockets(patient: Patient) -> None:
    """Before the events that follow: what is said of an erased person is no longer theirs."""
    user_id = patient.user_id
    if user_id is not None:
        transaction.on_commit(lambda: person_changed(user_id))


def _delete_results(patient: Patient) -> None:
    courses.forget(patient=patient)
    Review.objects.filter(screening__patient=patient).delete()
    Assessment.objects.filter(screening__patient=patient).delete()
    Intake.objects.filter(screening__patient=patient).delete()
    for clip in Clip.objects.filter(screening__patient=patient):
        clip.measurements.all().delete()


def _addresses(patient: Patient) -> set[str]:
    """Every e-mail address by which the site knows this patient."""
    found = set(patient.invitations.values_list("email", flat=True))
    if patient.user is not None:
        found.add(patient.user.email)
        found.update(EmailAddress.objects.filter(user=patient.user).values_list("email", flat=True))
    return {address.lower() for address in found if address}


def _twins(patient: Patient) -> list[Patient]:
    """Records of the same clinic that were made for an invitation to the same address and never
    used: the same person, invited twice."""
    same = Patient.objects.filter(
        site=patient.site,
        user__isnull=True,
        erased_at__isnull=True,
        invitations__email__in=_addresses(patient),
    )
    return list(same.exclude(pk=patient.pk).distinct())


def _remove_account(user: User | None, addresses: set[str]) -> None:
    """Delete the patient's own account with its sessions, and what else repeats the address.

    An account that is also a clinician's or an administrator's stays, or their signature would go.
    """
    if user is not None and _is_staff(user):
        addresses = addresses - {user.email.lower()}
        user = None
    sessions.end_all(user_id=user.pk if user else None, addresses=addresses)
    demo.forget(addresses=addresses)
    # The admin's own log repeats the address of each user who was edited there.
    repeats = Q(pk__isnull=True)
    for address in addresses:
        repeats |= Q(object_repr__icontains=address) | Q(change_message__icontains=address)
    if user is not None:
        edited = ContentType.objects.get_for_model(User)
        repeats |= Q(content_type=edited, object_id=str(user.pk))
        user.delete()
    LogEntry.objects.filter(repeats).delete()


def _is_staff(user: User) -> bool:
    at_work = user.is_staff or user.is_superuser or user.memberships.exists()
    return at_work or user.reviews.exists()


def _still_there(by: User | None) -> User | None:
    """Who asked, unless it was the patient, whose account is gone by now."""
    return User.objects.filter(pk=by.pk).first() if by is not None and by.pk else None
