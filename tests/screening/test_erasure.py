"""Erasure: who may, what stays, what happens to work in flight. What is left: ``test_traces``."""

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from screening import queue
from screening.errors import Conflict, Gone, NotAllowed, WrongState
from screening.models import (
    AccessEvent,
    AuditEntry,
    Consent,
    Event,
    ExportedClip,
    Membership,
    Patient,
    Screening,
    Upload,
    User,
    Viewing,
)
from screening.services import (
    access,
    cohort,
    erased,
    erasure,
    exports,
    invitations,
    measuring,
    reviews,
    sessions,
    store,
    uploads,
)
from tests.screening import factories as make

# Committed for real: a database's file is not written anew inside a transaction.
pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
Stored = Callable[[], list[str]]
NAME = "Ada Augusta Byron"
EMAIL = "ada.byron@example.org"


@pytest.fixture
def patient() -> Patient:
    """A patient with everything there can be: results, a review, a draft that is uploading."""
    site = make.SiteFactory()
    clinician = make.ClinicianFactory(site=site)
    _, token = invitations.invite(by=clinician, site=site, name=NAME, email=EMAIL)
    invitations.accept(token=token, email=EMAIL, password=make.PASSWORD)
    patient = Patient.objects.get(site=site)
    done = make.scored(patient)
    reviews.sign_off(by=clinician, screening=done, grade=2, note=f"{NAME} seemed tired.")
    access.record_view(user=clinician, action=Viewing.SCREENING, screening=done)
    draft = make.draft(patient)
    by, clip = make.person(draft), make.clip_of(draft, "rest")
    upload = uploads.create(by=by, clip=clip)
    uploads.append(by=by, upload=upload, offset=0, data=b"some of it")
    first = done.clips.all()[0]
    default_storage.save(store.playback_key(first), ContentFile(b"a copy"))
    admin = make.AdminFactory()
    LogEntry.objects.log_actions(admin.pk, User.objects.filter(email=EMAIL), CHANGE)
    return patient


def test_nothing_is_left(patient: Patient, stored: Stored) -> None:
    other = make.scored()
    make.read_together()
    kept = {clip.storage_key for clip in other.clips.all()}
    by = make.AdminFactory()
    before = patient.pseudonym

    erasure.erase_patient(by=by, patient=patient)
    assert (queue.ERASE_PATIENT_FILES, str(patient.pk)) in measuring.due()
    assert erasure.erase_files(patient_id=patient.pk)

    assert set(stored()) == kept
    assert erased.marked() == {patient.pk}
    patient.refresh_from_db()
    assert (patient.name, patient.user, patient.pseudonym) == ("", None, before)
    assert patient.erased_at
    assert patient.erasure_proven_at
    assert not measuring.due()
    assert not Upload.objects.filter(clip__screening__patient=patient).exists()
    assert not User.objects.filter(email=EMAIL).exists()
    assert other.assessments.count() == 1


def test_evidence_stays_under_the_pseudonym(patient: Patient) -> None:
    erasure.erase_patient(by=make.AdminFactory(), patient=patient)
    erasure.erase_files(patient_id=patient.pk)
    screenings = Screening.objects.filter(patient=patient)
    assert {row.state for row in screenings} == {"withdrawn"}
    assert Consent.objects.filter(patient=patient, withdrawn_at__isnull=False).exists()
    assert AccessEvent.objects.filter(screening_id__in=screenings).exists()
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"patient.erased", "patient.erasure_proved", "screening.submitted"} <= actions
    assert Event.objects.filter(kind="screening.withdrawn").count() == 4


def test_a_patient_may_erase_themselves(patient: Patient) -> None:
    user = patient.user
    assert user is not None
    erasure.erase_patient(by=user, patient=patient)
    assert not User.objects.filter(pk=user.pk).exists()
    assert AuditEntry.objects.get(action="patient.erased").actor is None


