"""One stream as a process holds it: its newest events as text, and the sockets that follow it.

The text of an event is made once and shared by all. Each socket keeps the number that it sent last
and the number up to which it may send; between the two lies what it still has to say. A socket that
would need more than is held, because it was away for too long or reads too slowly, is told to
reload: its page asks the API for everything, as it does when it is opened.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

from screening.live.standing import Ask, Refusal, Standing
from screening.models import Event

#: So many events are sent again to who comes back; further back means: reload.
REPLAY = 500
#: How long a socket waits to be let in before its page is asked to try later.
JOIN_SECONDS = 20.0
#: What a socket has sent last when no number of this stream fits it: before every event.
NOTHING = -1


@dataclass(eq=False)
class Listener:
    """One socket, as its hub sees it. Made inside the event loop."""

    ask: Ask
    #: The number in ``?after=``; None asks only for what comes from now on.
    after: int | None
    standing: Standing | None = None
    #: When the database last said that this person may listen, on the loop's clock.
    checked: float = -inf
    sent: int = NOTHING
    allowed: int = NOTHING
    refusal: Refusal | None = None
    #: Asked for a replay that no round has looked at yet.
    rewound: bool = False
    #: Gets the stream's newest number; where the socket is refused, whatever.
    admitted: "asyncio.Future[int]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    awake: asyncio.Event = field(default_factory=asyncio.Event)

    async def let_in(self) -> int:
        """The stream's newest number, once a round has let this socket in, or refused it."""
        try:
            return await asyncio.wait_for(asyncio.shield(self.admitted), JOIN_SECONDS)
        except TimeoutError:
            self.refuse(Refusal.TRY_AGAIN)
            return 0

    def refuse(self, refusal: Refusal) -> None:
        self.refusal = refusal
        if not self.admitted.done():
            self.admitted.set_result(0)
        self.awake.set()

    def rewind(self, after: int, newest: int) -> None:
        """Begin after this number; one that the stream has not reached is no number of ours."""
        self.sent = after if 0 <= after <= newest else NOTHING


class Stream:
    """``texts`` are the events with the numbers from ``start`` + 1 to ``last``, without a gap."""

    def __init__(self, key: str, last: int) -> None:
        self.key = key
        self.start = last
        self.last = last
        self.texts: list[str] = []
        self.listeners: set[Listener] = set()

    def span(self, newest: int) -> tuple[int, int] | None:
        """The numbers to read (after the first, up to the second) to serve everybody here."""
        for one in self.listeners:
            one.rewound = False
        oldest = max(0, newest - REPLAY)
        returned = [one.sent for one in self.listeners if oldest <= one.sent < self.start]
        first = max(min(returned, default=self.last), oldest)
        return (first, newest) if first < newest else None

    def take_in(self, rows: Sequence[Event], newest: int) -> None:
        """Add what was read: newer events, or older ones too for somebody who came back."""
        if newest < self.last:
            # The numbers went back: another database, an older backup.
            self._begin_at(newest)
            for one in self.listeners:
                one.sent = NOTHING
        if rows and not self.start < rows[0].number <= self.last + 1:
            self._begin_at(rows[0].number - 1)
        for row in rows:
            if row.number == self.last + 1:
                self.texts.append(_as_text(row))
                self.last = row.number
        if self.last < newest:
            # Pruned meanwhile: nobody can be served from rows that are gone.
            self._begin_at(newest)

    def _begin_at(self, number: int) -> None:
        self.start = self.last = number
        self.texts = []

    def next_for(self, listener: Listener) -> str | None:
        """The next message for this socket, or None when it has all that it may have."""
        if listener.refusal is not None or listener.sent >= listener.allowed:
            return None
        if listener.sent < self.start:
            listener.sent = listener.allowed
            return json.dumps({"type": "reload", "last": listener.sent})
        listener.sent += 1
        return self.texts[listener.sent - self.start - 1]

    def trim(self) -> None:
        """Let go of what everybody has, and of more than is ever sent again."""
        keep = min((one.sent for one in self.listeners), default=self.last)
        keep = max(keep, self.last - REPLAY)
        if keep > self.start:
            del self.texts[: keep - self.start]
            self.start = keep


def _as_text(event: Event) -> str:
    body: dict[str, Any] = {
        "type": "event",
        "number": event.number,
        "kind": event.kind,
        "data": event.data,
        "at": event.created_at.isoformat(),
    }
    return json.dumps(body)
