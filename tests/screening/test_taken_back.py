"""Taken back means closed: every address of the site × every way in which a patient can say so.

A canary lies in everything that a screening holds. With the screening open, each canary is seen by
a reader (else this test could not fail); closed, no address shows one to anybody but the patient.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.http import HttpResponseBase
from django.test import Client as PageClient
from django.urls import reverse

from screening.errors import DomainError
from screening.models import Clip, CourseResult, Screening, User
from screening.services import (
    clips,
    cohort,
    comparison,
    consents,
    erasure,
    measuring,
    media,
    reviews,
    screenings,
    uploads,
)
from tests.screening import factories as make
from tests.test_permission_matrix import RULES, Case, address, routes

pytestmark = pytest.mark.django_db
CANARIES = {
    "film": "canary-film",
    "measurement": "canary-measurement",
    "result": "canary-result",
    "course": "canary-course",
    "note": "canary-note",
    "asked": "canary-asked-again",
    "skipped": "canary-skipped",
    "camera": "canary-camera",
    "age": "119",
}
#: Kept for the measuring alone: a page that begins to show it is noticed here.
SHOWN_NOWHERE = {"camera"}


@dataclass(frozen=True)
class Held:
    """A screening with a canary in everything it holds, and those who could read it."""

    screening: Screening
    clinician: User
    admin: User
    case: Case


@pytest.fixture
def held() -> Held:
    patient = make.PatientFactory(
        site__release_policy="after_review",
        site__protocol=make.ProtocolFactory(expressions=["rest", "smile", "anger"]),
    )
    make.consent(patient, "care", "research", "training")
    clinician, admin = make.ClinicianFactory(site=patient.site), make.AdminFactory()
    bundle = make.active_bundle()
    screening = screenings.start(patient=patient)
    by = make.person(screening)
    screenings.save_intake(by=by, screening=screening, answers={"age_years": 119})
    film = (CANARIES["film"] * 50).encode()
    for name in ("rest", "smile"):
        measure(send(screening, name, film), name)
    clips.skip(by=by, clip=make.clip_of(screening, "anger"), reason=CANARIES["skipped"])
    screenings.submit(by=by, screening=screening)
    make.assess(screening, words=CANARIES["result"])
    screenings.request_rerecord(
        by=clinician, screening=screening, steps=["smile"], note=CANARIES["asked"]
    )
    measure(send(screening, "smile", film), "smile")
    screenings.submit(by=by, screening=screening)
    make.assess(screening)
    reviews.sign_off(by=clinician, screening=screening, grade=3, note=CANARIES["note"])
    screening = screenings.release(by=clinician, screening=screening)
    make.read_together()
    for row in CourseResult.objects.all():
        row.result["bundle"]["name"] = CANARIES["course"]
        row.save()
    smile = make.clip_of(screening, "smile")
    ids = {
        "site": str(patient.site_id),
        "screening": str(screening.pk),
        "clip": str(smile.pk),
        "media": media.address(by=clinician, clip=smile).url.split("/")[-2],
        "upload": str(screening.pk),
        "invitation": str(screening.pk),
        "token": "no-such-token",
        "user": str(by.pk),
        "form": str(consents.current_form().pk),
    }
    assert bundle.status == "active"
    return Held(screening, clinician, admin, Case({}, patient.site, screening, ids, ()))


def send(screening: Screening, expression: str, film: bytes) -> Clip:
    by, clip = make.person(screening), make.clip_of(screening, expression)
    upload = uploads.create(by=by, clip=clip, mime_type="video/webm")
    uploads.append(by=by, upload=upload, offset=0, data=film)
    return uploads.complete(
        by=by,
        upload=upload,
        size=len(film),
        sha256=hashlib.sha256(film).hexdigest(),
        announced={"seconds": 3.0, "camera": {"label": CANARIES["camera"]}},
    )


def measure(clip: Clip, expression: str) -> None:
    claim = measuring.claim_clip(clip_id=clip.pk, seconds=60)
    assert claim is not None
    body = {**make.measurement(expression), "detail": CANARIES["measurement"]}
    assert measuring.store_measurement(claim=claim, measurement=body)


def addresses(held: Held) -> Iterator[str]:
    """Everything that can be read: the site's own routes, and each row's page in the admin."""
    for name, pattern in routes():
        path = None if name.startswith("admin:") else address(name, pattern, held.case)
        if path and "GET" in RULES.get(name, {}):
            yield path + RULES[name]["GET"].query.format(**held.case.ids)
    for clip in Clip.objects.filter(screening=held.screening):
        for view in ("api-clip", "api-clip-video", "api-clip-measurement"):
            yield reverse(view, args=[clip.pk])
    for model in apps.get_app_config("screening").get_models():
        page = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"{page}_changelist")
        for row in model._default_manager.order_by("-pk")[:4]:
            yield reverse(f"{page}_change", args=[row.pk])


def seen(held: Held) -> dict[str, list[str]]:
    """Canary → where anybody but the patient reads it."""
    found: dict[str, list[str]] = {}
    for reader in (held.clinician, held.admin):
        client = PageClient()
        client.force_login(reader, backend="django.contrib.auth.backends.ModelBackend")
        for path in addresses(held):
            answer = client.get(path, follow=path.endswith("/video/"))
            assert answer.status_code < 500 or path == "/readyz", path
            text = content(answer)
            for name, canary in CANARIES.items():
                marked = f'"age_years":{canary}' if name == "age" else canary
                if marked in text or (name == "age" and f">{canary}<" in text):
                    found.setdefault(name, []).append(path)
    return found


def content(answer: HttpResponseBase) -> str:
    body: Any = answer
    whole = b"".join(body.streaming_content) if answer.streaming else body.content
    return str(whole.decode(errors="replace"))


def take_back(held: Held, way: str) -> None:
    patient, by = held.screening.patient, make.person(held.screening)
    if way == "screening":
        screenings.withdraw(by=by, screening=held.screening)
    elif way == "erased":
        erasure.erase_patient(by=held.admin, patient=patient)
    elif way == "erased with files":
        erasure.erase_patient(by=held.admin, patient=patient)
        erasure.erase_files(patient_id=patient.pk)
    else:
        consents.withdraw(patient=patient, by=by)
        if way == "consented again":
            make.consent(patient, "care", "training")


#: Files are erased outside a transaction only: the database's own file is written anew then.
COMMITTED = pytest.mark.django_db(transaction=True, serialized_rollback=True)
WAYS = [
    *("screening", "consent", "consented again", "erased"),
    pytest.param("erased with files", marks=COMMITTED),
]


def test_open_it_is_read(held: Held) -> None:
    assert set(seen(held)) == set(CANARIES) - SHOWN_NOWHERE


@pytest.mark.parametrize("way", WAYS)
def test_closed_nobody_reads_anything_of_it(held: Held, way: str) -> None:
    take_back(held, way)
    assert seen(held) == {}


@pytest.mark.parametrize("way", WAYS)
def test_closed_nobody_works_on_it(held: Held, way: str, tmp_path: Path) -> None:
    by, screening = held.clinician, held.screening
    assert cohort.export(folder=tmp_path / "open").clips == 2
    assert [line.screening for line in comparison.lines(by=by, site=screening.site)]
    clip = make.clip_of(screening, "smile")
    take_back(held, way)
    acts: list[Callable[[], object]] = [
        lambda: reviews.sign_off(by=by, screening=screening, grade=0),
        lambda: screenings.release(by=by, screening=screening),
        lambda: screenings.request_rerecord(by=by, screening=screening, steps=["smile"]),
    ]
    for act in acts:
        with pytest.raises(DomainError):
            act()
    assert measuring.claim_assessment(screening_id=screening.pk) is None
    assert measuring.without_playback(clip_id=clip.pk) is None
    assert cohort.export(folder=tmp_path / "closed").clips == 0
    assert comparison.lines(by=by, site=screening.site) == []
    assert [one.graded for one in comparison.agreements(by=held.admin)] == [0]


@pytest.mark.parametrize("way", WAYS)
def test_a_clinic_is_told_that_it_was_taken_back(
    held: Held, way: str, client_of: Callable[..., Any]
) -> None:
    take_back(held, way)
    clinic = client_of(held.clinician)
    where = f"/api/v1/sites/{held.screening.site_id}/worklist/"
    line = clinic.get(where).json()["results"][0]
    told = (line["state"], line["clips"], line["hypomimia_index"], line["reviews"])
    assert told == ("withdrawn", {}, None, 0)
    assert clinic.get(f"{where}?state=released").json()["results"] == []
    assert len(clinic.get(f"{where}?state=withdrawn").json()["results"]) == 1
    shown = clinic.get(f"/api/v1/screenings/{held.screening.pk}/").json()
    assert (shown["state"], shown["steps"], shown["result"]) == ("withdrawn", [], None)
    assert clinic.get(f"/clinic/screenings/{held.screening.pk}/").status_code == 200


def test_a_released_result_stays_with_its_patient(
    held: Held, client_of: Callable[..., Any]
) -> None:
    take_back(held, "consent")
    patient = client_of(make.person(held.screening))
    shown = patient.get(f"/api/v1/screenings/{held.screening.pk}/").json()
    assert (shown["state"], shown["next"]) == ("released", "result")
    assert shown["result"]["statement"]["index"] is not None
    assert patient.get(f"/api/v1/screenings/{held.screening.pk}/assessment/").status_code == 200


def test_without_a_standing_consent_it_is_closed_whatever_its_row_says(held: Held) -> None:
    take_back(held, "consent")
    Screening.objects.filter(pk=held.screening.pk).update(withdrawn_at=None)
    with pytest.raises(DomainError):
        reviews.sign_off(by=held.clinician, screening=held.screening, grade=0)
