"""Erasure: nothing is left of a patient, proved by listing; no relation can be forgotten."""

import json
from collections.abc import Callable

import pytest
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.core import serializers
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models import ForeignKey, Model

from screening import queue
from screening.errors import Gone, NotAllowed, WrongState
from screening.models import (
    AccessEvent,
    AuditEntry,
    Consent,
    Event,
    Patient,
    Screening,
    Upload,
    User,
)
from screening.services import access, erasure, invitations, measuring, reviews, store, uploads
from tests.screening import factories as make

pytestmark = pytest.mark.django_db
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
    access.record_view(user=clinician, action="screening.viewed", screening=done)
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
    kept = {clip.storage_key for clip in other.clips.all()}
    by = make.AdminFactory()
    before = patient.pseudonym

    erasure.erase_patient(by=by, patient=patient)
    assert (queue.ERASE_PATIENT_FILES, str(patient.pk)) in measuring.due()
    assert erasure.erase_files(patient_id=patient.pk)

    assert set(stored()) == kept
    patient.refresh_from_db()
    assert (patient.name, patient.user, patient.pseudonym) == ("", None, before)
    assert patient.erased_at
    assert patient.erasure_proven_at
    assert not measuring.due()
    assert not Upload.objects.filter(clip__screening__patient=patient).exists()
    assert not User.objects.filter(email=EMAIL).exists()
    everything = everything_as_text()
    assert NAME not in everything
    assert EMAIL not in everything
    assert other.assessments.count() == 1


def everything_as_text() -> str:
    rows = [row for model in apps.get_models() for row in model._base_manager.all()]
    return serializers.serialize("json", rows)


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


def test_every_relation_to_a_patient_has_a_rule() -> None:
    """Fails when somebody adds a model that leads to a patient and forgets erasure."""
    found = set(relations_to(Patient))
    assert found == set(erasure.RULES), "state in erasure.RULES what happens to it, and do it"


def relations_to(target: type[Model]) -> list[str]:
    """Every foreign key of our models that leads to ``target``, directly or over others."""
    found: list[str] = []
    for model in apps.get_app_config("screening").get_models():
        for field in model._meta.get_fields():
            if isinstance(field, ForeignKey) and field.related_model is target:
                found.append(f"{model.__name__}.{field.name}")
                found += relations_to(model)
    return found


def test_free_text_and_json_columns_are_known() -> None:
    """Whatever can hold words or results is either deleted or said to hold ids only."""
    wide = {
        f"{model.__name__}.{field.name}"
        for model in apps.get_app_config("screening").get_models()
        for field in model._meta.get_fields()
        if field.__class__.__name__ in ("TextField", "JSONField")
    }
    assert wide == {
        "Assessment.result",  # deleted
        "AuditEntry.data",  # ids, codes and pseudonyms
        "Clip.announced",  # deleted
        "ClipMeasurement.measurement",  # deleted
        "Consent.scopes",
        "ConsentForm.text",
        "Event.data",  # ids and states
        "ModelBundle.metadata",
        "ModelBundle.sources",
        "ProtocolStep.instruction",
        "Review.note",  # deleted
        "Screening.rerecord_note",  # emptied
    }
    for entry in AuditEntry.objects.all():
        assert NAME not in json.dumps(entry.data)
