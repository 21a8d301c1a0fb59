"""A clip's film: an address for one person and some minutes, ranges, and who is noted as viewer."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import pytest
from django.contrib import admin
from django.core import signing
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from screening.admin.base import Viewed
from screening.models import AccessEvent, Clip, User, Viewing
from screening.services import access, consents, measuring
from tests.screening import factories as make
from tests.screening.conftest import Client
from tests.servers import ObjectStore
from tests.stores import use_s3
from tests.test_permission_matrix import routes, rules_of

pytestmark = pytest.mark.django_db
Clients = Callable[..., Client]


def address_of(client: Client, clip: Clip) -> str:
    answer = client.get(f"/api/v1/clips/{clip.pk}/address/")
    assert answer.status_code == 200
    return str(answer.json()["url"])


def test_video_by_ranges(client_of: Clients) -> None:
    screening = make.draft()
    clip = make.send(make.clip_of(screening, "smile"))
    client = client_of(make.person(screening))
    where, size = address_of(client, clip), len(make.VIDEO)

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


def test_long_video_comes_in_pieces(client_of: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("screening.api.media.RANGE_BYTES", 100)
    screening = make.draft()
    clip = make.send(make.clip_of(screening, "smile"))
    client = client_of(make.person(screening))
    where = address_of(client, clip)
    part = client.get(where, HTTP_RANGE="bytes=50-")
    assert part["Content-Range"] == f"bytes 50-149/{len(make.VIDEO)}"
    assert b"".join(client.get(where).streaming_content) == make.VIDEO


def test_playback_copy_is_played_instead(client_of: Clients, tmp_path: Any) -> None:
    screening = make.draft()
    clip = make.send(make.clip_of(screening, "smile"))
    claim = measuring.claim_clip(clip_id=clip.pk, seconds=60)
    assert claim is not None
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(b"a copy")
    assert measuring.store_playback(claim=claim, source=copy)
    assert not measuring.store_playback(claim=claim, source=copy)
    answer = client_of(make.person(screening)).get(f"/api/v1/clips/{clip.pk}/video/", follow=True)
    assert b"".join(answer.streaming_content) == b"a copy"
    assert answer["Content-Type"] == "video/mp4"


def test_video_that_is_gone_is_no_fault_of_the_page(client_of: Clients, clips_folder: Any) -> None:
    screening = make.draft()
    clip = make.send(make.clip_of(screening, "smile"))
    (clips_folder / clip.storage_key).unlink()
    client = client_of(make.person(screening))
    answer = client.get(f"/api/v1/clips/{clip.pk}/video/", follow=True)
    assert (answer.status_code, answer.json()["code"]) == (404, "file_missing")
    nothing = make.clip_of(screening, "rest")
    address = f"/api/v1/clips/{nothing.pk}/video/"
    assert client.get(address).status_code == 404


@pytest.fixture
def watched(client_of: Clients) -> tuple[Client, Clip, User]:
    """A clinician's client, and a measured clip of their site."""
    screening = make.scored()
    clinician = make.ClinicianFactory(site=screening.site)
    return client_of(clinician), make.clip_of(screening, "smile"), clinician


