"""``manage.py serve``: the site and, on one machine, its worker and measuring process."""

import logging
import signal
import sys
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from screening.models import ModelBundle
from webapp.server import server
from worker import bundles
from worker.errors import MeasuringError
from worker.inprocess import InProcessWorker

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Serve the site on this machine (with Redis configured: the site alone, no worker)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, **options: Any) -> None:
        # uvicorn raises the signal again once it has shut down; end then in good order.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        worker = InProcessWorker() if settings.WORKER_IN_PROCESS else None
        try:
            if worker is not None:
                worker.start()
                _ensure_bundle()
            server(options["host"], options["port"], grace_seconds=3).run()
        except KeyboardInterrupt:
            pass
        finally:
            if worker is not None:
                worker.stop()


def _ensure_bundle() -> None:
    """At the first start the site waits for its bundle; later the check runs beside the site."""
    if ModelBundle.objects.filter(status=ModelBundle.Status.ACTIVE).exists():
        threading.Thread(target=_check_bundle, name="bundle", daemon=True).start()
        return
    try:
        bundles.ensure_shadow()
        bundles.ensure_active()
    except MeasuringError as error:
        raise CommandError(f"no model bundle: {error}") from error


def _check_bundle() -> None:
    try:
        bundles.ensure_shadow()
        bundles.ensure_active()
    except MeasuringError as error:
        logger.error("the active bundle cannot be used, and no other was found: %s", error)
    finally:
        connections.close_all()
