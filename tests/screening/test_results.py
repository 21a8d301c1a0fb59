"""What patients and clinicians are shown, the video by ranges, and the record of views."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from screening.models import Clip, ModelBundle, Screening
from screening.uploads.limits import BodyLimit
from tests.screening import factories as make
from tests.screening.conftest import Client

Clients = Callable[..., Client]


def codes(statement: Any) -> list[str]:
    return [one["code"] for one in statement["sentences"]]


def released(**site: Any) -> Screening:
    given = {f"site__{key}": value for key, value in site.items()}
    return make.scored(make.PatientFactory(site__release_policy="at_once", **given))


@pytest.mark.django_db
def test_patient_reads_a_released_result_in_plain_fields(client_of: Clients) -> None:
    screening = released()
    body = client_of(make.person(screening)).get(f"/api/v1/screenings/{screening.pk}/").json()
    shown = body["result"]
    said = shown["statement"]
    assert said["index"] == {"value": 72, "low": None, "high": None, "sessions": 1}
    assert codes(said)[0] == "movement_unclear_usual"
    assert not any(one["topic"] == "pd" for one in said["sentences"])
    assert shown["seen"] == [
        {"expression": "smile", "title": "Smile", "words": "Recorded and measured."}
    ]
    assert body["state_words"] == "ready"


@pytest.mark.django_db
@pytest.mark.parametrize("site_shows", [True, False])
@pytest.mark.parametrize("travel", [{"holds": True}, {"holds": False}, None, {"holds": "maybe"}])
def test_probability_only_where_the_site_shows_it_and_it_holds(
    client_of: Clients, site_shows: bool, travel: Any
) -> None:
    screening = released(patients_see_p_pd=site_shows)
    ModelBundle.objects.update(metadata={} if travel is None else {"travel": travel})
    body = client_of(make.person(screening)).get(f"/api/v1/screenings/{screening.pk}/").json()
    shown = "pd_neither" in codes(body["result"]["statement"])
    assert shown is (site_shows and travel == {"holds": True})


@pytest.mark.django_db
@pytest.mark.parametrize("asked_for", [True, False])
@pytest.mark.parametrize("holds", [True, False])
def test_clinicians_get_a_probability_that_holds_or_that_their_site_asks_for(
    client_of: Clients, holds: bool, asked_for: bool
) -> None:
    screening = make.submitted(make.PatientFactory(site__clinicians_see_weak_p_pd=asked_for))
    ModelBundle.objects.update(metadata={"travel": {"holds": holds}})
    without = {"smile": {"hypomimia_index": 60.0, "p_pd": 0.3}}
    make.assess(screening, leave_one_out=without)
    clinic = client_of(make.ClinicianFactory(site=screening.site))
    found = clinic.get(f"/api/v1/screenings/{screening.pk}/assessment/").json()
    result, said = found["result"], codes(found["statement"])
    shown = holds or asked_for
    assert (result["p_pd"] is not None) is shown
    assert (result["p_pd_interval"] is not None) is shown
    assert bool(result["prediction_set"]) is shown
    assert result["leave_one_out"]["smile"]["hypomimia_index"] == 60.0
    assert (result["leave_one_out"]["smile"]["p_pd"] is not None) is shown
    assert ("pd_weak" in said) is (asked_for and not holds)
    assert ("pd_untested" in said) is not shown


@pytest.mark.django_db
def test_abstention_shows_no_number(client_of: Clients) -> None:
    screening = make.submitted(
        make.PatientFactory(site__release_policy="at_once", site__patients_see_p_pd=True)
    )
    make.assess(screening, abstained="quality")
    body = client_of(make.person(screening)).get(f"/api/v1/screenings/{screening.pk}/").json()
    said = body["result"]["statement"]
    assert said["index"] is None
    assert codes(said) == ["no_result", "next_record_again", "limits_no_diagnosis"]
    assert not re.search(r"\d", " ".join(one["text"] for one in said["sentences"]))


@pytest.mark.django_db
def test_patient_never_reads_an_unreleased_result(client_of: Clients) -> None:
    screening = make.scored()
    patient = client_of(make.person(screening))
    body = patient.get(f"/api/v1/screenings/{screening.pk}/").json()
    assert (body["result"], body["state_words"], body["next"]) == (
        None,
        "in review at your clinic",
        "wait",
    )
    assert patient.get(f"/api/v1/screenings/{screening.pk}/assessment/").status_code == 404
    clip = screening.clips.all()[0]
    assert patient.get(f"/api/v1/clips/{clip.pk}/measurement/").status_code == 404


@pytest.mark.django_db
def test_unusable_clip_comes_with_advice(client_of: Clients) -> None:
    screening = make.draft()
    clip = make.send(make.clip_of(screening, "smile"))
    make.measure(clip, "unusable", "too_dark")
    shown = client_of(make.person(screening)).get(f"/api/v1/clips/{clip.pk}/").json()
    assert shown["reason"] == "too_dark"
    assert "light" in shown["words"]["advice"]


@pytest.mark.django_db
def test_measurement_and_curve_for_clinicians(client_of: Clients) -> None:
    screening = make.scored()
    clip = Clip.objects.get(screening=screening, step__expression="smile")
    client = client_of(make.ClinicianFactory(site=screening.site))
    body = client.get(f"/api/v1/clips/{clip.pk}/measurement/").json()
    assert body["measurement"]["signals"] == {"mouth-width": [0.8, 0.9]}
    assert (body["curve"]["t"], body["curve"]["intensity"]) == ([0], [0.5])


@pytest.mark.django_db
@pytest.mark.parametrize("after", ["-1", "x", "1" * 40, "٣"])
def test_events_after_nonsense(client_of: Clients, after: str) -> None:
    client = client_of(make.PatientFactory().user)
    answer = client.get("/api/v1/events/", {"stream": "patient", "after": after})
    assert (answer.status_code, answer.json()["code"]) == (422, "after")
    assert client.get("/api/v1/events/?stream=site:nonsense").status_code == 404
    assert client.get("/api/v1/events/?stream=patient").json() == {
        "stream": "patient",
        "last": 0,
        "complete": True,
        "events": [],
    }


async def swallow(scope: Any, receive: Any, send: Any) -> None:
    """Reads the whole body, as Django does, and says how long it was."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


