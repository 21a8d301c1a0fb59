"""``manage.py demo``: demo accounts and one assessed case of a drawn face. It may be repeated.

Writes the credentials to ``demo.json`` in the runtime folder; a password that stands there already
is kept. Development settings only.
"""

import json
import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from screening.errors import DomainError
from screening.services import demo as accounts
from worker import demo
from worker.errors import MeasuringError
from worker.pool import close_pools, cores, open_pools


class Command(BaseCommand):
    help = "Make the demo accounts and one assessed demo case (a drawn face)."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--accounts-only", action="store_true", help="no demo case")

    def handle(self, *args: Any, **options: Any) -> None:
        kept = settings.VAR / "demo.json"
        known = json.loads(kept.read_text()) if kept.exists() else {}
        at_once = cores()
        open_pools(at_once)
        try:
            made = accounts.create_accounts(password=known.get("password", ""))
            _write(kept, known | _credentials(made))
            if options["accounts_only"]:
                return
            case = demo.make_case(settings.VAR / "demo-clips", at_once)
            _write(kept, known | _credentials(made) | {"case": str(case.pk)})
        except (DomainError, MeasuringError) as error:
            raise CommandError(f"no demo: {error}") from error
        finally:
            close_pools()
        if case.state not in ("scored", "released"):
            raise CommandError(f"the demo case was not assessed; it is {case.state}")
        self.stdout.write(f"demo accounts and one assessed case; see {kept}")


def _credentials(made: accounts.DemoAccounts) -> dict[str, Any]:
    people = {
        role: {"email": email, "password": made.password} for role, email in made.emails.items()
    }
    return {"password": made.password, "accounts": people}


def _write(path: Path, content: dict[str, Any]) -> None:
    """Readable by its owner alone, and never half written."""
    partial = path.with_suffix(".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(json.dumps(content, indent=2) + "\n")
    partial.replace(path)
