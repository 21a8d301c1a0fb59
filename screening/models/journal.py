"""What happened, in order: numbered event streams, the audit trail, and who viewed what."""

from django.db import models

from screening.models.base import Row
from screening.models.people import User


class EventStream(models.Model):
    """A counter the writing transaction locks: a number is visible only after all smaller ones.

    Keys are ``patient:<uuid>`` and ``site:<uuid>``.
    """

    key = models.CharField(max_length=60, primary_key=True)
    last_number = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return self.key


class Event(models.Model):
    """One numbered hint on a stream: which thing changed to which state. REST has the content."""

    stream = models.ForeignKey(EventStream, on_delete=models.CASCADE, related_name="events")
    number = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=40)
    data = models.JSONField(
        default=dict, help_text="Ids and states only; never a name or a result."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["stream", "number"]
        constraints = [
            models.UniqueConstraint(fields=["stream", "number"], name="one_event_per_number")
        ]

    def __str__(self) -> str:
        return f"{self.stream_id} #{self.number} {self.kind}"


class AuditEntry(Row):
    """Who did what to which row. Kept after erasure, with pseudonyms only."""

    actor = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    action = models.CharField(max_length=60)
    target = models.CharField(max_length=80, help_text="kind:id")
    data = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.action} {self.target}"


class Viewing(models.TextChoices):
    """What somebody who is not the patient has looked at: as it is stored, and as it is read."""

    CASE = "case", "the case page"
    SCREENING = "screening.viewed", "the screening"
    ASSESSMENT = "assessment.viewed", "the result"
    REVIEWS = "reviews.viewed", "the reviews"
    COURSE = "course.viewed", "the course"
    CLIP = "clip.viewed", "the state of a recording"
    MEASUREMENT = "measurement.viewed", "the signals of a recording"
    VIDEO = "video.viewed", "a recording"
    EXPORT = "cohort.exported", "an export for training"
    ADMIN_SCREENING = "admin.screening.viewed", "the screening, in the administration"
    ADMIN_INTAKE = "admin.intake.viewed", "the intake, in the administration"
    ADMIN_CLIP = "admin.clip.viewed", "a recording's state, in the administration"
    ADMIN_MEASUREMENT = "admin.clipmeasurement.viewed", "signals, in the administration"
    ADMIN_ASSESSMENT = "admin.assessment.viewed", "the result, in the administration"
    ADMIN_REVIEW = "admin.review.viewed", "a review, in the administration"


def viewing_choices() -> list[tuple[str, str]]:
    """A function, so that a new one needs no migration."""
    return [(viewing.value, str(viewing.label)) for viewing in Viewing]


class AccessEvent(Row):
    """Who viewed which case or clip, and when: once in each quarter of an hour."""

    user = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    action = models.CharField("viewed", max_length=40, choices=viewing_choices)
    screening_id = models.UUIDField(db_index=True)
    clip_id = models.UUIDField(null=True)
    quarter = models.PositiveBigIntegerField(
        null=True,
        editable=False,
        help_text="Quarters of an hour since 1970; none: each noted.",
    )

    class Meta(Row.Meta):
        # A player asks for many parts at once: the database lets one of these requests note it.
        constraints = [
            models.UniqueConstraint(
                fields=["user", "action", "screening_id", "clip_id", "quarter"],
                name="one_view_of_a_clip_a_quarter",
            ),
            models.UniqueConstraint(
                fields=["user", "action", "screening_id", "quarter"],
                condition=models.Q(clip_id__isnull=True),
                name="one_view_of_a_case_a_quarter",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.screening_id}"
