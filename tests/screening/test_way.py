"""The whole way through the API: invitation to released result, with both people watching."""

import base64
import hashlib
from collections.abc import Callable

import pytest

from screening.models import AccessEvent, Patient, Screening, Site
from tests.screening import factories as make
from tests.screening.conftest import Client

pytestmark = pytest.mark.django_db
TUS = {"HTTP_TUS_RESUMABLE": "1.0.0"}
OCTETS = "application/offset+octet-stream"


def upload(client: Client, clip: str, data: bytes) -> None:
    metadata = "filetype " + base64.b64encode(b"video/webm;codecs=vp9").decode()
    made = client.post(
        f"/api/v1/clips/{clip}/uploads/",
        HTTP_UPLOAD_DEFER_LENGTH="1",
        HTTP_UPLOAD_METADATA=metadata,
        **TUS,
    )
    assert made.status_code == 201, made.content
    where = made["Location"]
    for start in range(0, len(data), 500):
        part = data[start : start + 500]
        last = {"HTTP_UPLOAD_LENGTH": str(len(data))} if start + 500 >= len(data) else {}
        sent = client.patch(
            where, part, content_type=OCTETS, HTTP_UPLOAD_OFFSET=str(start), **TUS, **last
        )
        assert sent.status_code == 204, sent.content
        assert sent["Upload-Offset"] == str(start + len(part))
    body = {
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "announced": {"seconds": 10.1, "frames": 300, "cues": [{"at": 1.0, "kind": "make"}]},
    }
    done = client.post(f"{where}complete/", body, format="json")
    assert done.status_code == 200, done.content
    assert done.json()["state"] == "received"


def invited(clinic: Client, site: Site) -> str:
    """The token of an invitation that the clinic made."""
    answer = clinic.post(
        "/api/v1/invitations/", {"site": str(site.pk), "name": "Ada Example"}, format="json"
    )
    assert answer.status_code == 201
    assert answer.json()["was_mailed"] is None, "no address was given"
    return answer.json()["link"].rstrip("/").rsplit("/", 1)[1]


def consent(patient: Client) -> None:
    """Nothing begins without it."""
    refused = patient.post("/api/v1/screenings/")
    assert (refused.status_code, refused.json()["code"]) == (409, "consent_missing")
    form = patient.get("/api/v1/consent-forms/current/").json()
    given = {"form": form["id"], "scopes": ["care", "training"]}
    assert patient.post("/api/v1/consents/", given, format="json").status_code == 201


def test_from_invitation_to_released_result(client_of: Callable[..., Client]) -> None:
    site = make.SiteFactory(release_policy="after_review")
    make.active_bundle()
    clinic = client_of(make.ClinicianFactory(site=site))
    user = make.invitations_accept(invited(clinic, site))
    patient = client_of(user)
    assert patient.get("/api/v1/me/").json()["role"] == "patient"
    consent(patient)

    started = patient.post("/api/v1/screenings/").json()
    where = f"/api/v1/screenings/{started['id']}/"
    assert started["next"] == "intake"
    intake = patient.put(f"{where}intake/", {"age_years": 70, "glasses": True}, format="json")
    assert intake.status_code == 200
    assert intake.json()["beard"] is None
    assert patient.get(where).json()["next"] == "record"
    assert patient.post(f"{where}submit/").json()["code"] == "not_complete"

    for n, step in enumerate(started["steps"]):
        upload(patient, step["clip"]["id"], make.VIDEO + bytes([n]))
    submitted = patient.post(f"{where}submit/")
    assert submitted.json()["next"] == "wait"

    row = Screening.objects.get()
    for clip in row.clips.all():
        make.measure(clip)
    make.assess(row)
    assert patient.get(where).json()["result"] is None
    assert patient.get(f"{where}assessment/").status_code == 404
    full = clinic.get(f"{where}assessment/").json()
    assert full["result"]["hypomimia_index"] == 71.6
    assert clinic.post(f"{where}release/").json()["code"] == "review_missing"
    assert clinic.post(f"{where}reviews/", {"grade": 2}, format="json").status_code == 201
    assert clinic.post(f"{where}release/").status_code == 200

    shown = patient.get(where).json()
    assert shown["next"] == "result"
    assert shown["result"]["statement"]["index"]["value"] == 72
    assert shown["patient"]["name"] is None
    line = clinic.get(f"/api/v1/sites/{site.pk}/worklist/").json()["results"][0]
    assert line["clips"] == {"measured": 2}
    assert line["patient"]["name"] == "Ada Example"

    told = patient.get("/api/v1/events/?stream=patient&after=0").json()
    assert [one["number"] for one in told["events"]] == list(range(1, told["last"] + 1))
    kinds = [one["kind"] for one in told["events"]]
    assert kinds[0] == "screening.started"
    assert kinds[-1] == "screening.released"
    same = clinic.get(f"/api/v1/events/?stream=site:{site.pk}").json()
    assert [one["kind"] for one in same["events"]] == kinds
    assert AccessEvent.objects.filter(action="assessment.viewed").count() == 1
    assert Patient.objects.get().user == user
