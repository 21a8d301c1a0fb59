"""The OpenAPI schema is complete and true, and nothing that fits or misses it makes a 500."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance

from screening.models import Clip, Invitation, Screening, Site, Upload, User
from screening.services import reviews
from tests.screening import factories as make
from tests.screening.conftest import Client

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
WRITTEN_DOWN = Path(__file__).resolve().parents[2] / "webapp" / "frontend" / "api.json"
FEW = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def test_schema_is_complete_and_valid(tmp_path: Any) -> None:
    file = tmp_path / "schema.yml"
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(file))
    assert "/api/v1/uploads/{id}/complete/" in file.read_text()


def test_the_pages_types_are_made_from_what_is_published(tmp_path: Path) -> None:
    """On failure: make schema."""
    file = tmp_path / "api.json"
    call_command("spectacular", format="openapi-json", file=str(file))
    assert WRITTEN_DOWN.read_text() == file.read_text(), "the API has changed: make schema"


@pytest.fixture
def people(db: None) -> list[User]:
    """A patient and a clinician of one clinic where there is something of everything."""
    site = make.SiteFactory(release_policy="at_once")
    clinician = make.ClinicianFactory(site=site)
    patient = make.PatientFactory(site=site)
    done = make.scored(patient)
    reviews.sign_off(by=clinician, screening=done, grade=1)
    make.draft(patient)
    return [make.person(done), clinician]


@contextmanager
def one_connection() -> Iterator[None]:
    """As Django's own test client does: the test's transaction must outlive the requests."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)


def session(user: User) -> dict[str, Any]:
    client = Client()
    client.force_login(user)
    token = client.get("/api/v1/me/").json()["csrf"]
    cookies = {name: morsel.value for name, morsel in client.cookies.items()}
    return {"cookies": cookies, "headers": {"X-CSRFToken": token}}


def known_ids() -> dict[str, list[str]]:
    """Real ids for the paths, so that the generated requests get past *not found*."""
    return {
        "/screenings/": [str(pk) for pk in Screening.objects.values_list("pk", flat=True)],
        "/clips/": [str(pk) for pk in Clip.objects.values_list("pk", flat=True)],
        "/uploads/": [str(pk) for pk in Upload.objects.values_list("pk", flat=True)],
        "/sites/": [str(pk) for pk in Site.objects.values_list("pk", flat=True)],
        "/invitations/": [str(pk) for pk in Invitation.objects.values_list("pk", flat=True)],
    }


def test_whatever_is_sent_gets_a_described_answer(people: list[User]) -> None:
    sessions = [session(user) for user in people]
    ids = known_ids()
    calls = 0
    statuses = set()

    def call(case: Any) -> None:
        nonlocal calls
        for part, keys in ids.items():
            if part in case.path and "id" in (case.path_parameters or {}) and keys:
                case.path_parameters["id"] = keys[calls % len(keys)]
        answer = case.call_and_validate(
            checks=[not_a_server_error, response_schema_conformance],
            **sessions[calls % len(sessions)],
        )
        calls += 1
        statuses.add(answer.status_code)

    with one_connection():
        schema = schemathesis.openapi.from_wsgi("/api/schema/?format=json", get_wsgi_application())
        for found in schema.get_all_operations():
            FEW(given(case=found.ok().as_strategy())(call))()
    assert calls > 100
    assert {200, 201, 204, 400, 404, 409, 422} <= statuses
