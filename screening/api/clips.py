"""API: one clip: its state, its video by byte ranges, its signals; skip it or record it again."""

import re
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from screening.api import present, serializers
from screening.api.base import View, describe
from screening.errors import NotFound
from screening.models import Clip
from screening.permissions import RecordClip, ReviewClip, ViewClip
from screening.services import access, assessing, clips, media, store

#: A player asks again for what is missing; so much is answered at once, from memory.
RANGE_BYTES = 4 * 1024 * 1024
RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class OneClip(View):
    @describe("A clip and its state", answer=serializers.ClipOut, errors=[404])
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(present.clip(self.clip(ViewClip, pk)))


class Skip(View):
    @describe(
        "Leave this expression out",
        takes=serializers.SkipIn,
        answer=serializers.ClipOut,
        errors=[400, 404, 409, 422],
    )
    def post(self, request: Request, pk: UUID) -> Response:
        clip = self.clip(RecordClip, pk)
        reason = self.validated(serializers.SkipIn, request)["reason"]
        return Response(present.clip(clips.skip(by=self.user, clip=clip, reason=reason)))


class Rerecord(View):
    @describe(
        "Record again: a new clip takes the place of this one",
        answer=serializers.ClipOut,
        status=201,
        errors=[404, 409],
    )
    def post(self, request: Request, pk: UUID) -> Response:
        clip = self.clip(RecordClip, pk)
        return Response(present.clip(clips.rerecord(by=self.user, clip=clip)), status=201)


class Measurement(View):
    @describe(
        "Signals, quality and curve of a clip, for clinicians",
        answer=serializers.MeasurementOut,
        errors=[404],
    )
    def get(self, request: Request, pk: UUID) -> Response:
        clip = self.clip(ReviewClip, pk)
        rows = clip.measurements.filter(clip_sha256=clip.sha256).order_by("-created_at")
        found = rows.first()
        if found is None:
            raise NotFound("This clip was not measured yet.")
        access.record_view(
            user=self.user, action="measurement.viewed", screening=clip.screening, clip=clip
        )
        body = {
            "clip": clip.pk,
            "expression": clip.step.expression,
            "state": found.state,
            # What the image encoder made of the frames is for models only, and large.
            "measurement": {**found.measurement, "embeddings": None},
            "curve": _curve(clip),
        }
        return Response(body)


class Video(View):
    @describe(
        "The playback copy if there is one, else the original; answers byte ranges",
        answer=OpenApiResponse(OpenApiTypes.BINARY, description="The video."),
        errors=[404],
    )
    def get(self, request: Request, pk: UUID) -> HttpResponseBase:
        clip = self.clip(ViewClip, pk)
        film = media.film_of(clip)
        size = store.size(film.key)
        asked = RANGE.fullmatch(request.headers.get("Range", ""))
        start, end = _range(asked, size) if asked else (0, size - 1)
        if start == 0:
            # A player asks many times for parts; viewing it from the start counts once.
            access.record_view(
                user=self.user, action="video.viewed", screening=clip.screening, clip=clip
            )
        response = _bytes(request, film.key, size, start, end, bool(asked))
        response["Accept-Ranges"] = "bytes"
        for name, value in film.headers().items():
            response[name] = value
        return response


def _range(asked: re.Match[str], size: int) -> tuple[int, int]:
    """First and last byte of the one range asked for; (size, …) when it cannot be satisfied."""
    first, last = asked.groups()
    if not first:
        length = min(int(last or 0), size)
        return (size - length, size - 1) if length else (size, size)
    start = int(first)
    return start, min(int(last) if last else size - 1, size - 1)


def _bytes(
    request: Request, key: str, size: int, start: int, end: int, partial: bool
) -> HttpResponseBase:
    if not partial:
        whole: HttpResponseBase = StreamingHttpResponse(_stream(request, key, size))
        whole["Content-Length"] = str(size)
        return whole
    if start >= size or end < start:
        refused = HttpResponse(status=416)
        refused["Content-Range"] = f"bytes */{size}"
        return refused
    end = min(end, start + RANGE_BYTES - 1)
    part = HttpResponse(store.read_range(key, start, end - start + 1), status=206)
    part["Content-Range"] = f"bytes {start}-{end}/{size}"
    return part


def _stream(request: Request, key: str, size: int) -> Iterator[bytes] | AsyncIterator[bytes]:
    """The whole file in pieces; asynchronously where the server is, so that it is not collected."""
    starts = range(0, size, RANGE_BYTES)

    def piece(start: int) -> bytes:
        return store.read_range(key, start, min(RANGE_BYTES, size - start))

    async def pieces() -> AsyncIterator[bytes]:
        for start in starts:
            yield await sync_to_async(piece)(start)

    return pieces() if isinstance(request._request, ASGIRequest) else map(piece, starts)


def _curve(clip: Clip) -> Any:
    """This clip's intensity curve in the newest assessment."""
    found = assessing.latest(clip.screening)
    for one in (found.result.get("clips") or []) if found else []:
        if one.get("expression") == clip.step.expression:
            return one.get("curve")
    return None
