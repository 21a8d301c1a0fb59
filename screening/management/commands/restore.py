"""``manage.py restore DIR``: a backup back into an empty installation.

Exit codes: 0 whole, 1 restored but not whole (what is missing is named), 2 refused: nothing was
written.
"""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from screening.errors import DomainError
from screening.services import backups

LISTED = 20


class Command(BaseCommand):
    help = (
        "Restore what backup DIR made, into an empty database and an empty store. Everything is "
        "verified first; whoever was erased since the backup is erased again. Stop the site before."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", metavar="DIR", type=Path)
        parser.add_argument(
            "--erasures",
            action="append",
            default=[],
            type=Path,
            metavar="FILE",
            help="a newer erased.txt than the one in DIR; may be given several times",
        )
        parser.add_argument(
            "--keep-store",
            action="store_true",
            help="only the database was lost: restore it in front of its own store",
        )
        parser.add_argument(
            "--database-is-restored",
            action="store_true",
            help="you have loaded the dump with pg_restore; restore the rest",
        )
        parser.add_argument("--verify", action="store_true", help="read and verify DIR, no more")

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        try:
            if options["verify"]:
                found = backups.verify(folder)
                self.stdout.write(
                    f"whole: {found.count} recordings and the database of {found.made_at}"
                )
                return
            done = backups.restore(
                folder,
                erasures=options["erasures"],
                keep_store=options["keep_store"],
                database_is_restored=options["database_is_restored"],
            )
        except DomainError as refused:
            raise CommandError(refused.detail, returncode=2) from refused
        self._report(done)
        sys.exit(1 if done.missing else 0)

    def _report(self, done: backups.Restored) -> None:
        self.stdout.write(
            f"Restored the backup of {done.manifest.made_at}: {done.recordings} recordings"
            f" ({done.already_there} were there), {done.uploads_given_up} unfinished uploads that"
            " the browsers will send anew."
        )
        again = ", ".join(done.erased_again) or "nobody"
        self.stdout.write(
            f"Erased since and erased again: {again}. Erasures that none of the lists names are"
            " not known here: repeat them by hand."
        )
        if done.unknown:
            self.stdout.write(
                f"{done.unknown} objects are newer than the backup: they stay in quarantine (admin,"
                " Quarantined objects)."
            )
        if done.missing:
            self.stderr.write(f"Recordings that the backup did not have ({len(done.missing)}):")
            for key in done.missing[:LISTED]:
                self.stderr.write(f"  {key}")
            self.stderr.write("restore: done, but not whole: python manage.py check_store")
