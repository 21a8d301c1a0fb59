"""Admin: what happened, who did it, who viewed it. Read only."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from screening.admin.base import ReadOnly, user_of
from screening.models import AccessEvent, AttemptCounter, AuditEntry, Event, EventStream


@admin.register(EventStream)
class Streams(ReadOnly, admin.ModelAdmin):
    list_display = ("key", "last_number")
    search_fields = ("key",)


@admin.register(Event)
class Events(ReadOnly, admin.ModelAdmin):
    list_display = ("stream", "number", "kind", "created_at")
    list_filter = ("kind",)
    search_fields = ("stream__key",)
    list_select_related = ("stream",)


@admin.register(AuditEntry)
class AuditTrail(ReadOnly, admin.ModelAdmin):
    list_display = ("created_at", "actor", "action", "target")
    list_filter = ("action",)
    search_fields = ("target", "actor__email")
    date_hierarchy = "created_at"


@admin.register(AccessEvent)
class AccessEvents(ReadOnly, admin.ModelAdmin):
    list_display = ("created_at", "user", "action", "screening_id", "clip_id")
    list_filter = ("action",)
    search_fields = ("screening_id", "clip_id", "user__email")
    date_hierarchy = "created_at"


@admin.register(AttemptCounter)
class AttemptCounters(ReadOnly, admin.ModelAdmin):
    """Nobody can be found here by name; deleting them all lifts every limit at once."""

    list_display = ("key", "count", "until")
    search_fields = ("key",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return user_of(request).is_superuser
