"""The tasks: thin, idempotent, limited in time, acknowledged only when done.

There is one way to make a task, ``limited_task``. Attempts are counted where the work is claimed,
in the database, so a task that is delivered twice or lost changes nothing: the sweeper finds what
is due. Hence no automatic retries: a task that fails, or is stopped with its worker, is over, and
its work stays due.
"""

from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

from celery import Task, shared_task
from celery.signals import worker_process_init, worker_process_shutdown
from django.conf import settings

from screening import queue
from screening.services import erasure
from worker import steps, sweeper
from worker.errors import MeasuringStopped
from worker.pool import close_pools, measuring_pool

#: Loading the science and moving the file, beside the measuring itself.
SLACK_SECONDS = 180


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
    with suppress(MeasuringStopped):
        if steps.measure(UUID(clip_id)):
            queue.enqueue_on_commit(sweeper.MAKE_PLAYBACK, clip_id)


@limited_task(
    queue.ASSESS_SCREENING,
    # One clip may be begun when the time for measuring anew is all but over.
    seconds=int(steps.ANEW_SECONDS + steps.ASSESS_SECONDS)
    + settings.MEASURE_SECONDS
    + SLACK_SECONDS,
)
def assess_screening(screening_id: str) -> None:
    with suppress(MeasuringStopped):
        steps.assess(UUID(screening_id))


@limited_task(sweeper.MAKE_PLAYBACK, seconds=int(steps.PLAYBACK_SECONDS) + SLACK_SECONDS)
def make_playback(clip_id: str) -> None:
    with suppress(MeasuringStopped):
        steps.make_playback(UUID(clip_id))


@limited_task(queue.ERASE_PATIENT_FILES, seconds=SLACK_SECONDS)
def erase_files(patient_id: str) -> None:
    erasure.erase_files(patient_id=UUID(patient_id))


@limited_task("worker.sweep", seconds=SLACK_SECONDS)
def sweep() -> None:
    sweeper.sweep()
    sweeper.store_watch.look()


@worker_process_init.connect
def load_the_science(**_: object) -> None:
    """A forked Celery child begins at once, so that the first clip does not wait for it."""
    measuring_pool().start()


@worker_process_shutdown.connect
def end_measuring(**_: object) -> None:
    close_pools()
