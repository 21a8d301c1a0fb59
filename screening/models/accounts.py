"""How often somebody tried: counters of the limits, shared by every process of the site."""

from django.db import models


class AttemptCounter(models.Model):
    """So many attempts of one kind until a time. The key is opaque: it names nobody.

    In the database and not in a cache, because it must count the same for all processes, keep
    counting while Redis is away, and lose no attempt of many at once.
    """

    key = models.CharField(max_length=64, primary_key=True)
    count = models.PositiveIntegerField(default=0)
    until = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.count} until {self.until:%H:%M}"
