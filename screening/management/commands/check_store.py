"""``manage.py check_store``: rows without files, files without rows, wrong sizes and hashes.

Exit codes: 0 all is well, 1 something does not agree, 2 wrong use, or one of them is away.
"""

import json
import sys
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from screening.errors import DomainError
from screening.services import store_check

#: More than this of one kind are counted, not listed; ``--json`` has them all.
LISTED = 20


class Command(BaseCommand):
    help = "Compare the rows with the stored objects. Changes nothing unless --repair is given."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
        parser.add_argument(
            "--hashes", action="store_true", help="read every recording and compare its SHA-256"
        )
        parser.add_argument(
            "--repair",
            action="append",
            default=[],
            choices=sorted(store_check.REPAIRS),
            help="may be given several times: "
            + "; ".join(f"{name}: {what}" for name, what in store_check.REPAIRS.items()),
        )

    def handle(self, *args: Any, **options: Any) -> None:
        repaired = {}
        try:
            found = store_check.check(hashes=options["hashes"])
            for what in options["repair"]:
                repaired[what] = store_check.repair(found, what)
            if repaired:
                found = store_check.check(hashes=options["hashes"])
        except DomainError as refused:
            words = store_check.check_standing() or refused.detail
            raise CommandError(f"nothing was repaired: {words}", returncode=2) from refused
        except (OSError, BotoCoreError, ClientError, DatabaseError) as away:
            raise CommandError(
                f"database and store cannot be compared: {away}", returncode=2
            ) from away
        if options["json"]:
            self.stdout.write(json.dumps({**found.to_json(), "repaired": repaired}))
        else:
            self._print(found, repaired)
        sys.exit(0 if found.well else 1)

    def _print(self, found: store_check.Findings, repaired: dict[str, int]) -> None:
        for what, number in repaired.items():
            self.stdout.write(f"repaired, {what}: {number}")
        if found.standing:
            self.stdout.write(f"Installation: {found.standing}")
        self._list("Rows without their file", [self._named(one) for one in found.missing])
        self._list(
            "Files that are not what their row says", [self._named(one) for one in found.wrong]
        )
        self._list(
            "Objects without a row",
            [f"{one.key}  {one.size} bytes, {one.written_at:%F %T}" for one in found.unknown],
        )
        compared = (
            "hashes were not compared (--hashes)"
            if found.hashes_compared is None
            else f"{found.hashes_compared} hashes compared"
        )
        self.stdout.write(
            f"{found.objects} objects, {found.bytes / 1e6:.1f} MB; {found.files_named} named by"
            f" rows; {compared}: {'all is well' if found.well else 'see above'}"
        )

    def _named(self, one: store_check.Named) -> str:
        owner = "upload" if one.kind == store_check.CHUNK else "clip"
        return f"{one.kind} of {owner} {one.row}  {one.key}"

    def _list(self, title: str, lines: list[str]) -> None:
        if lines:
            self.stdout.write(f"{title}: {len(lines)}")
            for line in lines[:LISTED]:
                self.stdout.write(f"  {line}")
            if len(lines) > LISTED:
                self.stdout.write(f"  … and {len(lines) - LISTED} more (--json lists them all)")
