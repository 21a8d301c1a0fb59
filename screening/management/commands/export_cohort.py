"""``manage.py export_cohort DIR``: the consented recordings as a cohort to train on."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from screening.errors import DomainError
from screening.services import cohort


class Command(BaseCommand):
    help = (
        "Writes clips and manifest.csv of all screenings whose consent allows training: "
        "pseudonymised, labelled by the clinicians' reviews, split by person."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="a new or empty folder")

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        try:
            found = cohort.export(folder=folder)
        except DomainError as refused:
            raise CommandError(refused.detail, returncode=2) from refused
        if not found.clips:
            self.stderr.write("No screening whose consent allows training has been scored yet.")
        self.stdout.write(
            f"{found.clips} clips of {found.subjects} people, {found.graded} of them graded;"
            f" people to train: {found.splits.get('train', 0)},"
            f" val: {found.splits.get('val', 0)}, test: {found.splits.get('test', 0)}"
        )
        if found.clips and not found.splits.get("test"):
            self.stderr.write(
                "Nobody fell into the test split: a model trained on all of these people"
                " cannot be evaluated on them."
            )