def test_others_may_not(patient: Patient) -> None:
    clinician = make.ClinicianFactory(site=patient.site)
    for by in (clinician, make.UserFactory(), make.person(make.draft())):
        with pytest.raises(NotAllowed):
            erasure.erase_patient(by=by, patient=patient)


def test_second_time(patient: Patient) -> None:
    by = make.AdminFactory()
    erasure.erase_patient(by=by, patient=patient)
    with pytest.raises(WrongState):
        erasure.erase_patient(by=by, patient=patient)


def test_nobody_is_erased_by_the_task_alone(patient: Patient, stored: Stored) -> None:
    before = stored()
    assert not erasure.erase_files(patient_id=patient.pk)
    assert stored() == before


def test_work_in_flight_writes_nothing_back(patient: Patient, stored: Stored) -> None:
    """A worker that had claimed a clip before comes back after the erasure."""
    draft = Screening.objects.get(patient=patient, state="draft")
    clip = make.send(make.clip_of(draft, "smile"))
    claim = measuring.claim_clip(clip_id=clip.pk, seconds=60)
    assert claim is not None
    erasure.erase_patient(by=make.AdminFactory(), patient=patient)
    body = make.measurement("smile")
    assert measuring.store_measurement(claim=claim, measurement=body) is None
    erasure.erase_files(patient_id=patient.pk)
    assert measuring.store_measurement(claim=claim, measurement=body) is None
    measuring.give_back(claim=claim, why="measuring_fault")
    assert stored() == []


class ErasedMeanwhile:
    """A chunk during whose way the patient is erased."""

    def __init__(self, patient: Patient, files: bool) -> None:
        self.patient, self.files, self.blocks = patient, files, [b"the rest"]

    def read(self, size: int = -1, /) -> bytes:
        if self.blocks:
            erasure.erase_patient(by=make.AdminFactory(), patient=self.patient)
            if self.files:
                erasure.erase_files(patient_id=self.patient.pk)
        return self.blocks.pop() if self.blocks else b""


@pytest.mark.parametrize("files", [False, True])
def test_a_chunk_under_way_leaves_nothing(patient: Patient, stored: Stored, files: bool) -> None:
    upload = Upload.objects.get(clip__screening__patient=patient, state="open")
    by = patient.user
    assert by is not None
    before = stored()
    data = ErasedMeanwhile(patient, files)
    with pytest.raises(Gone):
        uploads.append(by=by, upload=upload, offset=upload.offset, data=data)
    assert stored() == ([] if files else before)


def erase(patient: Patient) -> None:
    erasure.erase_patient(by=make.AdminFactory(), patient=patient)
    assert erasure.erase_files(patient_id=patient.pk)


def test_an_erased_patient_is_not_reviewed(patient: Patient) -> None:
    """Not for want of a state: nobody may."""
    screening = Screening.objects.exclude(state="draft").get(patient=patient)
    clinician = make.ClinicianFactory(site=patient.site)
    erase(patient)
    screening.refresh_from_db()
    with pytest.raises(NotAllowed):
        reviews.sign_off(by=clinician, screening=screening, grade=1)
    assert screening.rerecord_note == ""


def test_the_account_of_somebody_who_works_here_stays(patient: Patient) -> None:
    """A clinician may be a patient too; the account is theirs, and what they signed."""
    user = patient.user
    assert user is not None
    there = Membership.objects.create(user=user, site=make.SiteFactory())
    erase(patient)
    user.refresh_from_db()
    assert user.email == EMAIL
    assert user.memberships.get() == there
    patient.refresh_from_db()
    assert (patient.user, patient.name) == (None, "")


def test_the_account_of_somebody_who_signed_reviews_stays(patient: Patient) -> None:
    """They left the clinic since; deleting the account would take the signature along."""
    user = patient.user
    assert user is not None
    other = make.scored()
    there = Membership.objects.create(user=user, site=other.site)
    signed = reviews.sign_off(by=user, screening=other, grade=3)
    there.delete()
    erase(patient)
    signed.refresh_from_db()
    assert signed.reviewer == user