def test_an_address_is_good_for_some_minutes(
    watched: tuple[Client, Clip, User], monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    client, clip, _ = watched
    where = address_of(client, clip)
    assert client.get(where, HTTP_RANGE="bytes=0-0").status_code == 206
    with monkeypatch.context() as later:
        then = signing.time.time() + settings.MEDIA_SECONDS + 1
        later.setattr(signing.time, "time", lambda: then)
        late = client.get(where)
    assert (late.status_code, late.json()["code"]) == (410, "address_expired")
    # The old one in a player, a new one from the page: that is all that a refresh is.
    assert client.get(address_of(client, clip)).status_code == 200


def test_an_address_is_for_one_person_and_one_clip(
    watched: tuple[Client, Clip, User], client_of: Clients
) -> None:
    client, clip, clinician = watched
    where = address_of(client, clip)
    colleague = make.ClinicianFactory(site=clip.screening.site)
    for other in (colleague, make.person(clip.screening), make.ClinicianFactory()):
        assert client_of(other).get(where).status_code == 404
    assert client_of(None).get(where).status_code in (401, 403)
    twin = make.clip_of(clip.screening, "rest")
    assert client.get(where.replace(str(clip.pk), str(twin.pk))).status_code == 404
    assert client.get(where.replace("original", "copy")).status_code == 404
    assert client.get(f"{where.rstrip('/')}x/").status_code == 404
    for secret in (clip.storage_key, clinician.email):
        assert secret not in where


def test_the_permission_is_asked_again_for_every_part(watched: tuple[Client, Clip, User]) -> None:
    client, clip, clinician = watched
    where = address_of(client, clip)
    assert client.get(where, HTTP_RANGE="bytes=0-0").status_code == 206
    clinician.memberships.all().delete()
    assert client.get(where, HTTP_RANGE="bytes=1-1").status_code == 404


def test_taking_back_closes_an_address_that_is_open(watched: tuple[Client, Clip, User]) -> None:
    client, clip, _ = watched
    where = address_of(client, clip)
    consents.withdraw(patient=clip.screening.patient, by=make.person(clip.screening))
    assert client.get(where).status_code == 404


def test_an_address_stays_with_its_file(watched: tuple[Client, Clip, User]) -> None:
    """A copy that is made while the original plays must not turn up in the middle of it."""
    client, clip, _ = watched
    where = address_of(client, clip)
    other = make.clip_of(clip.screening, "rest").storage_key
    Clip.objects.filter(pk=clip.pk).update(playback_key=other)
    assert client.get(where)["Content-Type"] == "video/webm"
    assert client.get(address_of(client, clip))["Content-Type"] == "video/mp4"


# --- who viewed ---------------------------------------------------------------------------------
EVERY_PART = ["", "bytes=0-", "bytes=1-", "bytes=-1", "bytes=5-9", "bytes=0-0,5-6", "lines=1-2"]


@pytest.mark.parametrize("asked", EVERY_PART)
def test_every_answer_with_bytes_is_noted(watched: tuple[Client, Clip, User], asked: str) -> None:
    client, clip, clinician = watched
    ranges = {"HTTP_RANGE": asked} if asked else {}
    where = address_of(client, clip)
    assert not AccessEvent.objects.exists()
    assert client.get(where, **ranges).status_code in (200, 206)
    noted = AccessEvent.objects.get()
    assert (noted.user, noted.action) == (clinician, "video.viewed")
    assert (noted.screening_id, noted.clip_id) == (clip.screening_id, clip.pk)


def test_an_answer_without_bytes_is_not(watched: tuple[Client, Clip, User]) -> None:
    client, clip, _ = watched
    where = address_of(client, clip)
    head = client.head(where)
    assert (head.status_code, head["Content-Length"]) == (200, str(clip.size))
    assert client.head(where, HTTP_RANGE="bytes=1-").status_code == 206
    assert client.get(where, HTTP_RANGE="bytes=999999-").status_code == 416
    assert client.head(f"/api/v1/clips/{clip.pk}/measurement/").status_code == 200
    assert not AccessEvent.objects.exists()


def test_many_requests_of_a_player_are_one_view(watched: tuple[Client, Clip, User]) -> None:
    client, clip, _ = watched
    where = address_of(client, clip)
    for asked in EVERY_PART * 3:
        client.get(where, **({"HTTP_RANGE": asked} if asked else {}))
    # At the turn of a quarter these may be two.
    assert AccessEvent.objects.count() in (1, 2)


def test_a_view_is_noted_once_a_quarter_for_each_person_and_clip() -> None:
    screening = make.scored()
    one, two = (make.ClinicianFactory(site=screening.site) for _ in range(2))
    clips = list(screening.clips.all())
    begin = datetime.fromtimestamp(1_800_000_000 // 900 * 900, tz=timezone.get_current_timezone())

    def view(
        user: User, clip: Clip | None, minutes: float, action: Viewing = Viewing.VIDEO
    ) -> None:
        at = begin + timedelta(minutes=minutes)
        access.record_view(user=user, action=action, screening=screening, clip=clip, at=at)

    for minutes in (0, 7, 14.9):
        view(one, clips[0], minutes)
        view(one, None, minutes, Viewing.SCREENING)
    assert AccessEvent.objects.count() == 2
    view(one, clips[0], 15)
    view(one, clips[1], 0)
    view(one, clips[0], 0, Viewing.MEASUREMENT)
    view(one, None, 15, Viewing.SCREENING)
    view(two, clips[0], 0)
    view(two, None, 0, Viewing.SCREENING)
    assert AccessEvent.objects.count() == 8


def test_patients_who_look_at_their_own_are_not_noted(client_of: Clients) -> None:
    screening = make.scored(make.PatientFactory(site__release_policy="at_once"))
    client, clip = client_of(make.person(screening)), make.clip_of(screening, "smile")
    assert client.get(address_of(client, clip)).status_code == 200
    for path in (f"screenings/{screening.pk}/", f"screenings/{screening.pk}/assessment/"):
        assert client.get(f"/api/v1/{path}").status_code == 200
    assert not AccessEvent.objects.exists()


#: Address → how a view of it is noted.
NOTED = {
    "api-screening": Viewing.SCREENING,
    "api-assessment": Viewing.ASSESSMENT,
    "api-course": Viewing.COURSE,
    "api-reviews": Viewing.REVIEWS,
    "api-clip": Viewing.CLIP,
    "api-clip-measurement": Viewing.MEASUREMENT,
    "api-clip-media": Viewing.VIDEO,
    "case": Viewing.CASE,
}
#: These show nothing: they lead to what is noted.
LEADING = {"api-clip-video", "api-clip-address"}


def test_every_address_about_one_case_has_its_word() -> None:
    """Read off the URL configuration: a new page about a case must note its views as well."""
    about_one = set()
    for name, pattern in routes():
        rule = (rules_of(name) or {}).get("GET")
        of_a_row = set(pattern.pattern.converters) & {"pk", "key"} and "site" not in name
        if rule and of_a_row and "clinician" in rule.allowed and name != "api-worklist":
            about_one.add(name)
    assert about_one | {"api-clip-media"} == set(NOTED) | LEADING


def test_every_page_of_the_administration_about_a_case_has_its_word() -> None:
    about_one = {
        f"admin.{model._meta.model_name}.viewed"
        for model, page in admin.site._registry.items()
        if isinstance(page, Viewed)
    }
    theirs = {viewing for viewing in Viewing if viewing.startswith("admin.")}
    assert about_one == theirs
    assert set(Viewing) == theirs | set(NOTED.values()) | {Viewing.EXPORT}


@pytest.mark.parametrize("name", NOTED)
def test_every_view_of_a_case_or_clip_is_noted(
    watched: tuple[Client, Clip, User], name: str
) -> None:
    client, clip, clinician = watched
    if name == "api-clip-media":
        path = address_of(client, clip)
    else:
        path = reverse(name, args=[clip.pk if "clip" in name else clip.screening_id])
    assert client.get(path).status_code == 200
    found = AccessEvent.objects.get()
    assert (found.user, found.action, found.screening_id) == (
        clinician,
        NOTED[name],
        clip.screening_id,
    )


# --- S3 -----------------------------------------------------------------------------------------
@pytest.mark.distributed
def test_where_browsers_reach_the_store_it_gives_the_film_itself(
    client_of: Clients, object_store: ObjectStore, settings: Settings
) -> None:
    use_s3(object_store, settings)
    public = object_store.endpoint.replace("127.0.0.1", "localhost")
    given = settings.STORAGES["default"]
    options = {**given["OPTIONS"], "endpoint_url": public, "signature_version": "s3v4"}
    settings.STORAGES = {**settings.STORAGES, "public": {**given, "OPTIONS": options}}
    settings.S3_PUBLIC_ENDPOINT = public
    screening = make.scored()
    clip = make.clip_of(screening, "smile")
    client = client_of(make.ClinicianFactory(site=screening.site))

    led = client.get(f"/api/v1/clips/{clip.pk}/video/")
    assert (led.status_code, led["Location"].startswith(f"{public}/")) == (302, True)
    # Handing the address out is the view: the site sees nothing of what is done with it.
    assert AccessEvent.objects.get().action == "video.viewed"
    where = address_of(client, clip)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(where).query).items()}
    assert asked["X-Amz-Expires"] == str(settings.MEDIA_SECONDS)
    assert asked["response-content-type"] == "video/webm"
    assert asked["response-content-disposition"] == 'inline; filename="recording.webm"'
    with urlopen(where) as answer:
        assert answer.read() == make.VIDEO
        assert answer.headers["Content-Type"] == "video/webm"
    Clip.objects.filter(pk=clip.pk).update(mime_type="")
    unread = parse_qs(urlsplit(address_of(client, clip)).query)
    assert unread["response-content-type"] == ["application/octet-stream"]
    assert unread["response-content-disposition"] == ['attachment; filename="recording.bin"']
