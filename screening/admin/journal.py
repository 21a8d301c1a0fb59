"""Admin: what happened, who did it, who viewed it. Read only."""

from django.contrib import admin

from screening.admin.base import ReadOnly
from screening.models import AccessEvent, AuditEntry, Event, EventStream


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
