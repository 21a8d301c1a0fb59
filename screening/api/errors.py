"""How errors leave the API: ``{"code": …, "detail": sentence}``, whatever raised them."""

from typing import Any

from allauth.core.exceptions import ReauthenticationRequired
from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import exception_handler

from screening import faults
from screening.errors import DomainError, OffsetConflict, Unavailable

TUS_VERSION = "1.0.0"


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. None (a 500, logged with its trace) for what is our own fault."""
    if (fault := faults.of_request(error)) is not None and fault is not error:
        faults.note(error, fault)
        error = fault
    if isinstance(error, DomainError):
        response = _answer(error.code, error.detail, error.status)
        if isinstance(error, Unavailable):
            response["Retry-After"] = str(error.retry_after)
            response["Cache-Control"] = "no-store"
        if isinstance(error, OffsetConflict):
            response["Upload-Offset"] = str(error.offset)
            response["Cache-Control"] = "no-store"
    elif isinstance(error, Http404):
        response = _answer("not_found", "There is nothing here that you may see.", 404)
    elif isinstance(error, PermissionDenied):
        response = _answer("not_allowed", "You may not do this.", 403)
    elif isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        response = _answer("not_logged_in", "Please log in.", status.HTTP_401_UNAUTHORIZED)
    elif isinstance(error, ReauthenticationRequired):
        response = _answer("confirm_first", "Please confirm first that it is you.", 403)
    else:
        framework = exception_handler(error, context)
        if framework is None:
            return None
        response = framework
        response.data = _plain(error)
    if getattr(context.get("view"), "speaks_tus", False):
        response["Tus-Resumable"] = TUS_VERSION
    return response


def _answer(code: str, detail: str, status_code: int) -> Response:
    return Response({"code": code, "detail": detail}, status=status_code)


def _plain(error: Exception) -> dict[str, str]:
    if isinstance(error, exceptions.ValidationError):
        return {"code": "invalid", "detail": " ".join(_sentences(error.detail))}
    if isinstance(error, exceptions.APIException):
        return {"code": error.default_code, "detail": str(error.detail)}
    return {"code": "invalid", "detail": "This could not be done."}


def _sentences(detail: Any, name: str = "") -> list[str]:
    """DRF's nested lists of messages, flattened, each with the field it is about."""
    if isinstance(detail, dict):
        return [s for key, value in detail.items() for s in _sentences(value, str(key))]
    if isinstance(detail, list):
        return [s for value in detail for s in _sentences(value, name)]
    return [f"{name}: {detail}" if name and name != "non_field_errors" else str(detail)]
