"""What every row has: an unguessable identity and the time it was made."""

import uuid

from django.db import models


class Row(models.Model):
    """A row that may appear in a URL: identified by a random UUID, stamped when made."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True
        ordering = ["-created_at"]
