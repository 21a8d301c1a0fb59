"""``manage.py clean_exports``: erased patients' files out of the export folders of this machine."""

from typing import Any

from django.core.management.base import BaseCommand

from screening.services import exports


class Command(BaseCommand):
    help = (
        "Deletes the files of erased patients from the folders that export_cohort wrote on this "
        "machine, and names the exports that are somewhere else."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        done = exports.clean()
        self.stdout.write(f"{done.deleted} files of erased patients deleted")
        for export in done.unreachable:
            self.stderr.write(
                f"not here: {export.folder}, written on {export.machine} at {export.created_at:%F}."
                " Run this command there, or, once every copy is gone, forget it in the admin."
            )
