"""Wakes the consumers of some streams. Callable from any thread of any process; never raises.

A hint carries no content and may be lost: consumers read the rows from the database, and look by
themselves every few seconds. So a failure here is logged and forgotten.

Channel layers live on an event loop. The in-memory layer belongs to the loop of the server in this
process (``attach_loop``). Redis connections belong to the loop that opened them, and a Celery
worker has none, or a closed one: there, hints go through one loop on a thread of its own.
"""

import asyncio
import logging
import os
import threading
from collections.abc import Iterable
from concurrent.futures import Future

from channels.layers import InMemoryChannelLayer, get_channel_layer

logger = logging.getLogger(__name__)

_lock = threading.Lock()
_server_loop: asyncio.AbstractEventLoop | None = None
_own_loop: asyncio.AbstractEventLoop | None = None
_own_loop_pid = 0


def group_name(stream_key: str) -> str:
    """``patient:<id>`` as a Channels group; group names know no colon."""
    return stream_key.replace(":", ".")


def attach_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Says which loop the consumers of this process run on. The newest call counts."""
    global _server_loop
    _server_loop = loop


def notify(stream_keys: Iterable[str]) -> None:
    """Tells whoever follows these streams that there is something to read."""
    try:
        layer = get_channel_layer()
        loop = _server_loop if isinstance(layer, InMemoryChannelLayer) else _dedicated_loop()
        if layer is None or loop is None or loop.is_closed():
            return
        for key in stream_keys:
            message = {"type": "stream.hint"}
            sending = layer.group_send(group_name(key), message)
            asyncio.run_coroutine_threadsafe(sending, loop).add_done_callback(_report)
    except Exception:
        logger.warning("no push for now; pages look by themselves", exc_info=True)


def _report(sent: "Future[None]") -> None:
    if not sent.cancelled() and sent.exception() is not None:
        logger.warning("no push for now; pages look by themselves: %r", sent.exception())


def _dedicated_loop() -> asyncio.AbstractEventLoop:
    """This process's loop for Redis, started once. A forked child starts its own."""
    global _own_loop, _own_loop_pid
    with _lock:
        if _own_loop is None or _own_loop_pid != os.getpid():
            _own_loop = asyncio.new_event_loop()
            _own_loop_pid = os.getpid()
            threading.Thread(target=_own_loop.run_forever, name="push", daemon=True).start()
        return _own_loop
