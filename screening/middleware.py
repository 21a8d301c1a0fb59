"""The outermost middleware: what passes by itself is answered in words, never as a crash.

Views are caught by ``process_exception``. What fails in another middleware (a session that cannot
be saved) has become a plain 500 by the time it comes here; Django's signal says why.
"""

import sys
from collections.abc import Awaitable, Callable
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.signals import got_request_exception
from django.dispatch import receiver
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from screening import faults

Answer = HttpResponseBase | Awaitable[HttpResponseBase]


class FaultsInWords:
    """503 or 507 with ``Retry-After`` while a database, a store or a disk is away, busy or full."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Answer:
        if self.is_async:
            return self._later(request)
        return _in_words(request, self.get_response(request))

    async def _later(self, request: HttpRequest) -> HttpResponseBase:
        return _in_words(request, await self.get_response(request))

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        fault = faults.of_request(error)
        if fault is None:
            return None
        faults.note(error, fault)
        return faults.answer(request, fault)


def _in_words(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    fault = getattr(request, "_passing_fault", None)
    if fault is None or response.status_code != 500:
        return response
    return faults.answer(request, fault)


@receiver(got_request_exception, dispatch_uid="screening.faults")
def _remember(sender: object, request: HttpRequest | None = None, **_: object) -> None:
    """Why this request is about to become a 500, if that is no fault of ours."""
    error = sys.exc_info()[1]
    if request is not None and error is not None:
        cast(Any, request)._passing_fault = faults.of_request(error)
