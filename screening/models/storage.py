"""What the database knows of its store: whose it is, when it was looked through, what is unknown.

Keys of objects are made of ids and random letters; no name ever stands in one.
"""

import uuid

from django.db import models

from screening.models.base import Row


class Installation(models.Model):
    """The one row that says which installation this database is. Its twin lies in the store."""

    ONLY = 1

    slot = models.PositiveSmallIntegerField(primary_key=True, default=ONLY, editable=False)
    identity = models.UUIDField(default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    bound_at = models.DateTimeField(
        null=True, editable=False, help_text="When the store was first seen to carry this id."
    )
    generation = models.PositiveBigIntegerField(
        default=0,
        editable=False,
        help_text="Counts up here and in the store: a database that is behind is an old copy.",
    )
    generation_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(slot=1), name="one_installation_per_database")
        ]

    def __str__(self) -> str:
        return f"installation {self.identity}"


class StoreSurvey(Row):
    """One comparison of the whole store with the rows. Goes on where it stopped."""

    position = models.CharField(max_length=1024, blank=True, help_text="The last key compared.")
    lease_until = models.DateTimeField(help_text="A process is at it until then.")
    objects_seen = models.PositiveBigIntegerField(default=0)
    bytes_seen = models.PositiveBigIntegerField(default=0)
    unknown = models.PositiveBigIntegerField(default=0, help_text="Objects without a row.")
    deleted = models.PositiveBigIntegerField(default=0)
    held = models.CharField(
        max_length=300, blank=True, help_text="Why nothing was deleted; empty when all is well."
    )
    finished_at = models.DateTimeField(null=True)

    class Meta(Row.Meta):
        constraints = [
            models.UniqueConstraint(
                models.Value(1),
                condition=models.Q(finished_at__isnull=True),
                name="one_survey_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"survey of {self.created_at:%Y-%m-%d %H:%M}"


class QuarantinedObject(Row):
    """An object of the store that no row knows. It stays where it is; only time deletes it."""

    key = models.CharField(max_length=1024, unique=True)
    size = models.PositiveBigIntegerField()
    written_at = models.DateTimeField()
    first_seen_at = models.DateTimeField(db_index=True)
    last_seen_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)

    class Meta(Row.Meta):
        ordering = ["first_seen_at", "key"]

    def __str__(self) -> str:
        return self.key
