"""tus 1.0: creation (with deferred length), HEAD, PATCH, termination, expiration.

The protocol's headers, and nothing else: what they mean is decided in ``services.uploads``. The
completion (size and SHA-256) is our own, since ``tus-js-client`` has no checksum extension.
"""

import base64
import binascii
from typing import Any
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils.http import http_date
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from screening.api import present, serializers
from screening.api.base import View, describe
from screening.api.errors import TUS_VERSION
from screening.api.parsing import JSON
from screening.errors import DomainError, Gone, Invalid
from screening.models import Upload
from screening.permissions import RecordClip
from screening.services import uploads

EXTENSIONS = "creation,creation-defer-length,termination,expiration"
OFFSET = OpenApiParameter("Upload-Offset", int, OpenApiParameter.HEADER)
LENGTH = OpenApiParameter("Upload-Length", int, OpenApiParameter.HEADER)
RESUMABLE = OpenApiParameter(
    "Tus-Resumable", str, OpenApiParameter.HEADER, required=True, enum=[TUS_VERSION]
)

OVERRIDE = OpenApiParameter(
    "X-HTTP-Method-Override", str, OpenApiParameter.HEADER, required=True, enum=["PATCH", "DELETE"]
)


class OtherVersion(DomainError):
    status = 412
    code = "tus_version"
    detail = f"This server speaks tus {TUS_VERSION}."


class NoSuchMethod(DomainError):
    status = 405
    code = "method"
    detail = "Here a POST stands for PATCH or DELETE only, named in X-HTTP-Method-Override."


class NotOctets(DomainError):
    status = 415
    code = "content_type"
    detail = "A chunk is sent as application/offset+octet-stream."


class Octets(BaseParser):
    """Hands the body on unread: it goes to the store in blocks."""

    media_type = "application/offset+octet-stream"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        return stream


