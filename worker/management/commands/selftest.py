"""``manage.py selftest``: measures drawn faces of known amplitude; says pass or fail with figures.

Exit codes: 0 passed, 1 failed. Nothing is stored.
"""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from worker import bundles, selftest
from worker.errors import MeasuringError
from worker.pool import close_pools, cores, measuring_pool, open_pools
from worker.sandbox import temporary_site


class Command(BaseCommand):
    help = "Check this installation with drawn faces of known movement."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        at_once = cores()
        open_pools(at_once)
        measuring_pool().start()
        try:
            with temporary_site():
                checks = selftest.run(bundles.ensure_active(), at_once)
        except MeasuringError as error:
            self.stderr.write(f"selftest: failed: {' '.join(str(error).split())}")
            sys.exit(1)
        finally:
            close_pools()
        passed = all(check.passed for check in checks)
        if options["json"]:
            found = {"passed": passed, "checks": [check.to_json() for check in checks]}
            self.stdout.write(json.dumps(found))
        else:
            for check in checks:
                word = "ok  " if check.passed else "FAIL"
                self.stdout.write(f"{word}  {check.name}: {check.value:.3f} ({check.limit})")
            self.stdout.write("passed" if passed else "failed")
        sys.exit(0 if passed else 1)
