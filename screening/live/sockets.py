"""The sockets that pages listen on: ``/ws/patient/`` and ``/ws/site/<id>/``.

A socket says ``hello`` with the stream's newest number, then every event after ``?after=`` in
order; ``reload`` where that is too far back to be sent again. All it understands is a wish to hear
again (``{"type": "replay", "after": N}``); size and pace of what comes in are limited.

A plain ASGI application: a Channels consumer visits the database's thread for every message and
listens to the channel layer for itself, so that 500 of them wait for each other, and all end with
the layer. What the sockets of a process have in common is their hub's.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs

from django.conf import settings
from django.http import parse_cookie

from screening.live.buckets import Bucket
from screening.live.hub import Hub, hub_here
from screening.live.standing import Ask, Refusal
from screening.live.stream import Listener

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

#: A wish to hear again has 40 characters or so.
MESSAGE_CHARACTERS = 256
#: Pages send nothing at all unless a number is missing.
MESSAGES_AT_ONCE = 10
MESSAGES_PER_SECOND = 0.5
SESSION_KEY = re.compile(r"[a-z0-9]{8,40}")
#: Longer numbers than any counter are no number of ours.
NUMBER = re.compile(r"[0-9]{1,18}")


class LineGone(Exception):
    """Nothing can be sent any more; what comes in will say so too."""


async def follow_stream(scope: Scope, receive: Receive, send: Send) -> None:
    """Follows one stream: the site's that the address names, or else the person's own."""
    if (await receive())["type"] != "websocket.connect":
        return
    # Accepted before anything is asked: a browser hears a reason only on an open socket.
    await send({"type": "websocket.accept"})
    session_key = _session_key(scope)
    if session_key is None:
        await send({"type": "websocket.close", "code": int(Refusal.NOT_LOGGED_IN)})
        return
    listener = Listener(Ask(session_key, _wish(scope)), _asked_after(scope))
    hub = hub_here()
    hub.enter(listener)
    try:
        # Should one of the two fail, the other is not left behind: a page must not believe in a
        # line on which nothing is said any more.
        async with asyncio.TaskGroup() as both:
            delivering = both.create_task(_deliver(hub, listener, send))
            await _obey(hub, listener, receive)
            delivering.cancel()
    finally:
        await hub.leave(listener)


async def no_such_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuses an address that is none of ours. The server has no cleaner answer: a 404 of our own
    it sends, and then complains that there was no handshake."""
    await receive()
    await send({"type": "websocket.close"})


async def _deliver(hub: Hub, listener: Listener, send: Send) -> None:
    """Everything that goes out, until the socket is refused or gone."""
    last = await listener.let_in()
    with suppress(LineGone):
        if listener.refusal is None:
            await _say(send, json.dumps({"type": "hello", "last": last}))
        while listener.refusal is None:
            await listener.awake.wait()
            listener.awake.clear()
            # Asked for one by one: while a slow line takes its time a right may end.
            while (text := hub.next_for(listener)) is not None:
                await _say(send, text)
        await _put(send, {"type": "websocket.close", "code": int(listener.refusal)})


async def _say(send: Send, text: str) -> None:
    await _put(send, {"type": "websocket.send", "text": text})


async def _put(send: Send, message: dict[str, Any]) -> None:
    """Servers say in ways of their own that nobody is there any more; all mean the same here."""
    try:
        await send(message)
    except Exception as error:
        raise LineGone from error


async def _obey(hub: Hub, listener: Listener, receive: Receive) -> None:
    """Everything that comes in, until the browser is gone."""
    loop = asyncio.get_running_loop()
    bucket = Bucket(MESSAGES_AT_ONCE, MESSAGES_PER_SECOND, loop.time())
    while (message := await receive())["type"] == "websocket.receive":
        if listener.refusal is not None:
            continue
        text = message.get("text") or ""
        if len(text) > MESSAGE_CHARACTERS or len(message.get("bytes") or b"") > MESSAGE_CHARACTERS:
            listener.refuse(Refusal.TOO_LARGE)
        elif not bucket.take(loop.time()):
            listener.refuse(Refusal.BAD_MANNERS)
        elif (after := _replay(text)) is not None:
            hub.replay(listener, after)


def _replay(text: str) -> int | None:
    """The number after which the client wishes to hear again; None for anything else."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or content.get("type") != "replay":
        return None
    after = content.get("after")
    return after if type(after) is int and after >= 0 else None


def _session_key(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"cookie":
            key = parse_cookie(value.decode("latin-1")).get(settings.SESSION_COOKIE_NAME, "")
            if SESSION_KEY.fullmatch(key):
                return key
    return None


def _wish(scope: Scope) -> str:
    site_id = scope["url_route"]["kwargs"].get("site_id")
    return f"site:{site_id}" if site_id else "patient"


def _asked_after(scope: Scope) -> int | None:
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    asked = query.get("after", [""])[0]
    return int(asked) if NUMBER.fullmatch(asked) else None
