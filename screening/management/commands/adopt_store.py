"""``manage.py adopt_store``: an operator's word that this database and this store go together.

Exit codes: 0 they go together (now, or already), 1 they do not and ``--yes`` was not given.
"""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from screening.models import Clip
from screening.services import erasure, installation, survey


class Command(BaseCommand):
    help = (
        "Show whether store and database carry one installation id; with --yes make them one. "
        "Deletes nothing: what the database does not know goes to quarantine, its time begins now."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--yes", action="store_true", help="they go together from now on")

    def handle(self, *args: Any, yes: bool, **options: Any) -> None:
        standing = installation.check_now()
        named = Clip.objects.exclude(storage_key="").count()
        self.stdout.write(f"The database ({installation.this()}) names {named} recordings.")
        if standing is installation.ONE:
            self.stdout.write("Store and database are one installation: there is nothing to do.")
            return
        count = survey.count_known()
        self.stdout.write(f"The store holds {count.objects} objects; {count.known} have their row.")
        self.stdout.write(standing.words)
        if not yes:
            self.stderr.write("adopt_store: nothing was changed; add --yes once you are sure")
            sys.exit(1)
        standing = installation.adopt()
        if again := erasure.catch_up():
            self.stdout.write(f"{len(again)} patients are erased again: the store remembers them.")
        self.stdout.write(standing.words or "Store and database are one installation now.")
        self.stdout.write(
            f"{count.objects - count.known} objects without a row stay where they are; the next"
            " look through the store lists them in quarantine."
        )
