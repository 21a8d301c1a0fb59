"""The one door to the task queue: by name, and only once the transaction has committed.

``screening`` never imports ``worker``. If the broker is down after the commit the hint is lost, not
the work: the sweeper finds what is due in the database.
"""

import logging

from celery import current_app
from django.db import transaction

logger = logging.getLogger(__name__)

MEASURE_CLIP = "worker.measure_clip"
ASSESS_SCREENING = "worker.assess_screening"
ERASE_PATIENT_FILES = "worker.erase_files"


def enqueue_on_commit(task: str, *args: str) -> None:
    """Send ``task`` with string arguments (ids) after the surrounding transaction commits."""

    def send() -> None:
        try:
            current_app.send_task(task, args=args)
        except Exception:
            # Any broker failure at all: the sweeper re-enqueues what the database says is due.
            logger.exception("could not enqueue %s; the sweeper will", task)

    transaction.on_commit(send)
