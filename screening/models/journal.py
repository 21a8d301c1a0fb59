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


class AccessEvent(Row):
    """Who viewed which case or clip, and when."""

    user = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    action = models.CharField(max_length=40)
    screening_id = models.UUIDField(db_index=True)
    clip_id = models.UUIDField(null=True)

    def __str__(self) -> str:
        return f"{self.action} {self.screening_id}"
