"""Enqueues again whatever the database says is due: the queue is a hint, and hints get lost.

Never a task itself: it is called by a timer, beside the site (one machine) or in the worker that
keeps house (many), so that it comes on time whatever waits in the queues.
"""

import logging
import threading
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta

from celery import current_app
from django.conf import settings
from django.db import connections
from django.utils import timezone

from screening import queue
from screening.models import Clip
from screening.services import (
    bundles,
    erasure,
    events,
    installation,
    measuring,
    sessions,
    superseded,
    survey,
    uploads,
)
from worker.workfolder import remove_orphans

#: How long after measuring a missing copy is taken for lost, and how many are made up for at once.
COPY_SECONDS = 60
COPIES_AT_ONCE = 20

logger = logging.getLogger(__name__)


def sweep() -> int:
    """Enqueues what is due, clears what nobody needs; returns how many hints were sent."""
    if repinned := bundles.repin_to_active():
        logger.info("%d screenings get the active bundle: theirs has no files", repinned)
    sent = _enqueue_due()
    for chore in CHORES:
        try:
            chore()
        except Exception:
            # What needs the store must not keep sessions and events from being cleared.
            logger.exception("the sweep's %s failed; it is tried again at the next", chore.__name__)
    return sent


def _compare_installations() -> None:
    """A backup that was put in place by hand: erasures that it does not know are made up for."""
    installation.count_up()
    if installation.check() is installation.BEHIND:
        erasure.catch_up()


CHORES: tuple[Callable[[], object], ...] = (
    uploads.sweep,
    superseded.remove_old,
    _compare_installations,
    sessions.clear_expired,
    events.prune,
    # Of this machine; each worker also looks when it starts a measuring process.
    remove_orphans,
)


class StoreWatch:
    """Looks through the store where it is time, on a thread of its own.

    Beside the queue and the sweep: a large store takes minutes, and neither may wait for it. A
    thread that ends with its process is taken up by another one where it stopped.
    """

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None

    def look(self) -> None:
        """Begin, or go on, unless this process is at it or it was done not long ago."""
        if (self._thread is None or not self._thread.is_alive()) and survey.is_due():
            self._thread = threading.Thread(target=self._run, name="survey", daemon=True)
            self._thread.start()

    def join(self, seconds: float) -> None:
        if self._thread is not None:
            self._thread.join(timeout=seconds)

    def _run(self) -> None:
        try:
            survey.advance()
        except Exception:
            # A store or database that is away: another sweep goes on where this one stopped.
            logger.exception("the store was not looked through to its end")
        finally:
            connections.close_all()


store_watch = StoreWatch()


def _enqueue_due() -> int:
    """How many hints were sent: to each queue as many as are due there and not waiting anyway."""
    due: dict[str, list[tuple[str, str]]] = defaultdict(list)
    copies = ((queue.MAKE_PLAYBACK, clip_id) for clip_id in _without_copy())
    for task, row_id in [*measuring.due(), *copies]:
        due[queue.of(task)].append((task, row_id))
    sent = 0
    for name, hints in due.items():
        for task, row_id in hints[: max(0, len(hints) - waiting(name))]:
            current_app.send_task(task, args=[row_id])
            sent += 1
    if sent:
        logger.info("%d due, enqueued again", sent)
    return sent


def _without_copy() -> list[str]:
    """Measured clips that should have a playback copy by now: its hint was lost.

    Only of the last day: what could not be copied in all that time cannot be copied.
    """
    now = timezone.now()
    rows = Clip.objects.filter(
        screening__withdrawn_at__isnull=True,
        state=Clip.State.MEASURED,
        playback_key="",
        measured_at__range=(now - timedelta(days=1), now - timedelta(seconds=COPY_SECONDS)),
    )
    return [str(pk) for pk in rows.values_list("pk", flat=True)[:COPIES_AT_ONCE]]


def waiting(*names: str) -> int:
    """How many messages wait in these queues (in all, without names), taken by no worker yet."""
    with current_app.connection_for_write() as broker:
        declare = broker.default_channel.queue_declare
        found = [declare(name, passive=False) for name in names or queue.every()]
        return sum(int(declared.message_count) for declared in found)


class SweepTimer(threading.Thread):
    """Sweeps every so often, beginning at once, until stopped. Two of them do no harm."""

    def __init__(self) -> None:
        super().__init__(name="sweeper", daemon=True)
        self._stopped = threading.Event()

    def run(self) -> None:
        while True:
            try:
                sweep()
                store_watch.look()
            except Exception:
                # A database or broker that is away now may be back at the next turn.
                logger.exception("the sweep failed; the next one is in a moment")
            finally:
                connections.close_all()
            if self._stopped.wait(settings.SWEEP_SECONDS):
                return

    def stop(self) -> None:
        self._stopped.set()
        self.join(timeout=5)
        store_watch.join(5)
