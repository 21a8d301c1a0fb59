"""Whoever is erased, everybody else of the same clinic keeps all that is theirs."""

import json
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from screening import queue
from screening.models import (
    Assessment,
    AuditEntry,
    Clip,
    ClipMeasurement,
    Consent,
    Event,
    Intake,
    Invitation,
    Patient,
    Review,
    Screening,
    Site,
    Upload,
    UploadChunk,
    User,
)
from screening.services import erased, erasure, invitations, measuring, reviews, uploads
from tests.screening import factories as make
from tests.screening.trail import named, what_is_left

# Committed for real: a database's file is not written anew inside a transaction.
pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def somebody(site: Site, clinician: User, email: str) -> Patient:
    """A patient with everything there can be."""
    invitation, token = invitations.invite(by=clinician, site=site, name=email, email=email)
    user = invitations.accept(token=token, email=email, password=make.PASSWORD)
    patient = Patient.objects.get(pk=invitation.patient_id)
    done = make.scored(patient)
    Intake.objects.create(screening=done, age_years=70)
    reviews.sign_off(by=clinician, screening=done, grade=2, note=email)
    Screening.objects.filter(pk=done.pk).update(rerecord_note="Light.")
    draft = make.draft(patient)
    upload = uploads.create(by=user, clip=make.clip_of(draft, "rest"))
    uploads.append(by=user, upload=upload, offset=0, data=b"some of it")
    EmailAddress.objects.create(user=user, email=email, verified=True)
    Client().force_login(user)
    LogEntry.objects.log_actions(make.AdminFactory().pk, User.objects.filter(pk=user.pk), CHANGE)
    return patient


def all_of(patient: Patient) -> dict[str, list[dict[str, Any]]]:
    """Every row that is about this patient."""
    user = patient.user_id
    rows = {
        "patient": Patient.objects.filter(pk=patient.pk),
        "account": User.objects.filter(pk=user),
        "address": EmailAddress.objects.filter(user=user),
        "log": LogEntry.objects.filter(object_id=str(user)),
        "invitation": Invitation.objects.filter(patient=patient),
        "consent": Consent.objects.filter(patient=patient),
        "screening": Screening.objects.filter(patient=patient),
        "intake": Intake.objects.filter(screening__patient=patient),
        "review": Review.objects.filter(screening__patient=patient),
        "assessment": Assessment.objects.filter(screening__patient=patient),
        "clip": Clip.objects.filter(screening__patient=patient),
        "measurement": ClipMeasurement.objects.filter(clip__screening__patient=patient),
        "upload": Upload.objects.filter(clip__screening__patient=patient),
        "chunk": UploadChunk.objects.filter(upload__clip__screening__patient=patient),
        "event": Event.objects.filter(stream_id=f"patient:{patient.pk}"),
    }
    return {name: list(found.order_by("pk").values()) for name, found in rows.items()}


def sessions_of(patient: Patient) -> int:
    user = str(patient.user_id)
    return sum(row.get_decoded().get("_auth_user_id") == user for row in Session.objects.all())


@pytest.fixture
def two() -> tuple[Patient, Patient]:
    site = make.SiteFactory()
    clinician = make.ClinicianFactory(site=site)
    ada, bob = (somebody(site, clinician, f"{name}@example.org") for name in ("ada", "bob"))
    return ada, bob


def test_the_other_keeps_everything(two: tuple[Patient, Patient]) -> None:
    ada, bob = two
    before = all_of(bob)
    lacking = [name for name, rows in before.items() if not rows]
    assert not lacking, "of each kind there is something to lose"
    assert sessions_of(bob) == 1
    with make.committed():
        erasure.erase_patient(by=make.AdminFactory(), patient=ada)
    assert all_of(bob) == before
    assert sessions_of(bob) == 1
    at_once = all_of(Patient.objects.get(pk=ada.pk))
    for name in ("review", "assessment", "intake", "measurement", "invitation"):
        assert at_once[name] == [], "what says something of the person goes before the files"
    assert sorted(row["state"] for row in at_once["upload"]) == [
        "completed",
        "completed",
        "terminated",
    ]
    assert erasure.erase_files(patient_id=ada.pk)
    assert all_of(bob) == before
    left = all_of(Patient.objects.get(pk=ada.pk))
    assert sorted(name for name, rows in left.items() if rows) == [
        "consent",
        "event",
        "patient",
        "screening",
    ]


