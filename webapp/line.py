"""Requests wait in a line, each for its turn, instead of all at once for the database.

Two hundred patients who upload at once are two hundred threads that fight for one SQLite file (or
for more PostgreSQL connections than there are): some lose every time, until their patience is over.
So a request whose body has arrived waits here, without a thread, first come first served; when its
turn does not come in time it is told to come again. What touches the store has a line of its own:
a store that is slow must not hold up log-in and reading.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import django
from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler

from screening import faults
from screening.errors import Unavailable

BUSY = "Many people are here just now. Please try again in a moment."
#: These say how the site is, and must not wait for it.
HEALTH = ("/healthz", "/readyz")


class Line:
    """At most ``at_once`` go ahead; the others wait for up to ``seconds``, in order."""

    def __init__(self, at_once: int, seconds: float) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._seconds = seconds

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Raises Unavailable when the turn does not come in time."""
        try:
            async with asyncio.timeout(self._seconds):
                await self._turns.acquire()
        except TimeoutError:
            busy = Unavailable(BUSY)
            # Not all of them again at the same moment.
            busy.retry_after = random.randint(2, 8)  # noqa: S311
            raise busy from None
        try:
            yield
        finally:
            self._turns.release()


class LinedHandler(ASGIHandler):
    """Django's handler; each request is begun when its turn in its line has come.

    From there on it stays in one thread: every view and most middlewares are synchronous, and
    Django would else go back and forth between thread and loop at each of them.
    """

    def __init__(self) -> None:
        super().__init__()
        seconds = settings.LINE_SECONDS
        self._pages = Line(settings.REQUESTS_AT_ONCE, seconds)
        self._store = Line(settings.UPLOADS_AT_ONCE, seconds)

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: Any) -> Any:
        in_a_thread = sync_to_async(self.get_response)
        if request.path in HEALTH:
            return await in_a_thread(request)
        try:
            async with self._line(request.path).turn():
                return await in_a_thread(request)
        except Unavailable as busy:
            return faults.answer(request, busy)

    def _line(self, path: str) -> Line:
        touches_store = path.startswith(("/api/v1/uploads/", "/media/")) or path.endswith("/video/")
        return self._store if touches_store else self._pages


def lined_application() -> LinedHandler:
    """As ``get_asgi_application``."""
    django.setup(set_prefix=False)
    return LinedHandler()
