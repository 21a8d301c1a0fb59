"""A hub's visits to the database: one thread with one connection that stays open.

So a round costs its queries only, never the opening of a connection, and 500 sockets hold one
connection, not 500.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, connections

from screening.live.standing import Ask, Refusal, Standing, standings
from screening.models import Event
from screening.services import events

T = TypeVar("T")
Found = dict[Ask, Standing | Refusal]


def arrivals(asks: Collection[Ask], streams: Collection[str]) -> tuple[Found, dict[str, int]]:
    """Who may come in, and the newest number of each of ``streams`` and of theirs."""
    found = standings(asks)
    theirs = {one.stream for one in found.values() if isinstance(one, Standing)}
    return found, events.last_numbers(streams=theirs.union(streams))


def news(
    spans: Mapping[str, tuple[int, int]], asks: Collection[Ask]
) -> tuple[dict[str, list[Event]], Found]:
    """The events in ``spans``, and who may hear them.

    In this order: an event that was written after a right had ended is never read before the right.
    """
    return events.between(spans=spans), standings(asks)


class Database:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="live")

    async def ask(self, question: Callable[..., T], *arguments: Any) -> T:
        return await self._loop.run_in_executor(self._thread, _visit, question, arguments)

    async def close(self) -> None:
        await self._loop.run_in_executor(self._thread, connections.close_all)
        self._thread.shutdown()


def _visit(question: Callable[..., T], arguments: tuple[Any, ...]) -> T:
    try:
        return question(*arguments)
    except (InterfaceError, OperationalError):
        # The connection was cut, perhaps long ago: once more with a new one.
        connections.close_all()
        return question(*arguments)
