"""The sockets that pages listen on: ``/ws/patient/`` and ``/ws/site/<id>/``.

One task per socket delivers: woken by a hint, by the client's wish to replay, or every few seconds
by itself. Before each delivery it asks the database again whether this person may still follow the
stream, and it sends rows in order from the number after the last one sent, so that a lost or
repeated hint skips and repeats nothing.
"""

import asyncio
import logging
from contextlib import suppress
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from channels.exceptions import ChannelFull
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.utils.crypto import constant_time_compare

from screening.accounts.sessions import still_signed_in
from screening.errors import NotFound
from screening.live import push
from screening.models import Event, User
from screening.services import events

logger = logging.getLogger(__name__)

BATCH = 100

CLOSED_NOT_LOGGED_IN = 4401
CLOSED_NOT_ALLOWED = 4403
CLOSED_TRY_AGAIN = 1013


class _NotAllowed(Exception):
    """This person may not (or no longer) follow the stream."""


class StreamConsumer(AsyncJsonWebsocketConsumer):
    """Follows one stream: the site's that the address names, or else the person's own."""

    stream_key: str | None = None

    async def connect(self) -> None:
        push.attach_loop(asyncio.get_running_loop())
        await self.accept()
        user = self.scope.get("user")
        if user is None or not user.is_authenticated:
            await self.close(CLOSED_NOT_LOGGED_IN)
            return
        self.user_id: int = user.pk
        key = await database_sync_to_async(self._readable_stream)()
        if key is None:
            await self.close(CLOSED_NOT_ALLOWED)
            return
        self.stream_key = key
        self.wake = asyncio.Event()
        # First join, then read: an event between the two is read, or hinted at, or both.
        await self._join(push.group_name(key))
        last = await database_sync_to_async(events.last_number)(stream=key)
        self.sent = self._asked_after(last)
        await self.send_json({"type": "hello", "last": last})
        self.wake.set()
        self.delivering = asyncio.create_task(self._deliver())

    async def disconnect(self, code: int) -> None:
        if self.stream_key is None:
            return
        self.delivering.cancel()
        with suppress(asyncio.CancelledError):
            await self.delivering
        with suppress(OSError):
            # Redis may be away; the membership of the group expires by itself.
            await self.channel_layer.group_discard(
                push.group_name(self.stream_key), self.channel_name
            )

    async def receive_json(self, content: Any, **_: Any) -> None:
        """Only ``{"type": "replay", "after": N}`` means anything; the rest is ignored."""
        if self.stream_key is None or not isinstance(content, dict):
            return
        after = content.get("after")
        if content.get("type") == "replay" and isinstance(after, int) and after >= 0:
            self.sent = after
            self.wake.set()

    async def decode_json(self, text_data: str) -> Any:
        try:
            return await super().decode_json(text_data)
        except ValueError:
            return None

    async def stream_hint(self, _: dict[str, Any]) -> None:
        self.wake.set()

    async def _join(self, group: str) -> None:
        try:
            await self.channel_layer.group_add(group, self.channel_name)
        except (OSError, ChannelFull):
            logger.warning("the channel layer is away; this socket looks by itself")

    def _asked_after(self, last: int) -> int:
        """The number in ``?after=``; without one, only what comes from now on."""
        query = parse_qs(self.scope.get("query_string", b"").decode("latin-1"))
        asked = query.get("after", [""])[0]
        # Longer numbers than any counter are no number of ours.
        return min(int(asked), last) if asked.isdecimal() and len(asked) < 19 else last

    async def _deliver(self) -> None:
        try:
            while True:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.wake.wait(), settings.LIVE_POLL_SECONDS)
                self.wake.clear()
                while await self._send_batch():
                    pass
        except _NotAllowed:
            await self.close(CLOSED_NOT_ALLOWED)
        except asyncio.CancelledError:
            raise
        except Exception:
            # A database that is away: the page reconnects and replays from its last number.
            logger.exception("a live stream stopped; the page will reconnect")
            await self.close(CLOSED_TRY_AGAIN)

    async def _send_batch(self) -> bool:
        """Sends what there is after the last number; True when there may be more."""
        after = self.sent
        batch = await database_sync_to_async(self._allowed_events)(after)
        for event in batch:
            if self.sent != after:
                return True  # the client asked for a replay meanwhile
            await self.send_json(_as_json(event))
            if self.sent == after:
                self.sent = after = event.number
        return len(batch) == BATCH

    def _allowed_events(self, after: int) -> list[Event]:
        """One visit to the database: may this person still listen, and what is there to say?"""
        key = self._readable_stream()
        if key is None or key != self.stream_key:
            raise _NotAllowed
        return list(events.after(stream=key, number=after, limit=BATCH))

    def _still_logged_in(self) -> User | None:
        """Asks the session anew, as each page does: not expired, the same person and password."""
        opened: SessionBase = self.scope["session"]
        # Read as it is now; the one in the scope remembers what it held when the socket opened.
        session = import_module(settings.SESSION_ENGINE).SessionStore(opened.session_key)
        if session.get(SESSION_KEY) != str(self.user_id):
            return None
        user = User.objects.filter(pk=self.user_id, is_active=True).first()
        if user is None:
            return None
        hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
        held = session.get(HASH_SESSION_KEY, "")
        if not any(constant_time_compare(held, one) for one in hashes):
            return None
        return user if still_signed_in(session, user) else None

    def _readable_stream(self) -> str | None:
        """The key of the stream; None where this person may not, or no longer, follow it."""
        user = self._still_logged_in()
        site_id = self.scope["url_route"]["kwargs"].get("site_id")
        try:
            name = f"site:{site_id}" if site_id else "patient"
            return events.readable_stream(user=user, name=name) if user else None
        except NotFound:
            return None


def _as_json(event: Event) -> dict[str, Any]:
    return {
        "type": "event",
        "number": event.number,
        "kind": event.kind,
        "data": event.data,
        "at": event.created_at.isoformat(),
    }
