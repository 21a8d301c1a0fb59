"""Sockets against the whole ASGI application: routing, session, origin check and consumer."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from channels.db import database_sync_to_async
from channels.layers import channel_layers
from django.db import transaction
from django.test import Client

from screening.models import Screening, User
from screening.services import events
from tests.patience import PATIENCE as PATIENCE
from tests.worker import people
from webapp.asgi import application
from webapp.settings.base import redis_layer

ORIGIN = b"http://testserver"


class Socket(ApplicationCommunicator):
    """A browser's end of a WebSocket, as the ASGI server would present it."""

    connected = False

    def __init__(self, scope: dict[str, Any]) -> None:
        self._free = asyncio.Event()
        self._free.set()
        self._waiting = asyncio.Event()

        async def site(scope: Any, receive: Any, send: Any) -> None:
            async def send_when_free(message: Any) -> None:
                self._waiting.set()
                await self._free.wait()
                await send(message)

            await application(scope, receive, send_when_free)

        super().__init__(site, scope)

    def hold(self) -> None:
        """The line takes nothing more, as when the browser's side is full."""
        self._waiting.clear()
        self._free.clear()

    async def is_held(self) -> None:
        """Something waits to be taken."""
        await asyncio.wait_for(self._waiting.wait(), PATIENCE)

    def let_go(self) -> None:
        self._free.set()

    async def receive_json(self) -> dict[str, Any]:
        message = await self.receive_output(timeout=PATIENCE)
        assert message["type"] == "websocket.send", message
        return json.loads(message["text"])

    async def send_text(self, text: str) -> None:
        await self.send_input({"type": "websocket.receive", "text": text})

    async def closing_code(self) -> int:
        """The code with which the server closes, as the very next thing it does."""
        message = await self.receive_output(timeout=PATIENCE)
        assert message["type"] == "websocket.close", message
        return int(message["code"])


@asynccontextmanager
async def open_socket(
    address: str,
    user: User | None,
    origin: bytes | None = ORIGIN,
    host: bytes = b"testserver",
    *,
    tls: bool = False,
    cookie: bytes = b"",
) -> AsyncIterator[Socket]:
    """A connected socket, as a logged-in browser opens it."""
    path, _, query = address.partition("?")
    headers = [(b"host", host)]
    if origin is not None:
        headers.append((b"origin", origin))
    if tls:
        headers.append((b"x-forwarded-proto", b"https"))
    if user is not None:
        cookie = await database_sync_to_async(session_cookie)(user)
    headers.append((b"cookie", cookie))
    scope = {
        "type": "websocket",
        "path": path,
        "query_string": query.encode(),
        "headers": headers,
        "subprotocols": [],
    }
    browser = Socket(scope)
    await browser.send_input({"type": "websocket.connect"})
    answer = await browser.receive_output(timeout=PATIENCE)
    browser.connected = answer["type"] == "websocket.accept"
    try:
        yield browser
    finally:
        browser.let_go()
        await browser.send_input({"type": "websocket.disconnect", "code": 1001})
        await browser.wait(timeout=PATIENCE)


def session_cookie(user: User) -> bytes:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return f"sessionid={client.cookies['sessionid'].value}".encode()


class Clinic:
    """A site with a clinician, a patient and an open screening (whose start was event 1)."""

    def __init__(self) -> None:
        self.site = people.make_site()
        self.clinician = people.make_clinician(self.site)
        self.patient = people.make_patient(self.site)
        self.screening = people.make_screening(self.patient)


@pytest.fixture
def clinic() -> Clinic:
    return Clinic()


def append(screening: Screening, *kinds: str) -> None:
    """Each in a commit of its own."""
    for kind in kinds:
        with transaction.atomic():
            events.append(screening=screening, kind=kind)


async def receive(browser: Socket, count: int) -> list[dict[str, Any]]:
    return [await browser.receive_json() for _ in range(count)]


@pytest.fixture(params=["memory", "redis"])
def layer(request: pytest.FixtureRequest, settings: Any) -> Iterator[str]:
    """Each of the two channel layers that Mimia runs on."""
    if request.param == "redis":
        backend = redis_layer(request.getfixturevalue("redis_server").url())
    else:
        backend = {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    # Long enough that only a push can be in time for a test.
    settings.LIVE_POLL_SECONDS = 60.0
    settings.CHANNEL_LAYERS = {"default": backend}
    channel_layers.backends.clear()
    yield request.param
    channel_layers.backends.clear()
