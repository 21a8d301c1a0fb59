"""What a page that listens can rely on: every event, once, in order, and only what is its own."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone

from screening.live import notify
from screening.models import Membership, Patient, Screening, User
from screening.services import erasure, events, screenings
from tests.screening.live.conftest import Clinic, append, open_socket, receive
from tests.worker import people

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


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


def _deactivate(user: User) -> None:
    user.is_active = False
    user.save()


def _change_password(user: User) -> None:
    user.set_password("quite another one")
    user.save()


#: Where a round has asked for the session already, it is the right that is missing.
EITHER = (4401, 4403)
KNOWN_CHANGES: dict[str, tuple[Callable[[User], Any], tuple[int, ...]]] = {
    "logged out": (lambda user: Session.objects.all().delete(), (4401,)),
    "new password": (_change_password, (4401,)),
    "deactivated": (_deactivate, EITHER),
    "no member any more": (lambda user: user.memberships.get().delete(), (4403,)),
    "account removed": (lambda user: user.delete(), EITHER),
}


@pytest.mark.parametrize("change", KNOWN_CHANGES)
async def test_a_known_change_closes_a_silent_socket_at_once(
    clinic: Clinic, layer: str, change: str
) -> None:
    """Nothing happens on the stream, and the next look is a minute away."""
    make, codes = KNOWN_CHANGES[change]
    async with open_socket(f"/ws/site/{clinic.site.pk}/", clinic.clinician) as desk:
        await receive(desk, 1)
        await database_sync_to_async(make)(clinic.clinician)
        assert await desk.closing_code() in codes


@pytest.mark.parametrize("works_here", [False, True])
async def test_a_patient_who_is_erased_hears_no_more(
    clinic: Clinic, layer: str, works_here: bool
) -> None:
    """Also one whose account stays, and whose session with it."""
    if works_here:
        there = database_sync_to_async(Membership.objects.create)
        await there(user=people.the_user(clinic.patient), site=clinic.site)
    async with open_socket("/ws/patient/", people.the_user(clinic.patient)) as home:
        await receive(home, 1)
        erase = database_sync_to_async(erasure.erase_patient)
        await erase(by=people.the_user(clinic.patient), patient=clinic.patient)
        assert await home.closing_code() in EITHER


SILENT_CHANGES: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "expired": (
        lambda: Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1)),
        (4401,),
    ),
    "inactive": (lambda: User.objects.update(is_active=False), EITHER),
    "somebody else": (lambda: _hand_over(Session.objects.get()), (4401,)),
    "erased": (lambda: Patient.objects.update(erased_at=timezone.now()), (4403,)),
}


def _hand_over(row: Session) -> None:
    data = {**row.get_decoded(), "_auth_user_id": "0"}
    Session.objects.update(session_data=row.get_session_store_class()().encode(data))


@pytest.mark.parametrize("change", SILENT_CHANGES)
async def test_a_change_that_nobody_announced_closes_the_socket_at_the_next_look(
    clinic: Clinic, layer: str, settings: Any, change: str
) -> None:
    settings.LIVE_POLL_SECONDS = 0.1
    make, codes = SILENT_CHANGES[change]
    async with open_socket("/ws/patient/", people.the_user(clinic.patient)) as home:
        await receive(home, 1)
        await database_sync_to_async(make)()
        assert await home.closing_code() in codes


async def test_an_answer_is_not_believed_for_longer_than_a_look(
    clinic: Clinic, layer: str, settings: Any
) -> None:
    """The hint comes, the clock has run out: the person is asked for before the event is sent."""
    async with open_socket(f"/ws/site/{clinic.site.pk}/", clinic.clinician) as desk:
        await receive(desk, 1)
        await database_sync_to_async(Membership.objects.update)(role="guest")
        settings.LIVE_POLL_SECONDS = 0.0
        await database_sync_to_async(append)(clinic.screening, "secret")
        assert await desk.closing_code() == 4403


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


def test_a_hint_with_nobody_listening_is_no_error(settings: Any) -> None:
    hosts = ["redis://127.0.0.1:1/0"]
    backend = {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": hosts}}
    settings.CHANNEL_LAYERS = {"default": backend}
    notify(["patient:x", "site:y"])
