"""What patients and clinicians are shown, the video by ranges, and the record of views."""

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from screening.models import AccessEvent, Clip, Screening
from screening.services import measuring
from screening.uploads.limits import BodyLimit
from tests.screening import factories as make
from tests.screening.conftest import Client

Clients = Callable[..., Client]


def released(**site: Any) -> Screening:
    given = {f"site__{key}": value for key, value in site.items()}
    return make.scored(make.PatientFactory(site__release_policy="at_once", **given))


@pytest.mark.django_db
def test_patient_reads_a_released_result_in_plain_fields(client_of: Clients) -> None:
    screening = released()
    body = client_of(make.person(screening)).get(f"/api/v1/screenings/{screening.pk}/").json()
    shown = body["result"]
    assert "72 of 100 people without Parkinson's disease" in shown["index_words"]
    assert (shown["p_pd"], shown["p_pd_interval"]) == (None, None)
    assert shown["seen"] == [
        {"expression": "smile", "title": "Smile", "words": "Recorded and measured."}
    ]
    assert body["state_words"] == "ready"


@pytest.mark.django_db
def test_probability_only_where_the_site_shows_it(client_of: Clients) -> None:
    screening = released(patients_see_p_pd=True)
    body = client_of(make.person(screening)).get(f"/api/v1/screenings/{screening.pk}/").json()
    assert (body["result"]["p_pd"], body["result"]["p_pd_interval"]) == (0.4, [0.2, 0.6])


@pytest.mark.django_db
def test_abstention_shows_no_number(client_of: Clients) -> None:
    screening = make.submitted(
        make.PatientFactory(site__release_policy="at_once", site__patients_see_p_pd=True)
    )
    make.assess(screening, abstained="quality")
    body = client_of(make.person(screening)).get(f"/api/v1/screenings/{screening.pk}/").json()
    shown = body["result"]
    assert (shown["index"], shown["index_words"], shown["p_pd"]) == (None, None, None)
    assert "nothing about your health" in shown["abstained_words"]


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
def test_video_by_ranges(client_of: Clients) -> None:
    screening = make.draft()
    clip = make.send(make.clip_of(screening, "smile"))
    client = client_of(make.person(screening))
    where, size = f"/api/v1/clips/{clip.pk}/video/", len(make.VIDEO)

    whole = client.get(where)
    assert b"".join(whole.streaming_content) == make.VIDEO
    assert whole["Content-Length"] == str(size)

    for asked, first, last in [
        ("bytes=0-", 0, size - 1),
        ("bytes=10-19", 10, 19),
        ("bytes=-5", size - 5, size - 1),
        (f"bytes=5-{size + 99}", 5, size - 1),
    ]:
        part = client.get(where, HTTP_RANGE=asked)
        assert part.status_code == 206
        assert part["Content-Range"] == f"bytes {first}-{last}/{size}"
        assert part.content == make.VIDEO[first : last + 1]
    for asked in (f"bytes={size}-", "bytes=9-3", "bytes=-0"):
        refused = client.get(where, HTTP_RANGE=asked)
        assert (refused.status_code, refused["Content-Range"]) == (416, f"bytes */{size}")
    assert client.get(where, HTTP_RANGE="lines=1-2").status_code == 200


@pytest.mark.django_db
def test_long_video_comes_in_pieces(client_of: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("screening.api.clips.RANGE_BYTES", 100)
    screening = make.draft()
    clip = make.send(make.clip_of(screening, "smile"))
    where = f"/api/v1/clips/{clip.pk}/video/"
    client = client_of(make.person(screening))
    part = client.get(where, HTTP_RANGE="bytes=50-")
    assert part["Content-Range"] == f"bytes 50-149/{len(make.VIDEO)}"
    assert b"".join(client.get(where).streaming_content) == make.VIDEO


@pytest.mark.django_db
def test_playback_copy_is_played_instead(client_of: Clients, tmp_path: Any) -> None:
    screening = make.draft()
    clip = make.send(make.clip_of(screening, "smile"))
    claim = measuring.claim_clip(clip_id=clip.pk, seconds=60)
    assert claim is not None
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(b"a copy")
    assert measuring.store_playback(claim=claim, source=copy)
    assert not measuring.store_playback(claim=claim, source=copy)
    answer = client_of(make.person(screening)).get(f"/api/v1/clips/{clip.pk}/video/")
    assert b"".join(answer.streaming_content) == b"a copy"
    assert answer["Content-Type"] == "video/mp4"


@pytest.mark.django_db
def test_video_that_is_gone_is_no_fault_of_the_page(client_of: Clients, clips_folder: Any) -> None:
    screening = make.draft()
    clip = make.send(make.clip_of(screening, "smile"))
    (clips_folder / clip.storage_key).unlink()
    answer = client_of(make.person(screening)).get(f"/api/v1/clips/{clip.pk}/video/")
    assert (answer.status_code, answer.json()["code"]) == (404, "file_missing")
    nothing = make.clip_of(screening, "rest")
    address = f"/api/v1/clips/{nothing.pk}/video/"
    assert client_of(make.person(screening)).get(address).status_code == 404


@pytest.mark.django_db
def test_every_view_of_a_case_or_clip_is_noted(client_of: Clients) -> None:
    screening = make.scored()
    clinician = make.ClinicianFactory(site=screening.site)
    client = client_of(clinician)
    clip = screening.clips.all()[0]
    for address in (
        f"screenings/{screening.pk}/",
        f"screenings/{screening.pk}/assessment/",
        f"clips/{clip.pk}/measurement/",
        f"clips/{clip.pk}/video/",
    ):
        assert client.get(f"/api/v1/{address}").status_code == 200
    client.get(f"/api/v1/clips/{clip.pk}/video/", HTTP_RANGE="bytes=5-")
    noted = AccessEvent.objects.filter(user=clinician, screening_id=screening.pk)
    assert list(noted.order_by("created_at").values_list("action", "clip_id")) == [
        ("screening.viewed", None),
        ("assessment.viewed", None),
        ("measurement.viewed", clip.pk),
        ("video.viewed", clip.pk),
    ]
    stranger = client_of(make.ClinicianFactory())
    assert stranger.get(f"/api/v1/clips/{clip.pk}/video/").status_code == 404
    assert AccessEvent.objects.count() == 4


@pytest.mark.django_db
def test_measurement_and_curve_for_clinicians(client_of: Clients) -> None:
    screening = make.scored()
    clip = Clip.objects.get(screening=screening, step__expression="smile")
    client = client_of(make.ClinicianFactory(site=screening.site))
    body = client.get(f"/api/v1/clips/{clip.pk}/measurement/").json()
    assert body["measurement"]["signals"] == {"mouth-width": [0.8, 0.9]}
    assert body["curve"] == {"t": [0], "i": [0.5]}


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