def test_what_was_done_before_keeps_its_date(two: tuple[Patient, Patient]) -> None:
    """A consent that was withdrawn earlier was withdrawn then; and the proof has a date."""
    ada, _ = two
    given = Consent.objects.get(patient=ada)
    make.consent(ada, "care", "research")
    given.refresh_from_db()
    then = given.withdrawn_at
    asked = timezone.now()
    row = erasure.erase_patient(by=make.AdminFactory(), patient=ada)
    assert row.erased_at is not None
    assert row.erased_at > asked
    given.refresh_from_db()
    assert given.withdrawn_at == then
    assert {one.withdrawn_at for one in Consent.objects.filter(patient=ada)} == {
        then,
        row.erased_at,
    }
    assert erasure.erase_files(patient_id=ada.pk)
    row.refresh_from_db()
    assert row.erasure_proven_at is not None
    assert row.erasure_proven_at > row.erased_at
    proofs = AuditEntry.objects.filter(action="patient.erasure_proved")
    assert [(one.actor, one.target) for one in proofs] == [(None, named(ada))]
    assert ada.pk in erased.marked()


def test_a_patient_who_asks_leaves_no_name_in_the_trail(two: tuple[Patient, Patient]) -> None:
    ada, bob = two
    clinician = make.AdminFactory()
    erasure.erase_patient(by=ada.user, patient=ada)
    erasure.erase_patient(by=clinician, patient=bob)
    rows = AuditEntry.objects.filter(action="patient.erased").order_by("created_at", "pk")
    assert [(one.actor, one.target) for one in rows] == [
        (None, named(ada)),
        (clinician, named(bob)),
    ]


def test_an_old_database_erases_whom_its_store_remembers(two: tuple[Patient, Patient]) -> None:
    ada, bob = two
    assert erasure.catch_up() == []
    erased.mark(ada.pk)
    assert erasure.erased_ids() == {ada.pk}
    with what_is_left(ada) as left:
        assert erasure.catch_up() == [ada]
    assert left.trail == [("patient.erased_again", None, named(ada), {})]
    assert set(left.asked) == {(queue.ERASE_PATIENT_FILES, (str(ada.pk),))}
    assert erasure.catch_up() == []
    bob.refresh_from_db()
    assert bob.erased_at is None
    erased.mark(bob.pk)
    assert erasure.erased_ids() == {ada.pk, bob.pk}


def test_whose_files_are_gone_already_is_proved_anew(two: tuple[Patient, Patient]) -> None:
    ada, bob = two
    for patient in two:
        erasure.erase_patient(by=make.AdminFactory(), patient=patient)
        assert erasure.erase_files(patient_id=patient.pk)
    assert erasure.erase_again(patient_ids=[ada.pk]) == []
    ada.refresh_from_db()
    bob.refresh_from_db()
    assert ada.erasure_proven_at is None, "listed again, and dated anew"
    assert bob.erasure_proven_at is not None
    assert measuring.due() == [(queue.ERASE_PATIENT_FILES, str(ada.pk))]
    assert erasure.erase_files(patient_id=ada.pk)
    assert not measuring.due()


def test_a_record_that_is_somebody_is_no_twin() -> None:
    """The same address again: an account's record, and one that was erased before."""
    site = make.SiteFactory()
    clinician = make.ClinicianFactory(site=site)
    ada = somebody(site, clinician, "ada@example.org")

    def invited(**changes: Any) -> Patient:
        made, _ = invitations.invite(by=clinician, site=site, name="A.", email="ada@example.org")
        Patient.objects.filter(pk=made.patient_id).update(**changes)
        return Patient.objects.get(pk=made.patient_id)

    account = invited(user=make.UserFactory())
    before = timezone.now()
    gone = invited(erased_at=before, name="")
    unused = [invited(), invited()]
    invitations.invite(by=clinician, site=site, name="B.", email="")
    nameless = Patient.objects.get(name="B.")
    erasure.erase_patient(by=make.AdminFactory(), patient=ada)
    for patient in (account, gone, nameless, *unused):
        patient.refresh_from_db()
    assert (account.erased_at, nameless.erased_at, gone.erased_at) == (None, None, before)
    assert all(patient.erased_at for patient in unused)


def test_the_demos_list_of_accounts_forgets_who_is_erased(
    two: tuple[Patient, Patient], settings: Settings, tmp_path: Path
) -> None:
    """What ``make run`` wrote down holds an address and its password."""
    settings.VAR = tmp_path
    listed = tmp_path / "demo.json"
    accounts = {
        "patient": {"email": "ada@example.org", "password": "x"},
        "other": {"email": "bob@example.org", "password": "y"},
    }
    listed.write_text(json.dumps({"url": "http://here/", "accounts": accounts}))
    erasure.erase_patient(by=make.AdminFactory(), patient=two[0])
    assert json.loads(listed.read_text()) == {
        "url": "http://here/",
        "accounts": {"other": accounts["other"]},
    }
    assert listed.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["demo.json"]
