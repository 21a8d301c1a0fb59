"""What a page that listens can rely on: every event, once, in order, and only what is its own."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone

from screening.live import notify
from screening.models import Membership, Patient, Screening, User
from screening.services import events, screenings
from tests.screening.live.conftest import open_socket, receive
from tests.worker import people

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


class Clinic:
    """A site with a clinician, a patient and an open screening (whose start was event 1)."""

    def __init__(self) -> None:
        self.site = people.make_site()
        self.clinician = people.make_clinician(self.site)
        self.patient = people.make_patient(self.site)
        self.screening = people.make_screening(self.patient)


@pytest.fixture
def clinic() -> Clinic:
    return Clinic()


def append(screening: Screening, *kinds: str) -> None:
    for kind in kinds:
        with transaction.atomic():
            events.append(screening=screening, kind=kind)


async def test_an_event_is_pushed_to_the_patient_and_to_the_site(
    clinic: Clinic, layer: str
) -> None:
    patient, site = people.the_user(clinic.patient), f"/ws/site/{clinic.site.pk}/"
    async with (
        open_socket("/ws/patient/", patient) as home,
        open_socket(site, clinic.clinician) as desk,
    ):
        assert await receive(home, 1) == [{"type": "hello", "last": 1}]
        assert await receive(desk, 1) == [{"type": "hello", "last": 1}]
        await database_sync_to_async(append)(clinic.screening, "clip.measured")
        [at_home], [at_desk] = await receive(home, 1), await receive(desk, 1)
    for event in (at_home, at_desk):
        assert (event["type"], event["number"], event["kind"]) == ("event", 2, "clip.measured")
        assert event["data"]["screening"] == str(clinic.screening.pk)


async def test_a_socket_that_comes_back_gets_what_it_missed(clinic: Clinic, layer: str) -> None:
    await database_sync_to_async(append)(clinic.screening, "b", "c", "d")
    async with open_socket("/ws/patient/?after=2", people.the_user(clinic.patient)) as home:
        hello, *missed = await receive(home, 3)
    assert hello["last"] == 4
    assert [(event["number"], event["kind"]) for event in missed] == [(3, "c"), (4, "d")]


async def test_a_page_can_ask_for_a_replay(clinic: Clinic, layer: str) -> None:
    await database_sync_to_async(append)(clinic.screening, "b", "c")
    async with open_socket("/ws/patient/", people.the_user(clinic.patient)) as home:
        await receive(home, 1)
        await home.send_text('{"type": "replay", "after": 1}')
        replayed = await receive(home, 2)
        await database_sync_to_async(append)(clinic.screening, "d")
        [new] = await receive(home, 1)
    assert [event["number"] for event in [*replayed, new]] == [2, 3, 4]


async def test_more_events_than_a_layer_holds_arrive_all_and_in_order(
    clinic: Clinic, layer: str
) -> None:
    """Channel layers drop silently past their capacity of 100; the rows do not."""
    many = 250
    async with open_socket("/ws/patient/", people.the_user(clinic.patient)) as home:
        await receive(home, 1)
        await database_sync_to_async(append)(clinic.screening, *(["k"] * many))
        got = await receive(home, many)
    assert [event["number"] for event in got] == list(range(2, many + 2))


async def test_a_long_absence_is_made_up_for_at_once(clinic: Clinic, layer: str) -> None:
    many = 250
    await database_sync_to_async(append)(clinic.screening, *(["k"] * many))
    async with open_socket("/ws/patient/?after=1", people.the_user(clinic.patient)) as home:
        _, *missed = await receive(home, many + 1)
    assert [event["number"] for event in missed] == list(range(2, many + 2))


async def test_concurrent_writers_leave_no_gap(clinic: Clinic, layer: str) -> None:
    async with open_socket("/ws/patient/", people.the_user(clinic.patient)) as home:
        await receive(home, 1)
        write = database_sync_to_async(append, thread_sensitive=False)
        await asyncio.gather(*(write(clinic.screening, "a", "b", "c") for _ in range(5)))
        got = await receive(home, 15)
    assert [event["number"] for event in got] == list(range(2, 17))


async def test_a_lost_hint_is_made_up_for(clinic: Clinic, layer: str, settings: Any) -> None:
    settings.LIVE_POLL_SECONDS = 0.1
    async with open_socket("/ws/patient/", people.the_user(clinic.patient)) as home:
        await receive(home, 1)
        await database_sync_to_async(_append_without_hint)(clinic.screening)
        [event] = await receive(home, 1)
    assert event["number"] == 2


def _append_without_hint(screening: Screening) -> None:
    with transaction.atomic():
        events.append(screening=screening, kind="quiet")
        transaction.get_connection().run_on_commit.clear()


async def test_a_withdrawn_membership_closes_the_socket_before_the_next_delivery(
    clinic: Clinic, layer: str
) -> None:
    async with open_socket(f"/ws/site/{clinic.site.pk}/", clinic.clinician) as desk:
        await receive(desk, 1)
        await database_sync_to_async(Membership.objects.all().delete)()
        await database_sync_to_async(append)(clinic.screening, "secret")
        assert await desk.closing_code() == 4403


async def test_a_withdrawn_membership_closes_a_silent_socket_too(
    clinic: Clinic, layer: str, settings: Any
) -> None:
    settings.LIVE_POLL_SECONDS = 0.1
    async with open_socket(f"/ws/site/{clinic.site.pk}/", clinic.clinician) as desk:
        await receive(desk, 1)
        await database_sync_to_async(Membership.objects.all().delete)()
        assert await desk.closing_code() == 4403


async def test_logging_out_closes_the_socket(clinic: Clinic, layer: str, settings: Any) -> None:
    settings.LIVE_POLL_SECONDS = 0.1
    async with open_socket("/ws/patient/", people.the_user(clinic.patient)) as home:
        await receive(home, 1)
        await database_sync_to_async(Session.objects.all().delete)()
        assert await home.closing_code() == 4403


@pytest.mark.parametrize("how", ["expired", "new password", "somebody else", "inactive"])
async def test_a_session_that_pages_would_refuse_closes_the_socket(
    clinic: Clinic, layer: str, settings: Any, how: str
) -> None:
    settings.LIVE_POLL_SECONDS = 0.1
    user = people.the_user(clinic.patient)
    async with open_socket("/ws/patient/", user) as home:
        await receive(home, 1)
        await database_sync_to_async(_end_session)(user, how)
        assert await home.closing_code() == 4403


def _end_session(user: User, how: str) -> None:
    """What makes Django's own pages take this browser for a stranger's."""
    row = Session.objects.get()
    if how == "expired":
        Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    elif how == "new password":
        user.set_password("quite another one")
        user.save()
    elif how == "inactive":
        User.objects.update(is_active=False)
    else:
        data = {**row.get_decoded(), "_auth_user_id": "0"}
        Session.objects.update(session_data=row.get_session_store_class()().encode(data))


@pytest.mark.parametrize("who", ["stranger", "patient", "other clinician"])
async def test_a_site_is_heard_by_its_members_only(clinic: Clinic, layer: str, who: str) -> None:
    user = await database_sync_to_async(_outsider)(clinic, who)
    async with open_socket(f"/ws/site/{clinic.site.pk}/?after=0", user) as desk:
        assert await desk.closing_code() == 4403


def _outsider(clinic: Clinic, who: str) -> Any:
    if who == "patient":
        return people.the_user(clinic.patient)
    if who == "stranger":
        return people.make_patient(clinic.site, "other@example.org").user
    return people.make_clinician(people.make_site("Elsewhere"), "elsewhere@example.org")


async def test_another_patients_stream_cannot_be_asked_for(clinic: Clinic, layer: str) -> None:
    other: Patient = await database_sync_to_async(people.make_patient)(clinic.site, "o@example.org")
    async with open_socket("/ws/patient/?after=0", other.user) as home:
        assert await receive(home, 1) == [{"type": "hello", "last": 0}]
        await database_sync_to_async(append)(clinic.screening, "not for them")
        await database_sync_to_async(screenings.start)(patient=other)
        [event] = await receive(home, 1)
    assert event["data"]["screening"] != str(clinic.screening.pk)


async def test_without_a_login_the_socket_says_so(clinic: Clinic, layer: str) -> None:
    async with open_socket("/ws/patient/", None) as home:
        assert await home.closing_code() == 4401


@pytest.mark.parametrize("origin", [b"https://elsewhere.example", b"null", b""])
async def test_a_page_of_another_origin_is_refused(clinic: Clinic, origin: bytes) -> None:
    async with open_socket("/ws/patient/", people.the_user(clinic.patient), origin) as home:
        assert home.connected is False


@pytest.mark.parametrize("text", ["no json", "[]", "{}", '{"type": "replay", "after": "x"}',
                                  '{"type": "replay", "after": -1}'])  # fmt: skip
async def test_nonsense_from_a_client_changes_nothing(
    clinic: Clinic, layer: str, text: str
) -> None:
    async with open_socket("/ws/patient/?after=junk", people.the_user(clinic.patient)) as home:
        await receive(home, 1)
        await home.send_text(text)
        await database_sync_to_async(append)(clinic.screening, "next")
        [event] = await receive(home, 1)
    assert event["number"] == 2


def test_a_hint_with_nobody_listening_is_no_error(settings: Any) -> None:
    hosts = ["redis://127.0.0.1:1/0"]
    backend = {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": hosts}}
    settings.CHANNEL_LAYERS = {"default": backend}
    notify(["patient:x", "site:y"])