def test_a_record_of_an_unused_invitation_goes_along(patient: Patient) -> None:
    """Invited twice by mistake; at another clinic it is not this one's to erase."""
    clinician = make.ClinicianFactory(site=patient.site)
    elsewhere = make.ClinicianFactory()
    invite = invitations.invite
    twin, _ = invite(by=clinician, site=patient.site, name="A. Byron", email=EMAIL.upper())
    other, _ = invite(by=clinician, site=patient.site, name="Bob", email="bob@example.org")
    site = elsewhere.memberships.get().site
    theirs, _ = invite(by=elsewhere, site=site, name="Ada", email=EMAIL)
    erase(patient)
    names = Patient.objects.filter(pk__in=[i.patient_id for i in (twin, other, theirs)])
    assert sorted(names.values_list("name", flat=True)) == ["", "Ada", "Bob"]


def test_an_account_made_since_the_row_was_read_goes_too() -> None:
    site = make.SiteFactory()
    clinician = make.ClinicianFactory(site=site)
    invitation, token = invitations.invite(by=clinician, site=site, name=NAME, email=EMAIL)
    read_before = Patient.objects.get(pk=invitation.patient_id)
    assert read_before.user is None
    invitations.accept(token=token, email=EMAIL, password=make.PASSWORD)
    erase(read_before)
    assert not User.objects.filter(email=EMAIL).exists()


def test_sessions_end_with_the_account_and_nobody_elses(
    patient: Patient, client_of: Callable[[User | None], object]
) -> None:
    client_of(patient.user)
    client_of(patient.user)
    other = make.UserFactory()
    client_of(other)
    unreadable = Session.objects.create(
        session_key="k", session_data=f"signed otherwise {EMAIL}", expire_date=timezone.now()
    )
    erase(patient)
    assert not Session.objects.filter(pk=unreadable.pk).exists()
    assert [row.get_decoded()["_auth_user_id"] for row in Session.objects.all()] == [str(other.pk)]


def test_expired_sessions_are_cleared_away(client_of: Callable[[User | None], object]) -> None:
    client_of(make.UserFactory())
    client_of(make.UserFactory())
    over = Session.objects.all()[0]
    Session.objects.filter(pk=over.pk).update(expire_date=timezone.now())
    assert sessions.clear_expired() == 1
    assert over not in Session.objects.all()
    assert Session.objects.count() == 1


def test_no_proof_while_somebody_still_reads_what_was(patient: Patient) -> None:
    """A reader keeps the write-ahead log alive, and with it what was deleted."""
    if connection.vendor != "sqlite":
        pytest.skip("SQLite's own matter")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout=50")
    erasure.erase_patient(by=make.AdminFactory(), patient=patient)
    reader = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM screening_patient").fetchone()
    with pytest.raises(Conflict):
        erasure.erase_files(patient_id=patient.pk)
    assert (queue.ERASE_PATIENT_FILES, str(patient.pk)) in measuring.due()
    reader.execute("COMMIT")
    assert erasure.erase_files(patient_id=patient.pk)
    assert not measuring.due()


def test_who_was_erased_since_a_backup_is_erased_again(patient: Patient, stored: Stored) -> None:
    """The database of before is in front of the store of after, or both are restored."""
    stays = make.scored()
    make.read_together()
    erased.mark(patient.pk)
    erased.mark(uuid4())
    again = erasure.erase_again(patient_ids=erasure.erased_ids())
    assert again == [patient]
    assert erasure.erase_files(patient_id=patient.pk)
    patient.refresh_from_db()
    assert (patient.name, patient.user) == ("", None)
    assert {key.split("/")[1] for key in stored()} == {stays.patient_id.hex}
    assert AuditEntry.objects.filter(action="patient.erased_again").count() == 1
    # A second time nobody is erased, and the files are listed anew: they may be back.
    default_storage.save(f"{store.patient_folder(patient.pk)}/back", ContentFile(b"again"))
    assert erasure.erase_again(patient_ids=erasure.erased_ids()) == []
    assert (queue.ERASE_PATIENT_FILES, str(patient.pk)) in measuring.due()
    assert erasure.erase_files(patient_id=patient.pk)
    assert not measuring.due()


