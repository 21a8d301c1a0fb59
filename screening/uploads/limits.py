"""Ends a request whose body is too long while it arrives.

Django's ASGI handler writes a whole body to disk before any view runs, so a body without an end
would fill the disk before the upload's own limits are asked.
"""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from screening.errors import TooLarge

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

SENTENCE = "This request is too large; send smaller parts."


class BodyLimit:
    """Wraps an ASGI application; answers 413 to more than ``max_bytes`` of body."""

    def __init__(self, app: App, *, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif _announced(scope) > self.max_bytes:
            await _refuse(send)
        else:
            await self._counted(scope, receive, send)

    async def _counted(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        arrived, answered = 0, False

        async def counting() -> Message:
            nonlocal arrived
            message = await receive()
            arrived += len(message.get("body", b""))
            # To the application the client is gone; the client gets our answer below.
            return {"type": "http.disconnect"} if arrived > self.max_bytes else message

        async def noting(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        await self.app(scope, counting, noting)
        if arrived > self.max_bytes and not answered:
            await _refuse(send)


def _announced(scope: MutableMapping[str, Any]) -> int:
    for name, value in scope.get("headers", []):
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


async def _refuse(send: Send) -> None:
    body = json.dumps({"code": TooLarge.code, "detail": SENTENCE}).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": TooLarge.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
