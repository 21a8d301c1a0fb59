"""``manage.py backup DIR``: the database and every recording it names, while people upload.

Exit codes: 0 whole, 1 made but not whole (what is missing or damaged is named), 2 nothing was made.
"""

import sys
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from screening.errors import DomainError
from screening.services import backups

LISTED = 20


class Command(BaseCommand):
    help = (
        "Back up database and recordings into DIR, which may hold an earlier backup of this site: "
        "recordings that are there are not copied again. Safe while the site is running."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", metavar="DIR", type=Path)
        parser.add_argument(
            "--dump",
            type=Path,
            metavar="FILE",
            help="what pg_dump --format=custom wrote just now, where it is not installed here",
        )
        parser.add_argument(
            "--erasures-only",
            action="store_true",
            help="only write down who was erased by now (erased.txt): quick, for every few minutes",
        )

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        try:
            if options["erasures_only"]:
                number = backups.write_erasures(folder)
                self.stdout.write(f"{number} erasures are known in {folder}")
                return
            made = backups.make(folder, ready_made=options["dump"])
        except DomainError as refused:
            raise CommandError(f"no backup was made: {refused.detail}", returncode=2) from refused
        except (OSError, BotoCoreError, ClientError, DatabaseError) as away:
            raise CommandError(f"no backup was made: {away}", returncode=2) from away
        manifest = made.manifest
        self.stdout.write(
            f"The database and {manifest.count} recordings ({manifest.bytes / 1e6:.1f} MB) are in"
            f" {folder}: {made.copied} copied ({made.bytes_copied / 1e6:.1f} MB),"
            f" {made.reused} there already, {made.removed} of erased patients removed"
        )
        self._list("The store does not have", manifest.missing)
        self._list("In the store, but not what was received", manifest.wrong)
        if not made.whole:
            self.stderr.write("backup: made, but not whole: python manage.py check_store --hashes")
            sys.exit(1)

    def _list(self, title: str, keys: list[str]) -> None:
        if keys:
            self.stderr.write(f"{title} ({len(keys)}):")
            for key in keys[:LISTED]:
                self.stderr.write(f"  {key}")
            if len(keys) > LISTED:
                self.stderr.write(f"  … and {len(keys) - LISTED} more")
