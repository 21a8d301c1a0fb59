"""Admin: screenings, clips and uploads. All evidence; a failed clip can be measured again."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from screening.admin.base import ReadOnly, Viewed, WhileItStands, act_on_each
from screening.models import Clip, Course, Intake, Screening, Upload, UploadChunk
from screening.services import measuring, retries
from screening.services.transitions import consent_stands


class ClipInline(WhileItStands, ReadOnly, admin.TabularInline):
    model = Clip
    extra = 0
    show_change_link = True
    fields = ("step", "take", "state", "reason", "size", "attempts")
    readonly_fields = fields


@admin.register(Course)
class Courses(ReadOnly, admin.ModelAdmin):
    list_display = ("patient", "protocol", "opened_at", "closes_at", "attempts")
    list_filter = ("patient__site", "protocol")
    search_fields = ("id", "patient__pseudonym", "patient__name")
    list_select_related = ("patient", "protocol")


@admin.register(Screening)
class Screenings(Viewed, ReadOnly, admin.ModelAdmin):
    list_display = ("patient", "site", "state", "assess_attempts", "submitted_at", "is_phantom")
    list_filter = ("state", "site", "is_phantom", "protocol", "bundle")
    search_fields = ("id", "patient__pseudonym", "patient__name")
    date_hierarchy = "created_at"
    list_select_related = ("patient", "site")
    inlines = (ClipInline,)
    actions = [
        act_on_each("Assess again", lambda by, row: retries.assess_again(by=by, screening=row))
    ]

    def screening_of(self, row: Any) -> Screening:
        found: Screening = row
        return found

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """That it took place stays to be seen; what was said to the patient does not."""
        return () if obj is None or consent_stands(obj) else ("rerecord_note",)


@admin.register(Intake)
class Intakes(WhileItStands, Viewed, ReadOnly, admin.ModelAdmin):
    list_display = ("screening", "created_at")
    list_filter = ("screening__site",)
    search_fields = ("screening__patient__pseudonym",)


@admin.register(Clip)
class Clips(WhileItStands, Viewed, ReadOnly, admin.ModelAdmin):
    list_display = ("id", "screening", "step", "take", "state", "reason", "attempts")
    list_filter = ("state", "reason", "step__expression", "screening__site")
    search_fields = ("id", "sha256", "screening__id", "screening__patient__pseudonym")
    list_select_related = ("screening__patient", "step__protocol")
    actions = [
        act_on_each("Measure again", lambda by, row: measuring.requeue_failed(by=by, clip=row))
    ]


class ChunkInline(ReadOnly, admin.TabularInline):
    model = UploadChunk
    extra = 0


@admin.register(Upload)
class Uploads(ReadOnly, admin.ModelAdmin):
    list_display = ("id", "clip", "state", "offset", "length", "created_at", "expires_at")
    list_filter = ("state",)
    search_fields = ("id", "clip__id", "clip__screening__patient__pseudonym")
    inlines = (ChunkInline,)


@admin.register(UploadChunk)
class Chunks(ReadOnly, admin.ModelAdmin):
    list_display = ("upload", "offset", "size", "storage_key")
    list_filter = ("upload__state",)
    search_fields = ("upload__id", "storage_key")
