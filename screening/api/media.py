"""API: a clip's film: an address for some minutes, and its bytes by ranges."""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from uuid import UUID

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from screening.api import serializers
from screening.api.base import View, describe
from screening.permissions import ViewClip
from screening.services import media, store

#: A player asks again for what is missing; so much is answered at once, from memory.
RANGE_BYTES = 4 * 1024 * 1024
RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class FilmAddress(View):
    @describe(
        "An address of the film for the person who asks, good for some minutes",
        answer=serializers.AddressOut,
        errors=[404],
    )
    def get(self, request: Request, pk: UUID) -> Response:
        found = media.address(by=self.user, clip=self.clip(ViewClip, pk))
        return Response(serializers.AddressOut(found).data)


class Video(View):
    @describe(
        "Leads to such an address",
        answer=OpenApiResponse(description="The address is in `Location`."),
        status=302,
        errors=[404],
    )
    def get(self, request: Request, pk: UUID) -> HttpResponseBase:
        found = media.address(by=self.user, clip=self.clip(ViewClip, pk))
        return HttpResponseRedirect(found.url)


class Film(View):
    @describe(
        "The playback copy if there is one, else the original; answers byte ranges",
        answer=OpenApiResponse(OpenApiTypes.BINARY, description="The film."),
        errors=[404, 410],
    )
    def get(self, request: Request, pk: UUID, token: str) -> HttpResponseBase:
        clip = self.clip(ViewClip, pk)
        film = media.opened(by=self.user, clip=clip, token=token)
        part = _part(request, store.size(film.key))
        if part.length and request.method != "HEAD":
            # Whatever part it is: no byte leaves without a line that says who got it.
            media.note_view(by=self.user, clip=clip)
        response = _bytes(request, film.key, part)
        response["Accept-Ranges"] = "bytes"
        for name, value in film.headers().items():
            response[name] = value
        return response


@dataclass(frozen=True)
class Part:
    """Bytes ``start`` to ``start + length`` of ``size``; ``length`` 0: nothing that there is."""

    start: int
    length: int
    size: int
    is_whole: bool


def _part(request: Request, size: int) -> Part:
    """The one range that was asked for, or the whole."""
    asked = RANGE.fullmatch(request.headers.get("Range", ""))
    if asked is None:
        return Part(0, size, size, is_whole=True)
    first, last = asked.groups()
    if first:
        start, end = int(first), min(int(last) if last else size, size - 1)
    else:
        start, end = size - min(int(last or 0), size), size - 1
    length = min(end - start + 1, RANGE_BYTES) if start < size else 0
    return Part(start, max(length, 0), size, is_whole=False)


def _bytes(request: Request, key: str, part: Part) -> HttpResponseBase:
    response: HttpResponseBase
    is_head = request.method == "HEAD"
    if part.is_whole:
        response = HttpResponse() if is_head else StreamingHttpResponse(_stream(request, key, part))
        response["Content-Length"] = str(part.size)
    elif not part.length:
        response = HttpResponse(status=416)
        response["Content-Range"] = f"bytes */{part.size}"
    else:
        body = b"" if is_head else store.read_range(key, part.start, part.length)
        response = HttpResponse(body, status=206)
        response["Content-Length"] = str(part.length)
        last = part.start + part.length - 1
        response["Content-Range"] = f"bytes {part.start}-{last}/{part.size}"
    return response


def _stream(request: Request, key: str, whole: Part) -> Iterator[bytes] | AsyncIterator[bytes]:
    """The whole file in pieces; asynchronously where the server is, so that it is not collected."""
    starts = range(0, whole.size, RANGE_BYTES)

    def piece(start: int) -> bytes:
        return store.read_range(key, start, min(RANGE_BYTES, whole.size - start))

    async def pieces() -> AsyncIterator[bytes]:
        for start in starts:
            yield await sync_to_async(piece)(start)

    return pieces() if isinstance(request._request, ASGIRequest) else map(piece, starts)
