"""``manage.py sweep``: enqueues all that is due, now. Exit codes: 0 done, 1 no queue to reach."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from worker import sweeper


class Command(BaseCommand):
    help = "Enqueue all that is due, without waiting for the next turn of the timer."

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.WORKER_IN_PROCESS:
            raise CommandError(
                "without Redis the queue is inside the site's process, which sweeps by itself"
                f" every {settings.SWEEP_SECONDS} s and at each start"
            )
        self.stdout.write(f"{sweeper.sweep()} enqueued")
