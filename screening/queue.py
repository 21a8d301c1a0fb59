"""The one door to the task queue: by name, and only once the transaction has committed.

``screening`` never imports ``worker``. If the broker is down after the commit the hint is lost, not
the work: the sweeper finds what is due in the database.
"""

import logging
from time import monotonic

from celery import current_app
from django.db import transaction

logger = logging.getLogger(__name__)

#: After a failure no hint is sent for so long: nobody's request waits for a broker that is away.
SILENT_SECONDS = 10.0
_silent_until = 0.0

#: Something is to be measured: the worker takes the clip whose turn it is, not always this one.
MEASURE_CLIP = "worker.measure_clip"
ASSESS_SCREENING = "worker.assess_screening"
#: The same where clips must be measured once more for the bundle that owes the result.
ASSESS_ANEW = "worker.assess_anew"
#: What the sessions of a course say together.
UPDATE_COURSE = "worker.update_course"
ASSESS_SHADOWS = "worker.assess_shadows"
MAKE_PLAYBACK = "worker.make_playback"
ERASE_PATIENT_FILES = "worker.erase_files"


def of(task: str) -> str:
    """The queue that ``task`` waits in."""
    conf = current_app.conf
    return str(conf.task_routes.get(task, {}).get("queue", conf.task_default_queue))


def every() -> list[str]:
    """The names of all queues."""
    conf = current_app.conf
    named = {route["queue"] for route in conf.task_routes.values()}
    return sorted({*named, conf.task_default_queue})


def enqueue_on_commit(task: str, *args: str) -> None:
    """Send ``task`` with string arguments (ids) after the surrounding transaction commits."""

    def send() -> None:
        global _silent_until
        if monotonic() < _silent_until:
            return
        try:
            current_app.send_task(task, args=args)
        except Exception:
            # Any broker failure at all: the sweeper re-enqueues what the database says is due.
            _silent_until = monotonic() + SILENT_SECONDS
            logger.exception("could not enqueue %s; the sweeper will", task)

    transaction.on_commit(send)
