"""Bounds what the bodies of requests may take, while they arrive.

Django's ASGI handler writes a whole body to disk before any view runs and asks who it is from. So a
body without an end, or many at once, would fill the disk before the upload's own limits are asked:
here each has a size, all together have one, and a disk that is full is said in words.
"""

import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from screening import faults
from screening.errors import DomainError, TooLarge, Unavailable

logger = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

SENTENCE = "This request is too large; send smaller parts."
MANY = "Many recordings arrive just now. Yours will be sent again in a moment."
#: Only a part of an upload is large; nobody types more than this into a form.
FORM_BYTES = 2_500_000
UPLOADS = "/api/v1/uploads/"


class BodyLimit:
    """Wraps an ASGI application; answers 413 to a body of more than ``max_bytes``.

    503 while all bodies under way would hold more than ``together_bytes``; what :mod:`faults` calls
    passing (a full temporary folder) is answered as it says.
    """

    def __init__(self, app: App, *, max_bytes: int, together_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.together_bytes = together_bytes
        self.under_way = 0

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif _announced(scope) > self._most(scope):
            await _refuse(send, _too_large())
        else:
            await _Bounded(self, self._most(scope), send).run(scope, receive)

    def _most(self, scope: MutableMapping[str, Any]) -> int:
        is_part = str(scope.get("path", "")).startswith(UPLOADS)
        return self.max_bytes if is_part else min(self.max_bytes, FORM_BYTES)


class _Bounded:
    """One request: its body is counted, and refused where it must not go on."""

    def __init__(self, limit: BodyLimit, most: int, send: Send) -> None:
        self.limit, self.most, self.send = limit, most, send
        self.arrived = 0
        self.refusal: DomainError | None = None
        self.is_answered = False

    async def run(self, scope: MutableMapping[str, Any], receive: Receive) -> None:
        async def counting() -> Message:
            return self._count(await receive())

        try:
            await self.limit.app(scope, counting, self._note)
        except OSError as error:
            self.refusal = self.refusal or faults.passing(error)
            if self.refusal is None or self.is_answered:
                raise
            faults.note(error, self.refusal)
        finally:
            self.limit.under_way -= self.arrived
        if self.refusal is not None and not self.is_answered:
            await _refuse(self.send, self.refusal)

    def _count(self, message: Message) -> Message:
        size = len(message.get("body", b""))
        self.arrived += size
        self.limit.under_way += size
        if self.arrived > self.most:
            self.refusal = _too_large()
        elif size and self.limit.under_way > self.limit.together_bytes:
            self.refusal = Unavailable(MANY)
        # To the application the client is gone; the client gets our answer afterwards.
        return {"type": "http.disconnect"} if self.refusal else message

    async def _note(self, message: Message) -> None:
        self.is_answered = True
        await self.send(message)


def _announced(scope: MutableMapping[str, Any]) -> int:
    for name, value in scope.get("headers", []):
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


def _too_large() -> TooLarge:
    """Not ``too_large``, which is said of a whole recording: this may come in smaller parts."""
    return TooLarge(SENTENCE, code="chunk_too_large")


async def _refuse(send: Send, why: DomainError) -> None:
    body = json.dumps({"code": why.code, "detail": why.detail}).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    if isinstance(why, Unavailable):
        headers.append((b"retry-after", str(why.retry_after).encode()))
    await send({"type": "http.response.start", "status": why.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
