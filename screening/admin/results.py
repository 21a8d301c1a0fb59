"""Admin: bundles with their life (shadow, active, retired), and the evidence of results."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from screening.admin.base import ReadOnly, Viewed, WhileItStands, act_on_each, user_of
from screening.models import (
    Assessment,
    BundleFile,
    ClipMeasurement,
    CourseResult,
    ModelBundle,
    Review,
    Screening,
)
from screening.services import bundles, comparison


@admin.register(ModelBundle)
class Bundles(ReadOnly, admin.ModelAdmin):
    """Registered by ``manage.py register_bundle``; what they say is decided here."""

    list_filter = ("status", "name")
    search_fields = ("name", "version", "digest")
    actions = [
        act_on_each("Activate", lambda by, row: bundles.activate(by=by, bundle=row)),
        act_on_each("Run in the shadow", lambda by, row: bundles.set_shadow(by=by, bundle=row)),
        act_on_each("Retire", lambda by, row: bundles.retire(by=by, bundle=row)),
    ]

    @admin.display(description="intensity from")
    def source(self, row: ModelBundle) -> str:
        return str(row.metadata.get("intensity_source", "–"))

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        """With what activation is decided on; the clinics' page has the cases."""
        found = {one.bundle.pk: one for one in comparison.agreements(by=user_of(request))}

        @admin.display(description="in the order of the clinicians' grades")
        def agrees(row: ModelBundle) -> str:
            one = found.get(row.pk)
            if one is None or one.share is None:
                return "–"
            return f"{one.in_order:g} of {one.pairs} pairs, {one.graded} reviewed"

        return ("name", "version", "stands", agrees, "activated_at", "short", "created_at")

    @admin.display(description="status", ordering="status")
    def stands(self, row: ModelBundle) -> str:
        return row.status

    @admin.display(description="digest", ordering="digest")
    def short(self, row: ModelBundle) -> str:
        return row.digest[:12]


@admin.register(BundleFile)
class BundleFiles(ReadOnly, admin.ModelAdmin):
    """Where a model's files are in the store."""

    list_display = ("name", "bundle", "size", "storage_key")
    list_filter = ("bundle",)
    search_fields = ("name", "storage_key", "bundle__name", "bundle__digest")


@admin.register(ClipMeasurement)
class Measurements(WhileItStands, Viewed, ReadOnly, admin.ModelAdmin):
    screening_path = "clip__screening__"
    list_display = ("clip", "state", "reason", "measurer_digest", "created_at")
    list_filter = ("state", "reason", "clip__step__expression")
    search_fields = ("clip__id", "clip_sha256", "clip__screening__patient__pseudonym")

    def screening_of(self, row: Any) -> Screening:
        found: Screening = row.clip.screening
        return found


@admin.register(Assessment)
class Assessments(WhileItStands, Viewed, ReadOnly, admin.ModelAdmin):
    list_display = ("screening", "bundle", "is_shadow", "abstained", "created_at")
    list_filter = ("bundle", "is_shadow", "abstained", "screening__site")
    search_fields = ("screening__id", "screening__patient__pseudonym", "measurements_digest")


@admin.register(CourseResult)
class CourseResults(ReadOnly, admin.ModelAdmin):
    """That there is one, and by which model. What it says is about several sessions at once: it is
    read on the case's page, where each look is noted."""

    list_display = ("course", "bundle", "created_at")
    list_filter = ("bundle", "course__patient__site")
    search_fields = ("course__id", "course__patient__pseudonym", "sessions_digest")
    list_select_related = ("course__patient", "bundle")
    exclude = ("result",)


@admin.register(Review)
class Reviews(WhileItStands, Viewed, ReadOnly, admin.ModelAdmin):
    list_display = ("screening", "reviewer", "grade", "signed_off_at")
    list_filter = ("grade", "screening__site")
    search_fields = ("screening__patient__pseudonym", "reviewer__email", "reviewer__name")
