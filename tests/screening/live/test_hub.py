"""One read for many sockets: what it costs, what it remembers, and what comes back late."""

import asyncio
import threading
from contextlib import AsyncExitStack
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.db import OperationalError, connections, transaction
from django.db.backends.utils import CursorWrapper

from screening.live import hub as hubs
from screening.live.sockets import follow_stream
from screening.live.stream import REPLAY
from screening.models import Event, EventStream, Membership, Patient, User
from screening.permissions import ActAsPatient, WorkAtSite
from screening.services import events
from tests.screening.live.conftest import (
    PATIENCE,
    Clinic,
    append,
    open_socket,
    receive,
    session_cookie,
)
from tests.worker import people

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def visits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every query that a hub makes, as it is sent."""
    seen: list[str] = []
    real = CursorWrapper.execute

    def execute(self: CursorWrapper, sql: str, params: Any = None) -> Any:
        if threading.current_thread().name.startswith("live"):
            seen.append(str(sql))
        return real(self, sql, params)

    monkeypatch.setattr(CursorWrapper, "execute", execute)
    return seen


async def test_a_hundred_sockets_cost_what_one_costs(
    clinic: Clinic, layer: str, settings: Any, visits: list[str]
) -> None:
    """A stream is read once for everybody here, and who may listen was asked before."""
    settings.LIVE_SOCKETS_PER_PERSON = 100
    address = f"/ws/site/{clinic.site.pk}/"
    async with AsyncExitStack() as stack:
        desks = [
            await stack.enter_async_context(open_socket(address, clinic.clinician))
            for _ in range(100)
        ]
        for desk in desks:
            await receive(desk, 1)
        visits.clear()
        await database_sync_to_async(append)(clinic.screening, "one")
        heard = [await receive(desk, 1) for desk in desks]
    assert {event["number"] for [event] in heard} == {2}
    assert len(visits) <= 4, visits


async def test_a_hundred_events_of_one_commit_are_read_together(
    clinic: Clinic, layer: str, visits: list[str]
) -> None:
    async with open_socket("/ws/patient/", people.the_user(clinic.patient)) as home:
        await receive(home, 1)
        visits.clear()
        await database_sync_to_async(_append_in_one_commit)(clinic, 100)
        got = await receive(home, 100)
    assert [event["number"] for event in got] == list(range(2, 102))
    # Whether the hub looked everywhere meanwhile or not; never a hundred times.
    assert len(visits) <= 12, visits


def _append_in_one_commit(clinic: Clinic, many: int) -> None:
    with transaction.atomic():
        for _ in range(many):
            events.append(screening=clinic.screening, kind="k")


async def test_sockets_that_come_back_together_miss_nothing(
    clinic: Clinic, layer: str, settings: Any, visits: list[str]
) -> None:
    """A restart: everybody returns at once, each from another number, while events are written."""
    settings.LIVE_SOCKETS_PER_PERSON = 60
    await database_sync_to_async(append)(clinic.screening, *(["k"] * 60))
    cookie = await database_sync_to_async(session_cookie)(clinic.clinician)
    address = f"/ws/site/{clinic.site.pk}/"

    async def come_back(after: int) -> list[int]:
        async with open_socket(f"{address}?after={after}", None, cookie=cookie) as desk:
            hello = await desk.receive_json()
            assert hello["type"] == "hello"
            numbers: list[int] = []
            while not numbers or numbers[-1] < 71:
                numbers.append((await desk.receive_json())["number"])
            return numbers

    visits.clear()
    writing = database_sync_to_async(append, thread_sensitive=False)
    *heard, _ = await asyncio.gather(
        *(come_back(after) for after in range(1, 61)), writing(clinic.screening, *(["new"] * 10))
    )
    for after, numbers in enumerate(heard, start=1):
        assert numbers == list(range(after + 1, 72))
    assert len(visits) < 60 * 3, "each socket asked for itself"


async def test_who_was_away_for_too_long_is_told_to_reload(clinic: Clinic, layer: str) -> None:
    await database_sync_to_async(_number_up_to)(clinic, REPLAY + 50)
    async with open_socket("/ws/patient/?after=3", people.the_user(clinic.patient)) as home:
        last = REPLAY + 50
        assert await receive(home, 2) == [
            {"type": "hello", "last": last},
            {"type": "reload", "last": last},
        ]
        await database_sync_to_async(append)(clinic.screening, "next")
        [event] = await receive(home, 1)
    assert event["number"] == last + 1


def _number_up_to(clinic: Clinic, last: int) -> None:
    key = events.patient_stream(clinic.patient.pk)
    Event.objects.bulk_create(
        Event(stream_id=key, number=number, kind="k") for number in range(2, last + 1)
    )
    EventStream.objects.filter(key=key).update(last_number=last)


async def test_events_that_are_gone_mean_reload(clinic: Clinic, layer: str) -> None:
    """Pruned: what is asked for is near, but no longer there."""
    await database_sync_to_async(append)(clinic.screening, "b", "c", "d")
    await database_sync_to_async(Event.objects.filter(number__lte=3).delete)()
    user = people.the_user(clinic.patient)
    async with open_socket("/ws/patient/?after=1", user) as home:
        assert (await receive(home, 2))[1] == {"type": "reload", "last": 4}
    async with open_socket("/ws/patient/?after=3", user) as home:
        _, event = await receive(home, 2)
        assert event["number"] == 4


async def test_a_line_that_takes_nothing_is_not_waited_for(clinic: Clinic, layer: str) -> None:
    """Its own task waits; the others hear. When it takes again it has missed nothing."""
    user = people.the_user(clinic.patient)
    async with open_socket("/ws/patient/", user) as slow, open_socket("/ws/patient/", user) as home:
        await receive(slow, 1)
        await receive(home, 1)
        slow.hold()
        await database_sync_to_async(append)(clinic.screening, "b", "c")
        assert [event["number"] for event in await receive(home, 2)] == [2, 3]
        slow.let_go()
        assert [event["number"] for event in await receive(slow, 2)] == [2, 3]


async def test_a_line_that_is_blocked_hears_nothing_more_once_its_right_has_ended(
    clinic: Clinic, layer: str
) -> None:
    address = f"/ws/site/{clinic.site.pk}/"
    async with open_socket(address, clinic.clinician) as slow:
        await receive(slow, 1)
        slow.hold()
        await database_sync_to_async(append)(clinic.screening, "b", "c", "d")
        await slow.is_held()
        await database_sync_to_async(Membership.objects.all().delete)()
        await until(lambda: refused(clinic))
        slow.let_go()
        # The one that was on its way may arrive; those behind it do not.
        message = await slow.receive_output(timeout=PATIENCE)
        assert b"2" in str(message.get("text")).encode()
        assert await slow.closing_code() == 4403


def refused(clinic: Clinic) -> bool:
    hub = hubs.hub_here()
    stream = hub._streams[events.site_stream(clinic.site.pk)]
    return all(one.refusal for one in stream.listeners)


async def until(condition: Any) -> None:
    for _ in range(500 * PATIENCE):
        if condition():
            return
        await asyncio.sleep(0.002)
    raise AssertionError("it did not come about")


class Gate:
    """Holds a hub's visit to the database when it has read, until the test lets it go on.

    Only a visit whose first argument is not empty: some socket arrives, or some stream is read.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, visit: str) -> None:
        self._has_read, self._open = threading.Event(), threading.Event()
        real = getattr(hubs, visit)

        def held(*arguments: Any) -> Any:
            answer = real(*arguments)
            if arguments[0]:
                self._has_read.set()
                assert self._open.wait(PATIENCE)
            return answer

        monkeypatch.setattr(hubs, visit, held)

    async def has_read(self) -> None:
        assert await asyncio.to_thread(self._has_read.wait, PATIENCE)

    def let_go(self) -> None:
        self._open.set()


