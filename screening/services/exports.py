"""Export folders that the site knows: remembered when written, cleaned when a patient is erased.

A folder may have been moved, or written on another machine: what cannot be reached from here stays
listed (admin, Exports), until ``manage.py clean_exports`` ran where it is, or an administrator says
that the folder is gone.
"""

import csv
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction

from screening.models import CohortExport, ExportedClip, Screening, User
from screening.services import access, events

MANIFEST = "manifest.csv"


@dataclass(frozen=True)
class Cleaned:
    """How many files of erased patients were deleted, and the exports that still have some."""

    deleted: int
    unreachable: list[CohortExport]


def begin(*, folder: Path) -> CohortExport:
    """Remember that an export to ``folder`` begins, before its first file is written."""
    place = str(folder.resolve())
    return CohortExport.objects.create(folder=place, machine=socket.gethostname())


def note(*, export: CohortExport, screening: Screening, name: str) -> None:
    """Remember a file, before it is written."""
    ExportedClip.objects.create(export=export, screening=screening, name=name)


def clean() -> Cleaned:
    """Delete the files of erased patients from every export folder that is on this machine."""
    of_erased = ExportedClip.objects.filter(screening__patient__erased_at__isnull=False)
    deleted, unreachable = 0, []
    for export in CohortExport.objects.filter(clips__in=of_erased).distinct():
        names = list(of_erased.filter(export=export).values_list("name", flat=True))
        folder = Path(export.folder)
        if not folder.is_dir():
            unreachable.append(export)
            continue
        _drop(folder, names)
        deleted += ExportedClip.objects.filter(export=export, name__in=names).delete()[0]
    return Cleaned(deleted, unreachable)


def forget(*, by: User, export: CohortExport) -> None:
    """An administrator says that the folder, with every copy of it, is gone. Raises NotAllowed."""
    access.require_administrator(by)
    with transaction.atomic():
        events.audit(by=by, action="export.gone", target=export)
        export.delete()


def _drop(folder: Path, names: Iterable[str]) -> None:
    gone = set(names)
    for name in gone:
        (folder / name).unlink(missing_ok=True)
    manifest = folder / MANIFEST
    if not manifest.is_file():
        return
    with manifest.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        columns = reader.fieldnames or []
        kept = [row for row in reader if row.get("clip") not in gone]
    partial = manifest.with_suffix(".partial")
    with partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(kept)
    partial.replace(manifest)
