"""Where recordings were exported to, so that an erasure finds them there too."""

from django.db import models

from screening.models.base import Row
from screening.models.session import Screening


class CohortExport(Row):
    """A folder that ``manage.py export_cohort`` wrote, on the machine where it ran."""

    folder = models.CharField(max_length=400)
    machine = models.CharField(max_length=200)

    def __str__(self) -> str:
        return f"export of {self.created_at:%Y-%m-%d %H:%M}"


class ExportedClip(Row):
    """One file of an export. Its row goes when the file was deleted for an erased patient."""

    export = models.ForeignKey(CohortExport, on_delete=models.CASCADE, related_name="clips")
    screening = models.ForeignKey(Screening, on_delete=models.CASCADE, related_name="exported")
    name = models.CharField(max_length=120)

    def __str__(self) -> str:
        return self.name