async def test_a_hint_counts_for_what_is_being_read_when_it_comes(
    clinic: Clinic, layer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event is read, the person was asked for before; then we hear that the right has ended."""
    user_id = clinic.clinician.pk
    async with open_socket(f"/ws/site/{clinic.site.pk}/", clinic.clinician) as desk:
        await receive(desk, 1)
        gate = Gate(monkeypatch, "news")
        await database_sync_to_async(append)(clinic.screening, "secret")
        await gate.has_read()
        await database_sync_to_async(Membership.objects.all().delete)()
        await until(lambda: user_id in hubs.hub_here()._doubts)
        gate.let_go()
        assert await desk.closing_code() == 4403


async def test_a_hint_for_a_stream_that_is_just_joined_is_not_forgotten(
    clinic: Clinic, layer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its newest number was read already; the next look is a minute away."""
    key = events.patient_stream(clinic.patient.pk)
    make = database_sync_to_async(people.make_patient)
    other = await make(clinic.site, "other@example.org")
    async with open_socket("/ws/patient/", people.the_user(other)) as first:
        await receive(first, 1)
        await database_sync_to_async(people.make_screening)(other)
        await receive(first, 1)  # the hub hears hints by now
        await until(lambda: hubs.hub_here()._next_look > asyncio.get_running_loop().time() + 30)
        gate = Gate(monkeypatch, "arrivals")
        async with open_socket("/ws/patient/", people.the_user(clinic.patient)) as home:
            await gate.has_read()
            await database_sync_to_async(append)(clinic.screening, "meanwhile")
            await until(lambda: key in hubs.hub_here()._hinted)
            gate.let_go()
            hello, event = await receive(home, 2)
    assert (hello["last"], event["number"]) == (1, 2)


async def test_the_hub_ends_with_its_last_socket(clinic: Clinic, layer: str) -> None:
    before = {thread.name for thread in threading.enumerate()}
    async with open_socket("/ws/patient/", people.the_user(clinic.patient)) as home:
        await receive(home, 1)
        assert asyncio.get_running_loop() in hubs._hubs
    assert asyncio.get_running_loop() not in hubs._hubs
    live = {name for name in (t.name for t in threading.enumerate()) if name.startswith("live")}
    assert live <= before


async def test_a_line_that_breaks_in_any_way_leaves_nothing_behind(
    clinic: Clinic, layer: str
) -> None:
    """Servers say in ways of their own that nothing can be sent any more."""
    cookie = await database_sync_to_async(session_cookie)(people.the_user(clinic.patient))
    gone = asyncio.Event()

    async def receive() -> dict[str, str]:
        if not connected:
            connected.append(True)
            return {"type": "websocket.connect"}
        await gone.wait()
        return {"type": "websocket.disconnect"}

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "websocket.send":
            gone.set()
            raise RuntimeError("the line is closed")

    connected: list[bool] = []
    scope = {"headers": [(b"cookie", cookie)], "url_route": {"kwargs": {}}}
    await follow_stream(scope, receive, send)
    assert asyncio.get_running_loop() not in hubs._hubs


async def test_a_fault_of_our_own_ends_the_socket(
    clinic: Clinic, layer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its page comes back and asks; it must not wait on a line on which nothing is said."""

    async def listen() -> None:
        async with open_socket("/ws/patient/", people.the_user(clinic.patient)) as home:
            await receive(home, 1)
            monkeypatch.setattr(hubs.Hub, "next_for", _no_cursor)
            await database_sync_to_async(append)(clinic.screening, "next")
            await home.wait(timeout=PATIENCE)

    with pytest.raises(ExceptionGroup):
        await listen()
    assert asyncio.get_running_loop() not in hubs._hubs


async def test_a_database_that_is_away_closes_nobody(
    clinic: Clinic, layer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who listens stays and hears it later; who arrives is asked to try again."""
    user = people.the_user(clinic.patient)
    async with open_socket("/ws/patient/", user) as home:
        await receive(home, 1)
        cookie = await database_sync_to_async(session_cookie)(user)
        with monkeypatch.context() as away:
            away.setattr(connections["default"].__class__, "cursor", _no_cursor)
            async with open_socket("/ws/patient/", None, cookie=cookie) as late:
                assert await late.closing_code() == 1013
        await database_sync_to_async(append)(clinic.screening, "later")
        [event] = await receive(home, 1)
    assert event["number"] == 2


def _no_cursor(self: Any, *arguments: Any) -> Any:
    raise OperationalError("the database is away")


def test_the_rule_for_many_is_the_rule_for_one(clinic: Clinic) -> None:
    """Sockets ask for many people at once; it must be the same answer as a page's."""
    other = people.make_site("Elsewhere")
    colleague = people.make_clinician(other, "colleague@example.org")
    Membership.objects.create(user=colleague, site=clinic.site)
    away = people.make_clinician(other, "away@example.org")
    User.objects.filter(pk=away.pk).update(is_active=False)
    guest = people.make_clinician(other, "guest@example.org")
    Membership.objects.filter(user=guest).update(role="guest")
    erased = people.make_patient(other, "erased@example.org")
    Patient.objects.filter(pk=erased.pk).update(erased_at="2026-01-01T00:00Z")
    inactive = people.make_patient(other, "inactive@example.org")
    User.objects.filter(pk=people.the_user(inactive).pk).update(is_active=False)
    everybody = list(User.objects.all())
    ids = [user.pk for user in everybody]
    sites = WorkAtSite.holders(ids)
    patients = ActAsPatient.holders(ids)
    for user in everybody:
        for site in (clinic.site, other):
            assert ((user.pk, site.pk) in sites) is WorkAtSite.allows(user, site)
        for patient in Patient.objects.all():
            held = patients.get(user.pk) == patient.pk
            assert held is ActAsPatient.allows(user, patient)
