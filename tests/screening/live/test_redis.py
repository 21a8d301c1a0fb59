"""Sockets while Redis is idle, slow, away and back: none ends, and nothing is lost."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from channels.db import database_sync_to_async
from channels.layers import channel_layers
from channels_redis.core import RedisChannelLayer

from screening.live.push import GROUP
from screening.models import Membership
from tests.screening.live.conftest import PATIENCE, Clinic, append, open_socket, receive
from tests.servers import Redis, running
from tests.worker import people
from webapp.settings.base import LIVE_REDIS_SECONDS, redis_layer

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


class QuickLayer(RedisChannelLayer):
    """The layer, which waits for hints in shorter calls, so that a test need not last."""

    brpop_timeout = 0.2


@pytest.fixture
def own_redis() -> Iterator[Redis]:
    """A Redis that this test may kill."""
    with running(Redis) as server:
        yield server


@pytest.fixture
def quick(own_redis: Redis, settings: Any) -> Iterator[Callable[[float], None]]:
    """Sets the layer up with this time limit for each call."""

    def set_up(seconds: float) -> None:
        layer = redis_layer(own_redis.url(), seconds)
        name = f"{QuickLayer.__module__}.{QuickLayer.__name__}"
        settings.CHANNEL_LAYERS = {"default": layer | {"BACKEND": name}}
        channel_layers.backends.clear()

    settings.LIVE_POLL_SECONDS = 60.0
    yield set_up
    channel_layers.backends.clear()


async def until(condition: Callable[[], object], what: str) -> None:
    """Looks again and again, without holding up the sockets."""
    for _ in range(100 * PATIENCE):
        if await asyncio.to_thread(condition):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"never: {what}")


def waits_ended(server: Redis) -> int:
    """How often a call that waits for hints has come back."""
    stats: Any = redis.Redis.from_url(server.url()).info("commandstats")
    return int(stats.get("cmdstat_bzpopmin", {}).get("calls", 0))


def hubs_in_the_group(server: Redis) -> int:
    found: Any = redis.Redis.from_url(server.url()).zcard(f"asgi:group:{GROUP}")
    return int(found)


def test_a_call_may_take_longer_than_the_layer_waits_for_hints() -> None:
    assert 2 * RedisChannelLayer.brpop_timeout <= LIVE_REDIS_SECONDS
    [host] = redis_layer("redis://x")["CONFIG"]["hosts"]
    assert host["socket_timeout"] == LIVE_REDIS_SECONDS


async def test_an_idle_socket_outlives_the_time_limits_and_still_hears(
    clinic: Clinic, own_redis: Redis, quick: Any, caplog: pytest.LogCaptureFixture
) -> None:
    quick(QuickLayer.brpop_timeout * LIVE_REDIS_SECONDS / RedisChannelLayer.brpop_timeout)
    async with open_socket("/ws/patient/", people.the_user(clinic.patient)) as home:
        await receive(home, 1)
        await until(lambda: waits_ended(own_redis) > 8, "the layer waited eight times in vain")
        await database_sync_to_async(append)(clinic.screening, "at last")
        [event] = await receive(home, 1)
    assert event["number"] == 2
    assert not [line for line in caplog.records if line.levelno >= logging.WARNING], caplog.text


async def test_a_layer_that_times_out_all_the_time_closes_no_socket(
    clinic: Clinic, own_redis: Redis, quick: Any, settings: Any
) -> None:
    """As with the library's own limit. Hints are lost; the sockets look by themselves."""
    settings.LIVE_POLL_SECONDS = 0.2
    quick(QuickLayer.brpop_timeout / 2)
    async with open_socket("/ws/patient/", people.the_user(clinic.patient)) as home:
        await receive(home, 1)
        await until(lambda: waits_ended(own_redis) > 4, "it timed out again and again")
        await database_sync_to_async(append)(clinic.screening, "b", "c")
        assert [event["number"] for event in await receive(home, 2)] == [2, 3]


async def test_with_redis_away_sockets_stay_and_look_by_themselves(
    clinic: Clinic, own_redis: Redis, quick: Any, settings: Any
) -> None:
    settings.LIVE_POLL_SECONDS = 0.2
    quick(3.0)
    site = f"/ws/site/{clinic.site.pk}/"
    async with open_socket("/ws/patient/", people.the_user(clinic.patient)) as home:
        await receive(home, 1)
        await until(lambda: hubs_in_the_group(own_redis) == 1, "the hub listens")
        kill(own_redis)
        await database_sync_to_async(append)(clinic.screening, "while away")
        assert [event["number"] for event in await receive(home, 1)] == [2]
        # Who comes now is let in; who may no longer listen is not believed.
        async with open_socket(site, clinic.clinician) as desk:
            await receive(desk, 1)
            await database_sync_to_async(append)(clinic.screening, "still away")
            assert [event["number"] for event in await receive(desk, 1)] == [3]
            await database_sync_to_async(Membership.objects.all().delete)()
            assert await desk.closing_code() == 4403
        assert [event["number"] for event in await receive(home, 1)] == [3]

        own_redis.start()
        await until(lambda: hubs_in_the_group(own_redis) == 1, "the hub listens again")
        # From now on only a hint can be in time.
        settings.LIVE_POLL_SECONDS = 60.0
        await until_quiet(home)
        await database_sync_to_async(append)(clinic.screening, "back")
        assert [event["number"] for event in await receive(home, 1)] == [4]


async def test_a_redis_that_forgot_everything_is_joined_again(
    clinic: Clinic, own_redis: Redis, quick: Any, settings: Any
) -> None:
    """The connection holds, but the group is gone."""
    settings.LIVE_POLL_SECONDS = 0.2
    quick(3.0)
    async with open_socket("/ws/patient/", people.the_user(clinic.patient)) as home:
        await receive(home, 1)
        await until(lambda: hubs_in_the_group(own_redis) == 1, "the hub listens")
        redis.Redis.from_url(own_redis.url()).flushall()
        await until(lambda: hubs_in_the_group(own_redis) == 1, "it joined again")


async def test_a_restart_in_the_middle_loses_nothing(
    clinic: Clinic, own_redis: Redis, quick: Any, settings: Any
) -> None:
    settings.LIVE_POLL_SECONDS = 0.2
    quick(3.0)
    write = database_sync_to_async(append, thread_sensitive=False)
    async with open_socket("/ws/patient/", people.the_user(clinic.patient)) as home:
        await receive(home, 1)
        before = asyncio.create_task(write(clinic.screening, *("a" * 20)))
        first = await receive(home, 3)
        kill(own_redis)
        await before
        await write(clinic.screening, *("b" * 20))
        await asyncio.to_thread(own_redis.start)
        await write(clinic.screening, *("c" * 20))
        rest = await receive(home, 57)
    assert [event["number"] for event in [*first, *rest]] == list(range(2, 62))


def kill(server: Redis) -> None:
    assert server.process is not None
    server.process.kill()
    server.process.wait()


async def until_quiet(home: Any) -> None:
    """The look that was due has been made: the next one is a minute away."""
    from screening.live.hub import hub_here

    hub, loop = hub_here(), asyncio.get_running_loop()
    await until(lambda: hub._next_look > loop.time() + 30, "the next look is far away")
    assert await home.receive_nothing()