async def ask(pieces: list[bytes], headers: list[tuple[bytes, bytes]]) -> tuple[int, int]:
    """Status of the answer, and how many pieces were taken."""
    waiting = list(pieces)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "headers": headers}
    await BodyLimit(swallow, max_bytes=100, together_bytes=1000)(scope, receive, send)
    return sent[0]["status"], len(pieces) - len(waiting)


async def test_a_body_without_an_end_is_cut(settings: Settings) -> None:
    assert await ask([b"x" * 50, b"x" * 50], []) == (200, 2)
    assert await ask([b"x" * 50] * 9, []) == (413, 3)
    assert await ask([b"x" * 101], [(b"content-length", b"101")]) == (413, 0)


@pytest.mark.django_db
def test_lists_ask_the_database_as_often_for_many_rows_as_for_one(
    client_of: Clients, django_assert_max_num_queries: Any
) -> None:
    site = make.SiteFactory()
    clinician = make.ClinicianFactory(site=site)
    make.ClinicianFactory(site=site)
    for _ in range(4):
        make.scored(make.PatientFactory(site=site))
    client = client_of(clinician)
    with django_assert_max_num_queries(12):
        lines = client.get(f"/api/v1/sites/{site.pk}/worklist/").json()["results"]
    assert [line["hypomimia_index"] for line in lines] == [71.6] * 4
    with django_assert_max_num_queries(8):
        assert len(client.get("/api/v1/screenings/").json()["results"]) == 4
