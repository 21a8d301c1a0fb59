"""What the API's views share: finding rows, describing errors, lists in pages."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from django.db.models import BooleanField, ExpressionWrapper, QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from screening.api import serializers
from screening.errors import NotAllowed
from screening.models import Clip, Patient, Screening, Site, User, Viewing
from screening.permissions import ActAsPatient, Permission, stands
from screening.services import access

#: ``is_open``: not taken back, so that others than the patient may see what it holds.
SCREENINGS = Screening.objects.select_related(
    "patient", "site", "protocol", "consent", "course__protocol"
).annotate(is_open=ExpressionWrapper(stands(), BooleanField()))
CLIPS = Clip.objects.select_related("screening__patient", "screening__site", "step")


class Newest(CursorPagination):
    """Newest first; a cursor, so that rows which arrive meanwhile shift nothing.

    A cursor holds a moment in clear. DRF hands it to the database as it is, and what it did not
    make ended there.
    """

    ordering = "-created_at"

    def decode_cursor(self, request: Request) -> Cursor | None:
        """Raises DRF's NotFound for a cursor that this site did not make."""
        cursor: Cursor | None = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None:
            try:
                moment = datetime.fromisoformat(str(cursor.position))
                moment.astimezone(UTC)
            except (ValueError, OverflowError) as wrong:
                raise NotFound(self.invalid_cursor_message) from wrong
            if moment.tzinfo is None:
                raise NotFound(self.invalid_cursor_message)
        return cursor


class View(APIView):
    """A view for people who are logged in; rules about rows are asked for in each method."""

    permission_classes = [IsAuthenticated]

    @property
    def user(self) -> User:
        return cast(User, self.request.user)

    def screening(self, permission: type[Permission], key: UUID) -> Screening:
        return access.find(permission, self.user, SCREENINGS.all(), key)

    def clip(self, permission: type[Permission], key: UUID) -> Clip:
        return access.find(permission, self.user, CLIPS.all(), key)

    def site(self, permission: type[Permission], key: UUID) -> Site:
        return access.find(permission, self.user, Site.objects.all(), key)

    def patient(self) -> Patient:
        """The patient record of this user. Raises NotAllowed when they are not a patient."""
        row = ActAsPatient.filter(self.user, Patient.objects.select_related("site__protocol"))
        found = row.first()
        if found is None:
            raise NotAllowed("Only patients can do this.")
        return cast(Patient, found)

    def note_view(self, action: Viewing, screening: Screening, clip: Clip | None = None) -> None:
        """Note who is about to see this; a HEAD shows nothing."""
        if self.request.method != "HEAD":
            access.record_view(user=self.user, action=action, screening=screening, clip=clip)

    def page(
        self, request: Request, rows: QuerySet[Any], show: Callable[[Any], dict[str, Any]]
    ) -> Response:
        paginator = Newest()
        found = paginator.paginate_queryset(rows, request, view=self)
        return paginator.get_paginated_response([show(row) for row in found or []])

    def validated(self, serializer: type[Any], request: Request) -> dict[str, Any]:
        """The request's body, checked. Raises DRF's ValidationError."""
        checked = serializer(data=request.data)
        checked.is_valid(raise_exception=True)
        return cast(dict[str, Any], checked.validated_data)


def describe(
    summary: str,
    *,
    answer: Any,
    status: int = 200,
    takes: Any = None,
    errors: Sequence[int] = (),
    **extra: Any,
) -> Callable[[Any], Any]:
    """One operation in the OpenAPI schema, with the errors it can answer."""
    responses = {status: answer, **dict.fromkeys((401, *errors), serializers.Error)}
    return extend_schema(summary=summary, request=takes, responses=responses, **extra)


def describe_page(
    summary: str, line: type[Any], *, name: str, parameters: Sequence[OpenApiParameter] = ()
) -> Callable[[Any], Any]:
    """A list in pages of ``line``; ``name`` tells it from the single row in the schema."""
    fields = {
        "next": serializers.s.URLField(allow_null=True),
        "previous": serializers.s.URLField(allow_null=True),
        "results": line(many=True),
    }
    page = type(f"{line.__name__}Page", (serializers.s.Serializer,), fields)
    cursor = OpenApiParameter("cursor", str, description="From `next` or `previous`.")
    return describe(
        summary,
        answer=page,
        errors=[404],
        operation_id=name,
        parameters=[cursor, *parameters],
    )
