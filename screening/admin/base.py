"""What the admin pages share: evidence that is only read, and actions that call services."""

from collections.abc import Callable, Sequence
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from screening.accounts import stepup
from screening.errors import DomainError
from screening.models import Screening, User, Viewing
from screening.permissions import stands
from screening.services import access

Action = Callable[[Any, HttpRequest, "QuerySet[Any]"], None]


class NoDelete:
    """Rows that leave only by erasure, or never."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnly(NoDelete):
    """Evidence: it can be found and read, and nothing else."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Autocomplete(AutocompleteSelect):
    """Django asks the database for whatever was sent, and falls over what is no key at all."""

    def optgroups(self, name: str, value: Sequence[str], attr: Any = None) -> Any:
        to = self.field.target_field
        return super().optgroups(name, [one for one in value if _fits(to, one)], attr)


def _fits(field: Any, value: str) -> bool:
    try:
        field.get_prep_value(value)
    except (ValidationError, ValueError, TypeError, OverflowError):
        return False
    return True


class Chosen:
    """Forms where rows of other tables are chosen (``autocomplete_fields``)."""

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        page = cast(Any, self)
        if db_field.name in page.get_autocomplete_fields(request):
            kwargs.setdefault("widget", Autocomplete(db_field, page.admin_site))
        return cast(Any, super()).formfield_for_foreignkey(db_field, request, **kwargs)


class WhileItStands:
    """Rows of what a screening holds: with the screening taken back, nobody finds them here.

    ``screening_path``: from the row to its screening.
    """

    screening_path = "screening__"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = cast(Any, super()).get_queryset(request)
        return rows.filter(stands(self.screening_path))


class ConfirmedActions:
    """An action on these rows cannot be taken back: whoever does it shows again that it is they."""

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "POST" and not stepup.is_confirmed(request):
            return stepup.confirmation(request)
        page = cast(Any, super())
        return cast(HttpResponse, page.changelist_view(request, *args, **kwargs))


class Confirmed(ConfirmedActions):
    """Rows about people's rights, and how they sign in.

    Asked when the form is opened, so that nothing that was typed, a password least of all, has to
    wait anywhere; and when it is sent, should it have lain for long.
    """

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not stepup.is_confirmed(request):
            return stepup.confirmation(request)
        page = cast(Any, super())
        return cast(HttpResponse, page.changeform_view(request, *args, **kwargs))

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not stepup.is_confirmed(request):
            return stepup.confirmation(request)
        page = cast(Any, super())
        return cast(HttpResponse, page.delete_view(request, *args, **kwargs))


class Viewed:
    """Opening a row about a screening is a view of that case, and is noted as one."""

    def screening_of(self, row: Any) -> Screening:
        """The screening that the row is about."""
        return cast(Screening, row.screening)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        page = cast(Any, super())
        row = cast(Any, self).get_object(request, object_id)
        if row is not None and request.method != "HEAD":
            access.record_view(
                user=user_of(request),
                action=Viewing(f"admin.{row._meta.model_name}.viewed"),
                screening=self.screening_of(row),
            )
        return cast(HttpResponse, page.change_view(request, object_id, form_url, extra_context))


def user_of(request: HttpRequest) -> User:
    return cast(User, request.user)


def act_on_each(description: str, act: Callable[[User, Any], object]) -> Action:
    """An admin action that calls a service for each chosen row and says how it went."""

    @admin.action(description=description)
    def action(page: Any, request: HttpRequest, rows: QuerySet[Any]) -> None:
        for row in rows:
            try:
                act(user_of(request), row)
            except DomainError as refused:
                page.message_user(request, f"{row}: {refused.detail}", messages.ERROR)
            else:
                page.message_user(request, f"{row}: {description.lower()}, done.")

    action.__name__ = description.lower().replace(" ", "_")
    return action