def exported(tmp_path: Path) -> tuple[Patient, Path]:
    """A patient's and somebody else's recordings in an export folder."""
    for patient in (make.PatientFactory(), make.PatientFactory()):
        make.consent(patient, "care", "training")
        make.scored(patient)
    assert cohort.export(folder=tmp_path / "export").subjects == 2
    return patient, tmp_path / "export"


def test_exported_files_are_deleted_and_nobody_elses(tmp_path: Path) -> None:
    patient, folder = exported(tmp_path)
    mine = cohort.subject_code(patient)
    before = {path.name for path in folder.iterdir()}
    erase(patient)
    left = {path.name for path in folder.iterdir()}
    assert left == {name for name in before if not name.startswith(mine)}
    manifest = (folder / exports.MANIFEST).read_text()
    assert mine not in manifest
    assert len(manifest.splitlines()) == len(left)
    assert not ExportedClip.objects.filter(screening__patient=patient).exists()


def test_exports_that_are_elsewhere_stay_listed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    patient, folder = exported(tmp_path)
    folder.rename(tmp_path / "moved")
    with caplog.at_level(logging.WARNING):
        erase(patient)
    patient.refresh_from_db()
    assert patient.erasure_proven_at
    [export] = exports.clean().unreachable
    assert str(export.pk) in caplog.text
    # Where the folder is again, the command finds it …
    (tmp_path / "moved").rename(folder)
    assert exports.clean().deleted == 2
    assert exports.clean().unreachable == []
    # … and what is gone for good an administrator takes off the list.
    with pytest.raises(NotAllowed):
        exports.forget(by=make.ClinicianFactory(), export=export)
    exports.forget(by=make.AdminFactory(), export=export)
    assert AuditEntry.objects.filter(action="export.gone").count() == 1


class Refusing(BaseEmailBackend):
    """A mail server that answers with the address that it refuses, as they do."""

    def send_messages(self, messages: list[EmailMessage]) -> int:
        raise OSError(f"550 <{messages[0].to[0]}>: unknown user")


def test_an_invitation_that_cannot_be_sent_leaves_no_address_in_the_log(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Refusing"
    clinician = make.ClinicianFactory()
    site = clinician.memberships.get().site
    made, _ = invitations.invite(
        by=clinician, site=site, name=NAME, email=EMAIL, base_url="https://mimia.example"
    )
    assert made.was_mailed is False
    assert str(made.pk) in caplog.text
    assert EMAIL not in caplog.text


def test_the_page_asks_who_it_is_and_for_the_word(client_of: Callable[[User | None], Any]) -> None:
    patient = make.PatientFactory()
    assert patient.user is not None
    client = client_of(None)
    client.post("/accounts/login/", {"login": patient.user.email, "password": make.PASSWORD})
    page = reverse("erase")
    asked = client.get(page)
    assert (asked.status_code, "reauthenticate" in asked.headers["Location"]) == (302, True)
    client.post(asked.headers["Location"], {"password": make.PASSWORD})
    for typed in ("", "no", "delete me", "erase"):
        answer = client.post(page, {"typed": typed})
        assert answer.status_code == 422
        assert "Nothing was deleted" in answer.content.decode()
    patient.refresh_from_db()
    assert patient.erased_at is None
    assert client.post(page, {"typed": " Delete. "}).status_code == 200
    patient.refresh_from_db()
    assert patient.erased_at
    assert client.get(page).headers["Location"].startswith(reverse("account_login"))
