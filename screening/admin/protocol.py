"""Admin: consent texts and protocols. A used version is read only; a change is a new version."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from screening.admin.base import ReadOnly, act_on_each
from screening.models import Consent, ConsentForm, Protocol, ProtocolStep
from screening.services import protocols


class StepInline(admin.TabularInline):
    model = ProtocolStep
    extra = 0

    def _free(self, protocol: Any) -> bool:
        return protocol is None or not protocols.is_used(protocol)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._free(obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._free(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._free(obj)


@admin.register(Protocol)
class Protocols(admin.ModelAdmin):
    list_display = ("name", "slug", "version", "sessions", "research", "used", "created_at")
    list_filter = ("slug",)
    search_fields = ("name", "slug")
    readonly_fields = ("version",)
    inlines = (StepInline,)
    actions = [
        act_on_each(
            "Make a new version", lambda by, row: protocols.new_version(by=by, protocol=row)
        )
    ]

    @admin.display(description="sessions of a course")
    def sessions(self, protocol: Protocol) -> str:
        return f"{protocol.least_sessions} to {protocol.most_sessions}"

    @admin.display(description="for research only")
    def research(self, protocol: Protocol) -> str:
        """What the active model does not read, and so counts for nobody's result."""
        return ", ".join(protocols.for_research(protocol)) or "–"

    @admin.display(boolean=True)
    def used(self, protocol: Protocol) -> bool:
        return protocols.is_used(protocol)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None or not protocols.is_used(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is not None and not protocols.is_used(obj)


@admin.register(ConsentForm)
class ConsentForms(admin.ModelAdmin):
    list_display = ("version", "title", "published_at", "used")
    list_filter = (("published_at", admin.EmptyFieldListFilter),)
    search_fields = ("title", "text")
    readonly_fields = ("version", "published_at")
    actions = [
        act_on_each(
            "Make a new version", lambda by, row: protocols.new_form_version(by=by, form=row)
        ),
        act_on_each("Publish", lambda by, row: protocols.publish(by=by, form=row)),
    ]

    @admin.display(boolean=True)
    def used(self, form: ConsentForm) -> bool:
        return protocols.is_form_used(form)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Published is as good as used: somebody may be reading it."""
        return obj is None or obj.published_at is None

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is not None and obj.published_at is None


@admin.register(Consent)
class Consents(ReadOnly, admin.ModelAdmin):
    list_display = ("patient", "form", "scopes", "created_at", "withdrawn_at")
    list_filter = ("form", ("withdrawn_at", admin.EmptyFieldListFilter))
    search_fields = ("patient__pseudonym",)


@admin.register(ProtocolStep)
class Steps(ReadOnly, admin.ModelAdmin):
    """To search in; steps are edited in their protocol."""

    list_display = ("protocol", "order", "expression", "seconds", "repetitions")
    list_filter = ("expression", "protocol")
    search_fields = ("protocol__name", "instruction")
