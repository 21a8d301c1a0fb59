"""``manage.py register_bundle [DIR]``: makes a trained bundle known; if asked, active or a shadow.

Without DIR: the bundle that ships. Exit codes: 0 done (known already, too), 2 wrong use.
"""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from screening.errors import DomainError
from screening.models import ModelBundle
from screening.services import bundles as rows
from worker import bundles
from worker.errors import MeasuringError
from worker.pool import close_pools

Status = ModelBundle.Status


class Command(BaseCommand):
    help = "Register a model bundle after verifying its files."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", metavar="DIR", nargs="?", help="default: the one that ships")
        use = parser.add_mutually_exclusive_group()
        use.add_argument("--activate", action="store_true", help="new screenings are pinned to it")
        use.add_argument("--shadow", action="store_true", help="it assesses beside the active one")

    def handle(self, *args: Any, **options: Any) -> None:
        folder = Path(options["folder"]).resolve() if options["folder"] else None
        if folder is not None and not folder.is_dir():
            what = f"{folder} is a file" if folder.is_file() else f"no such folder: {folder}"
            self._end(f"{what}; give the folder that `ml train` wrote")
        try:
            bundle = bundles.register(folder)
            if options["activate"] and bundle.status != Status.ACTIVE:
                rows.activate(by=None, bundle=bundle)
            if options["shadow"] and bundle.status != Status.SHADOW:
                rows.set_shadow(by=None, bundle=bundle)
        except (DomainError, MeasuringError) as error:
            self._end(" ".join(str(error).split()))
        finally:
            close_pools()
        self.stdout.write(f"{bundle.name} {bundle.version} ({bundle.digest}): {bundle.status}")

    def _end(self, line: str) -> None:
        self.stderr.write(f"register_bundle: {line}", self.style.NOTICE)
        sys.exit(2)