class TusView(View):
    """Checks the protocol's version and names ours in every answer."""

    speaks_tus = True

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method != "OPTIONS" and request.headers.get("Tus-Resumable") != TUS_VERSION:
            raise OtherVersion

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Response:
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer["Tus-Resumable"] = TUS_VERSION
        if answer.status_code == 412:
            answer["Tus-Version"] = TUS_VERSION
        return answer

    @describe("What this server can do", answer=None, status=204)
    def options(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        headers = {
            "Tus-Version": TUS_VERSION,
            "Tus-Extension": EXTENSIONS,
            "Tus-Max-Size": str(settings.UPLOAD_MAX_BYTES),
        }
        return Response(status=204, headers=headers)


class Creation(TusView):
    @describe(
        "Begin the upload of a clip (tus creation)",
        answer=None,
        status=201,
        errors=[404, 409, 412, 413, 415, 422, 503, 507],
        parameters=[
            RESUMABLE,
            LENGTH,
            OpenApiParameter("Upload-Defer-Length", int, OpenApiParameter.HEADER, enum=[1]),
            OpenApiParameter("Upload-Metadata", str, OpenApiParameter.HEADER),
        ],
    )
    def post(self, request: Request, pk: UUID) -> Response:
        clip = self.clip(RecordClip, pk)
        length = _number(request, "Upload-Length")
        deferred = request.headers.get("Upload-Defer-Length")
        if (length is None) == (deferred is None) or deferred not in (None, "1"):
            raise Invalid("Send either Upload-Length or Upload-Defer-Length: 1.", code="length")
        mime_type = _metadata(request).get("filetype", "")
        upload = uploads.create(by=self.user, clip=clip, length=length, mime_type=mime_type)
        location = request.build_absolute_uri(reverse("api-upload", args=[upload.pk]))
        return Response(status=201, headers={**_state(upload), "Location": location})


class OneUpload(TusView):
    parser_classes = [Octets]

    @describe(
        "PATCH or DELETE, from behind a proxy that lets neither through",
        takes=OpenApiTypes.BINARY,
        answer=None,
        status=204,
        errors=[404, 405, 409, 410, 412, 413, 415, 422, 503, 507],
        parameters=[RESUMABLE, OVERRIDE, OFFSET, LENGTH],
    )
    def post(self, request: Request, pk: UUID) -> Response:
        # As tus asks for. Nothing is loosened by it: who may and the CSRF token were asked before.
        method = request.headers.get("X-HTTP-Method-Override", "").upper()
        if method == "PATCH":
            return self.patch(request, pk)
        if method == "DELETE":
            return self.delete(request, pk)
        uploads.find(by=self.user, upload_id=pk)
        raise NoSuchMethod

    @describe(
        "How much has arrived",
        answer=None,
        errors=[404, 410, 412],
        parameters=[RESUMABLE],
    )
    def head(self, request: Request, pk: UUID) -> Response:
        upload = uploads.find(by=self.user, upload_id=pk)
        if upload.state == Upload.State.TERMINATED or uploads.is_expired(upload):
            raise Gone("This upload is no longer open. Please begin a new one.")
        return Response(status=200, headers=_state(upload))

    @describe(
        "Send the next part",
        takes=OpenApiTypes.BINARY,
        answer=None,
        status=204,
        errors=[404, 409, 410, 412, 413, 415, 422, 503, 507],
        parameters=[RESUMABLE, OFFSET, LENGTH],
    )
    def patch(self, request: Request, pk: UUID) -> Response:
        upload = uploads.find(by=self.user, upload_id=pk)
        if request.content_type != Octets.media_type:
            raise NotOctets
        offset = _number(request, "Upload-Offset")
        if offset is None:
            raise Invalid("A part needs its Upload-Offset.", code="offset")
        upload = uploads.append(
            by=self.user,
            upload=upload,
            offset=offset,
            data=request._request,
            length=_number(request, "Upload-Length"),
        )
        return Response(status=204, headers=_state(upload))

    @describe(
        "Give the upload up; the clip can be sent again",
        answer=None,
        status=204,
        errors=[404, 409, 410, 412],
        parameters=[RESUMABLE],
    )
    def delete(self, request: Request, pk: UUID) -> Response:
        uploads.terminate(by=self.user, upload=uploads.find(by=self.user, upload_id=pk))
        return Response(status=204)


class Complete(View):
    parser_classes = [JSON]

    @describe(
        "The recording is whole: verify size and SHA-256 and receive the clip",
        takes=serializers.CompleteIn,
        answer=serializers.ClipOut,
        errors=[400, 404, 409, 410, 422, 503, 507],
    )
    def post(self, request: Request, pk: UUID) -> Response:
        upload = uploads.find(by=self.user, upload_id=pk)
        given = self.validated(serializers.CompleteIn, request)
        clip = uploads.complete(
            by=self.user,
            upload=upload,
            size=given["size"],
            sha256=given["sha256"],
            announced=given.get("announced") or {},
        )
        return Response(present.clip(clip))


def _state(upload: Upload) -> dict[str, str]:
    known = {"Upload-Length": str(upload.length)}
    return {
        "Upload-Offset": str(upload.offset),
        "Upload-Expires": http_date(upload.expires_at.timestamp()),
        "Cache-Control": "no-store",
        **({"Upload-Defer-Length": "1"} if upload.length is None else known),
    }


def _number(request: Request, header: str) -> int | None:
    """A header that holds a size in bytes. Raises Invalid."""
    value = request.headers.get(header)
    if value is None:
        return None
    if not value.isascii() or not value.isdecimal() or len(value) > 15:
        raise Invalid(f"{header} is a number of bytes.", code="header")
    return int(value)


def _metadata(request: Request) -> dict[str, str]:
    """``Upload-Metadata: key base64,key base64`` as a dictionary. Raises Invalid."""
    found = {}
    for pair in filter(None, request.headers.get("Upload-Metadata", "").split(",")):
        key, _, value = pair.strip().partition(" ")
        try:
            found[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as wrong:
            raise Invalid("Upload-Metadata is not base64.", code="metadata") from wrong
    return found
