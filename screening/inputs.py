"""What may come in at all: text that every database keeps, numbers that are numbers, shallow JSON.

Asked once, where it comes in: addresses, queries and forms by the middleware here, JSON by the
API's parser. Behind that, nobody has to think of a NUL again: PostgreSQL refuses it, SQLite stores
it, and a lone half of a surrogate pair breaks every answer it is part of.
"""

import json
import logging
import math
import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.exceptions import ValidationError
from django.db import DataError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string

from screening.errors import Invalid

logger = logging.getLogger(__name__)

#: No page sends more levels of lists and objects; Python itself ends at about a thousand.
DEEPEST = 32
SENTENCE = "This holds characters that cannot be kept. Please check it."
#: What a database or an encoder refuses: NUL, and halves of surrogate pairs.
NOT_TEXT = re.compile("[\0\ud800-\udfff]")
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
#: How many rows a table of forms in the admin site says it has; Django believes a negative one.
COUNTS = ("-TOTAL_FORMS", "-INITIAL_FORMS", "-MIN_NUM_FORMS", "-MAX_NUM_FORMS")


class NotKeepable(Invalid):
    status = 400
    code = "characters"
    detail = SENTENCE


def is_text(value: str) -> bool:
    """Whether every database keeps it and every answer can hold it."""
    return NOT_TEXT.search(value) is None


def from_json(body: bytes) -> Any:
    """The value of a JSON document. Raises ValueError, in words, for what must not come in."""
    try:
        value = json.loads(body.decode())
    except RecursionError:
        raise ValueError("this is nested too deeply") from None
    _check(value, 0)
    return value


def _check(value: Any, depth: int) -> None:
    if depth > DEEPEST:
        raise ValueError("this is nested too deeply")
    if isinstance(value, str) and not is_text(value):
        raise ValueError(SENTENCE)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number is none, or too large")
    if isinstance(value, dict):
        for key, one in value.items():
            _check(key, depth)
            _check(one, depth + 1)
    elif isinstance(value, list):
        for one in value:
            _check(one, depth + 1)


class OnlyText:
    """Answers 400 to an address, a query or a form with characters that cannot be kept."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        query = unquote_to_bytes(request.META.get("QUERY_STRING", ""))
        if not is_text(request.path) or b"\0" in query:
            return self._refused(request)
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: Any) -> HttpResponseBase | None:
        if not _leads_somewhere(request.GET.getlist("next")):
            return refuse(request)
        if request.content_type in FORMS and not _are_sensible(request.POST.lists()):
            return refuse(request)
        return None

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        """A value that no field takes, found out only by a query, as the admin site does: no value
        of its column (ValidationError), or a number larger than any (SQLite, PostgreSQL)."""
        if not isinstance(error, ValidationError | OverflowError | DataError):
            return None
        logger.warning("refused: a value that no field takes")
        return refuse(request)

    def _refused(self, request: HttpRequest) -> Any:
        async def later() -> HttpResponseBase:
            return refuse(request)

        return later() if self.is_async else refuse(request)


def _are_sensible(fields: Iterable[tuple[str, list[Any]]]) -> bool:
    return all(
        is_text(name)
        and all(is_text(one) and _is_harmless(one) for one in values)
        and (name != "next" or _leads_somewhere(values))
        and (not name.endswith(COUNTS) or all(re.fullmatch(r"\d{1,4}", one) for one in values))
        for name, values in fields
    )


def _leads_somewhere(addresses: Iterable[str]) -> bool:
    """Whether they can be taken apart; whether they lead out of this site others ask."""
    try:
        for address in addresses:
            urlsplit(address)
    except ValueError:
        return False
    return True


def _is_harmless(value: str) -> bool:
    """False for JSON in a form's field (a passkey's answer) that must not come in as a body.

    Whether it is JSON is found out first: an id may begin like a number that is too large.
    """
    try:
        found = json.loads(value)
    except json.JSONDecodeError:
        return True
    except (ValueError, RecursionError):
        # More digits than Python reads, more levels than it goes down.
        return False
    try:
        _check(found if isinstance(found, str | list | dict) else None, 0)
    except ValueError:
        return False
    return True


def refuse(request: HttpRequest) -> HttpResponseBase:
    if request.path.startswith("/api/"):
        told = {"code": NotKeepable.code, "detail": NotKeepable.detail}
        return JsonResponse(told, status=NotKeepable.status)
    return HttpResponse(render_to_string("400.html"), status=NotKeepable.status)
