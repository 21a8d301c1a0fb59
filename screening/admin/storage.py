"""Admin: whose store this is, when it was looked through, and what lies in it without a row."""

from django.contrib import admin

from screening.admin.base import ReadOnly
from screening.models import Installation, QuarantinedObject, StoreSurvey


@admin.register(Installation)
class Installations(ReadOnly, admin.ModelAdmin):
    list_display = ("identity", "created_at", "bound_at", "generation", "generation_at")
    search_fields = ("identity",)


@admin.register(StoreSurvey)
class Surveys(ReadOnly, admin.ModelAdmin):
    list_display = (
        *("created_at", "finished_at", "objects_seen", "bytes_seen"),
        *("unknown", "deleted", "held"),
    )
    search_fields = ("held",)
    date_hierarchy = "created_at"


@admin.register(QuarantinedObject)
class Quarantine(ReadOnly, admin.ModelAdmin):
    """Objects that no row names: deleted by time alone, or by ``manage.py check_store``."""

    list_display = ("key", "size", "written_at", "first_seen_at", "last_seen_at", "deleted_at")
    list_filter = (("deleted_at", admin.EmptyFieldListFilter),)
    search_fields = ("key",)
    date_hierarchy = "first_seen_at"
