"""The tasks: thin, idempotent, limited in time, acknowledged only when done.

There is one way to make a task, ``limited_task``. Attempts are counted where the work is claimed,
in the database, so a task that is delivered twice or lost changes nothing: the sweeper finds what
is due. Hence no automatic retries: a task that fails, or is stopped with its worker, is over, and
its work stays due. Which queue a task waits in stands in the settings (``CELERY_TASK_ROUTES``).
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

from celery import Task, current_app, shared_task
from celery.concurrency.prefork import TaskPool as ForkingPool
from celery.signals import (
    worker_process_init,
    worker_process_shutdown,
    worker_ready,
    worker_shutdown,
)
from django.conf import settings

from screening import queue
from screening.services import erasure
from screening.services.measuring import Part
from worker import steps
from worker.errors import MeasuringStopped
from worker.pool import close_pools, measuring_pool
from worker.sweeper import SweepTimer

logger = logging.getLogger(__name__)

#: Loading the science and moving the file, beside the measuring itself.
SLACK_SECONDS = 180
#: One clip may be begun when the time for measuring anew is all but over.
ANEW_SECONDS = (
    int(steps.ANEW_SECONDS + steps.ASSESS_SECONDS) + settings.MEASURE_SECONDS + SLACK_SECONDS
)


def limited_task(name: str, *, seconds: int) -> Callable[[Callable[..., None]], Task]:
    """A task that is asked to stop after ``seconds`` and killed half a minute later.

    Late acknowledgement and rejection on a lost worker: a killed worker's message goes to another.
    Time limits hold in process pools; the threads pool beside the site has the measuring process's
    own wall-clock limit instead.
    """
    return shared_task(
        name=name,
        soft_time_limit=seconds,
        time_limit=seconds + 30,
        acks_late=True,
        reject_on_worker_lost=True,
        ignore_result=True,
    )


@limited_task(queue.MEASURE_CLIP, seconds=settings.MEASURE_SECONDS + SLACK_SECONDS)
def measure_clip(clip_id: str) -> None:
    """Something waits, this clip at least: the one whose turn it is gets measured."""
    with suppress(MeasuringStopped):
        if measured := steps.measure_next():
            queue.enqueue_on_commit(queue.MAKE_PLAYBACK, str(measured))


@limited_task(queue.ASSESS_SCREENING, seconds=int(steps.ASSESS_SECONDS) + SLACK_SECONDS)
def assess_screening(screening_id: str) -> None:
    with suppress(MeasuringStopped):
        steps.assess(UUID(screening_id), Part.RESULT)


@limited_task(queue.UPDATE_COURSE, seconds=int(steps.ASSESS_SECONDS) + SLACK_SECONDS)
def update_course(course_id: str) -> None:
    with suppress(MeasuringStopped):
        steps.update_course(UUID(course_id))


@limited_task(queue.ASSESS_ANEW, seconds=ANEW_SECONDS)
def assess_anew(screening_id: str) -> None:
    with suppress(MeasuringStopped):
        steps.assess(UUID(screening_id), Part.ANEW)


@limited_task(queue.ASSESS_SHADOWS, seconds=ANEW_SECONDS)
def assess_shadows(screening_id: str) -> None:
    with suppress(MeasuringStopped):
        steps.assess(UUID(screening_id), Part.SHADOWS)


@limited_task(queue.MAKE_PLAYBACK, seconds=int(steps.PLAYBACK_SECONDS) + SLACK_SECONDS)
def make_playback(clip_id: str) -> None:
    with suppress(MeasuringStopped):
        steps.make_playback(UUID(clip_id))


@limited_task(queue.ERASE_PATIENT_FILES, seconds=SLACK_SECONDS)
def erase_files(patient_id: str) -> None:
    erasure.erase_files(patient_id=UUID(patient_id))


@worker_process_init.connect
def load_the_science(**_: object) -> None:
    """A forked Celery child that measures begins at once, so that the first clip does not wait for
    it. One that only copies never loads the face mesh."""
    if queue.of(queue.MEASURE_CLIP) in current_app.amqp.queues.consume_from:
        measuring_pool().start()


@worker_process_shutdown.connect
def end_measuring(**_: object) -> None:
    close_pools()


_timers: list[SweepTimer] = []


@worker_ready.connect
def begin_sweeping(sender: Any, **_: object) -> None:
    """The worker that keeps house sweeps by a timer of its own: no queue stands before that."""
    if queue.of(queue.ERASE_PATIENT_FILES) not in current_app.amqp.queues.consume_from:
        return
    if isinstance(sender.pool, ForkingPool):
        logger.error("nobody sweeps: the worker that keeps house needs --pool threads")
        return
    _timers.append(SweepTimer())
    _timers[-1].start()


@worker_shutdown.connect
def end_sweeping(**_: object) -> None:
    while _timers:
        _timers.pop().stop()
