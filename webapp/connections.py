"""Connections that only wait are closed after a while, and first when there are too many.

uvicorn waits without end for the rest of a request's head or body, so that a thousand half-sent
requests leave nobody else a file handle. Here a head has to be whole after some seconds; a body may
take its time, as on a slow phone line, as long as something of it arrives now and then; and where
connections run out, one that only waits makes room. A request that is being answered is never cut.
"""

import asyncio
import json
import resource
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: A request's head is whole after this long, counted from the connection or the answer before.
HEAD_SECONDS = 20.0
#: So long may a body pause. The page itself gives a silent upload up after a minute.
BODY_PAUSE_SECONDS = 30.0
CHECK_SECONDS = 1.0
#: Each connection may need a second handle: its body on disk, a database, the store.
HANDLES_EACH = 2
MOST_CONNECTIONS = 4096

TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_BUSY = json.dumps(
    {
        "code": "unavailable",
        "detail": "Many people are here just now. Please try again in a minute.",
    }
).encode()
BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 5\r\n"
    b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(_BUSY), _BUSY)
)


def most_connections() -> int:
    """As many as the process has file handles for; its limit is raised as far as it may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = HANDLES_EACH * MOST_CONNECTIONS
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return min(MOST_CONNECTIONS, soft // HANDLES_EACH)


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's HTTP, which knows for how long it has been waiting for what."""

    most: int = MOST_CONNECTIONS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._heard_at = self._head_since = self.loop.time()
        self._has_begun = False
        self._is_in_body = False
        self._watch: asyncio.TimerHandle | None = None

    # --- what happens on the connection -----------------------------------------------------------
    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > self.most and not self._make_room():
            transport.write(BUSY)
            transport.close()
            return
        self._watch = self.loop.call_later(CHECK_SECONDS, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._heard_at = self.loop.time()
        super().data_received(data)

    def handle_websocket_upgrade(self) -> None:
        # From here on it is a socket, with pings of its own.
        self._unwatch()
        super().handle_websocket_upgrade()

    def on_message_begin(self) -> None:
        self._has_begun = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._is_in_body = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._await_head()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        if not self._is_in_body:
            self._await_head()
        super().on_response_complete()

    # --- how long it may wait ---------------------------------------------------------------------
    def _await_head(self) -> None:
        self._is_in_body = self._has_begun = False
        self._head_since = self.loop.time()

    def waited(self) -> float | None:
        """Seconds of silence, or since the head is due; None while we are at work on an answer."""
        now = self.loop.time()
        if self._is_in_body:
            # Paused by us: what was sent has not been taken yet.
            return None if self.flow.read_paused else now - self._heard_at
        is_answering = self.cycle is not None and not self.cycle.response_complete
        return None if is_answering else now - self._head_since

    def _look(self) -> None:
        waited = self.waited()
        limit = BODY_PAUSE_SECONDS if self._is_in_body else HEAD_SECONDS
        if waited is not None and waited > limit:
            self.drop()
        else:
            self._watch = self.loop.call_later(CHECK_SECONDS, self._look)

    def _make_room(self) -> bool:
        """Close the connection that has waited for longest; False where all are at work.

        Those without a whole head go first: a slow line that is sending a recording has shown more.
        """
        waiting = [
            (not other._is_in_body, waited, id(other), other)
            for other in self.connections
            if isinstance(other, PatientProtocol)
            and other is not self
            and (waited := other.waited()) is not None
        ]
        if not waiting:
            return False
        max(waiting)[-1].drop()
        return True

    def drop(self) -> None:
        self._unwatch()
        self.connections.discard(self)
        has_answered = self.cycle is not None and self._is_in_body and self.cycle.response_started
        if self.transport.get_write_buffer_size():
            # The other side does not read either: a polite end would never come.
            self.transport.abort()
            return
        if self._has_begun and not has_answered:
            self.transport.write(TIMED_OUT)
        self.transport.close()

    def _unwatch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
