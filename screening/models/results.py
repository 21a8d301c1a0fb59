"""What the science says and what the clinician says: evidence rows, never overwritten."""

from typing import ClassVar

from django.core.validators import MaxValueValidator
from django.db import models

from screening.models.base import Row
from screening.models.people import User
from screening.models.session import Clip, Course, Screening


class ModelBundle(Row):
    """A model as a directory of files, known by its digest. At most one is active."""

    class Status(models.TextChoices):
        REGISTERED = "registered", "registered"
        SHADOW = "shadow", "shadow (assesses beside the active one; patients never see it)"
        ACTIVE = "active", "active"
        RETIRED = "retired", "retired"

    #: As a shadow it has not failed: so it starts, and again when somebody did something about it.
    UNTRIED: ClassVar = {"failures": 0, "retry_after": None}

    name = models.CharField(max_length=80)
    version = models.CharField(max_length=40)
    digest = models.CharField(max_length=64, unique=True)
    path = models.CharField(
        max_length=400,
        help_text="Directory: in the store where it has files there, else relative to the code.",
    )
    sources = models.JSONField(default=dict)
    metadata = models.JSONField(default=dict)
    encoder = models.CharField(
        max_length=64,
        blank=True,
        editable=False,
        help_text="Digest of the image encoder its intensity source needs; none: landmarks only.",
    )
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.REGISTERED)
    activated_at = models.DateTimeField(null=True, blank=True, editable=False)
    failures = models.PositiveIntegerField(
        default=0, editable=False, help_text="So often in a row it could not assess, as a shadow."
    )
    retry_after = models.DateTimeField(
        null=True, editable=False, help_text="As a shadow it is not asked before then."
    )
    measuring_until = models.DateTimeField(
        null=True,
        editable=False,
        help_text="Until then one task measures clips for it, as a shadow.",
    )

    class Meta(Row.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["status"],
                condition=models.Q(status="active"),
                name="one_active_bundle",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({self.digest[:8]})"


class BundleFile(Row):
    """One file of a bundle in the store. A bundle that ships with the code has none there."""

    bundle = models.ForeignKey(ModelBundle, on_delete=models.CASCADE, related_name="files")
    name = models.CharField(max_length=200)
    storage_key = models.CharField(max_length=300)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)

    class Meta(Row.Meta):
        constraints = [
            models.UniqueConstraint(fields=["bundle", "name"], name="one_row_per_bundle_file")
        ]
        indexes = [models.Index(fields=["storage_key"], name="bundle_file_key")]

    def __str__(self) -> str:
        return f"{self.name} of {self.bundle}"


class ClipMeasurement(Row):
    """What one measurer read from one file (``ml.measuring.clip.Measurement`` as JSON)."""

    clip = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="measurements")
    clip_sha256 = models.CharField(max_length=64)
    measurer_digest = models.CharField(max_length=64)
    encoder = models.CharField(
        max_length=64, blank=True, help_text="Digest of the image encoder that looked at it too."
    )
    state = models.CharField(
        max_length=20, choices=[("measured", "measured"), ("unusable", "unusable")]
    )
    reason = models.CharField(max_length=40, blank=True)
    measurement = models.JSONField()

    class Meta(Row.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["clip", "clip_sha256", "measurer_digest"],
                name="one_measurement_per_file_and_measurer",
            )
        ]

    def __str__(self) -> str:
        return f"measurement of {self.clip}"


class Assessment(Row):
    """What one bundle makes of one set of measurements (``ml.scoring.assessment`` as JSON)."""

    screening = models.ForeignKey(Screening, on_delete=models.CASCADE, related_name="assessments")
    bundle = models.ForeignKey(ModelBundle, on_delete=models.PROTECT, related_name="assessments")
    measurements_digest = models.CharField(max_length=64)
    is_shadow = models.BooleanField(default=False)
    result = models.JSONField()
    hypomimia_index = models.FloatField(null=True)
    p_pd = models.FloatField(null=True)
    abstained = models.CharField(max_length=40, blank=True)

    class Meta(Row.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["screening", "measurements_digest", "bundle"],
                name="one_assessment_per_measurements_and_bundle",
            )
        ]

    def __str__(self) -> str:
        return f"assessment of {self.screening}"


class CourseResult(Row):
    """What the sessions of a course say together of the person (``vocabulary.course`` as JSON).

    Another set of sessions has another digest and adds a row; one is shown only while its sessions
    are those that count."""

    course = models.ForeignKey(Course, on_delete=models.CASCADE, related_name="results")
    bundle = models.ForeignKey(ModelBundle, on_delete=models.PROTECT, related_name="+")
    sessions_digest = models.CharField(max_length=64)
    result = models.JSONField()

    class Meta(Row.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["course", "bundle", "sessions_digest"],
                name="one_result_per_course_and_sessions",
            )
        ]

    def __str__(self) -> str:
        return f"result of the {self.course}"


class Review(Row):
    """A clinician's own rating: MDS-UPDRS item 3.2 (0 normal … 4 severe), a note, the sign-off."""

    screening = models.ForeignKey(Screening, on_delete=models.CASCADE, related_name="reviews")
    reviewer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="reviews")
    assessment = models.ForeignKey(
        Assessment, on_delete=models.PROTECT, null=True, related_name="reviews"
    )
    grade = models.PositiveSmallIntegerField(
        "MDS-UPDRS 3.2", null=True, blank=True, validators=[MaxValueValidator(4)]
    )
    note = models.TextField(blank=True)
    signed_off_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"review of {self.screening}"
