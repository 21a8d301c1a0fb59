"""Requests wait in a line, each for its turn, instead of all at once for the database.

Two hundred patients who upload at once are two hundred threads that fight for one SQLite file (or
for more PostgreSQL connections than there are): some lose every time, until their patience is over.
So a request whose body has arrived waits here, without a thread, first come first served; when its
turn does not come in time it is told to come again. What touches the store has a line of its own:
a store that is slow must not hold up log-in and reading.
"""

import asyncio
import random
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

import django
from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.db import close_old_connections
from django.http import JsonResponse

from screening import faults
from screening.errors import Unavailable

BUSY = "Many people are here just now. Please try again in a moment."
#: These say how the site is, and must not wait for others.
HEALTH = ("/healthz", "/readyz")
HEALTH_AT_ONCE = 4
#: The films' bytes, the parts of recordings, and what gives an upload up and deletes its parts.
TOUCHES_STORE = re.compile(r"/api/v1/(uploads/|clips/[^/]+/(media|uploads|skip|rerecord)/)")

T = TypeVar("T")


class Line:
    """At most ``at_once`` go ahead, each in a thread of ours; the others wait, in order.

    The threads stay: a client of the store is made once for each (160 ms of work), and not anew for
    every request, as it would be in Django's own threads.
    """

    def __init__(self, name: str, at_once: int, seconds: float) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix=name)
        self._seconds = seconds

    async def run(self, work: Callable[[Any], T], given: Any) -> T:
        """``work(given)`` when its turn has come. Raises Unavailable when that is not in time."""
        try:
            async with asyncio.timeout(self._seconds):
                await self._turns.acquire()
        except TimeoutError:
            busy = Unavailable(BUSY)
            # Not all of them again at the same moment.
            busy.retry_after = random.randint(2, 8)  # noqa: S311
            raise busy from None
        in_a_thread = sync_to_async(
            _with_fresh_connections, thread_sensitive=False, executor=self._threads
        )
        try:
            return await in_a_thread(work, given)
        finally:
            self._turns.release()


def _with_fresh_connections(work: Callable[[Any], T], given: Any) -> T:
    """Django closes connections in the threads that it knows; these are ours."""
    close_old_connections()
    try:
        return work(given)
    finally:
        close_old_connections()


class LinedHandler(ASGIHandler):
    """Django's handler; each request is begun when its turn in its line has come.

    From there on it stays in one thread: every view and most middlewares are synchronous, and
    Django would else go back and forth between thread and loop at each of them.
    """

    def __init__(self) -> None:
        super().__init__()
        seconds = settings.LINE_SECONDS
        self.pages = Line("pages", settings.REQUESTS_AT_ONCE, seconds)
        self.store = Line("store", settings.UPLOADS_AT_ONCE, seconds)
        self.health = Line("health", HEALTH_AT_ONCE, seconds)

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    def create_request(self, scope: Any, body_file: Any) -> tuple[Any, Any]:
        try:
            return cast(tuple[Any, Any], super().create_request(scope, body_file))
        except Exception as error:
            # Before there is a request no middleware is asked: a content type that is none.
            fault = faults.of_request(error)
            if fault is None:
                raise
            return None, JsonResponse(
                {"code": fault.code, "detail": fault.detail}, status=fault.status
            )

    async def get_response_async(self, request: Any) -> Any:
        try:
            return await self._line(request.path).run(self.get_response, request)
        except Unavailable as busy:
            return faults.answer(request, busy)

    def _line(self, path: str) -> Line:
        if path in HEALTH:
            return self.health
        return self.store if TOUCHES_STORE.match(path) else self.pages


def lined_application() -> LinedHandler:
    """As ``get_asgi_application``."""
    django.setup(set_prefix=False)
    return LinedHandler()
