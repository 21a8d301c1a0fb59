"""Admin: where recordings were exported to. Read only; a folder that is gone can be forgotten."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest

from screening.admin.base import ReadOnly, act_on_each
from screening.models import CohortExport, ExportedClip
from screening.services import exports


@admin.register(CohortExport)
class Exports(ReadOnly, admin.ModelAdmin):
    """``manage.py clean_exports`` deletes the files of erased patients where the folder is."""

    list_display = ("created_at", "machine", "folder", "files", "of_erased_patients")
    search_fields = ("machine", "folder")
    actions = [
        act_on_each(
            "Forget an export whose copies are all gone",
            lambda by, row: exports.forget(by=by, export=row),
        )
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        erased = Q(clips__screening__patient__erased_at__isnull=False)
        rows = super().get_queryset(request)
        return rows.annotate(count=Count("clips"), left=Count("clips", filter=erased))

    @admin.display(description="files", ordering="count")
    def files(self, row: Any) -> int:
        return int(row.count)

    @admin.display(description="of them still of erased patients", ordering="left")
    def of_erased_patients(self, row: Any) -> int:
        return int(row.left)


@admin.register(ExportedClip)
class ExportedClips(ReadOnly, admin.ModelAdmin):
    list_display = ("name", "export", "created_at")
    search_fields = ("name",)
    list_select_related = ("export",)
