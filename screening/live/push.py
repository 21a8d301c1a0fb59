"""Tells the hubs (``hub.py``) of all web processes what to look at. Never raises, never waits.

Callable from any thread of any process. A hint carries no content, only the keys of streams that
have something new and the ids of people whose rights may have changed. It may be lost: hubs look by
themselves every few seconds. So a failure here is logged and forgotten.

Channel layers live on an event loop. The in-memory layer belongs to the loop of the server in this
process (``attach_loop``). Redis connections belong to the loop that opened them, and a Celery
worker has none, or a closed one: there, hints go through one loop on a thread of its own.
"""

import asyncio
import logging
import os
import threading
from collections.abc import Iterable, Mapping

from channels.layers import InMemoryChannelLayer, get_channel_layer

logger = logging.getLogger(__name__)

#: The one Channels group: every hub is in it, so a hint costs the same for one socket and for 500.
GROUP = "live"

_lock = threading.Lock()
_server_loop: asyncio.AbstractEventLoop | None = None
_own_loop: asyncio.AbstractEventLoop | None = None
_own_loop_pid = 0
_sender: "_Sender | None" = None


def attach_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Says which loop the sockets of this process run on. The newest call counts."""
    global _server_loop
    _server_loop = loop


def notify(stream_keys: Iterable[str]) -> None:
    """Whoever follows these streams has something to read."""
    _hand_on(streams=set(stream_keys), people=set())


def person_changed(user_id: int) -> None:
    """What this person may follow has to be asked anew, at once: the session or a right ended."""
    _hand_on(streams=set(), people={user_id})


def _hand_on(*, streams: set[str], people: set[int]) -> None:
    try:
        layer = get_channel_layer()
        loop = _server_loop if isinstance(layer, InMemoryChannelLayer) else _dedicated_loop()
        if layer is not None and loop is not None and not loop.is_closed():
            _sender_on(loop).add(streams, people)
    except Exception:
        logger.warning("no push for now; pages look by themselves", exc_info=True)


class _Sender:
    """Sends the hints of this process in order, one message at a time.

    What comes in meanwhile goes out together with the next message: a hundred events in one commit
    cost two messages. The order matters, since a right that ended must not be overtaken by the
    event that came after.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._streams: set[str] = set()
        self._people: set[int] = set()
        self._sending = False
        self._failed = False

    def add(self, streams: set[str], people: set[int]) -> None:
        with _lock:
            self._streams |= streams
            self._people |= people
            if self._sending:
                return
            self._sending = True
        asyncio.run_coroutine_threadsafe(self._send_all(), self.loop)

    async def _send_all(self) -> None:
        while True:
            with _lock:
                if not self._streams and not self._people:
                    self._sending = False
                    return
                message = {
                    "type": "live.hint",
                    "streams": sorted(self._streams),
                    "people": sorted(self._people),
                }
                self._streams, self._people = set(), set()
            await self._send(message)

    async def _send(self, message: Mapping[str, object]) -> None:
        try:
            await get_channel_layer().group_send(GROUP, message)
            self._failed = False
        except Exception as error:
            # Redis's errors are no OSErrors, and all of them mean the same here. Said once.
            if not self._failed:
                logger.warning("no push for now; pages look by themselves: %r", error)
            self._failed = True


def _sender_on(loop: asyncio.AbstractEventLoop) -> _Sender:
    global _sender
    with _lock:
        if _sender is None or _sender.loop is not loop:
            _sender = _Sender(loop)
        return _sender


def _dedicated_loop() -> asyncio.AbstractEventLoop:
    """This process's loop for Redis, started once. A forked child starts its own."""
    global _own_loop, _own_loop_pid
    with _lock:
        if _own_loop is None or _own_loop_pid != os.getpid():
            _own_loop = asyncio.new_event_loop()
            _own_loop_pid = os.getpid()
            threading.Thread(target=_own_loop.run_forever, name="push", daemon=True).start()
        return _own_loop
