"""One machine: Celery workers on threads of the site's own process, fed by the memory transport.

They are the workers of the many-machine topology, with the same tasks and the same queues each;
only the broker and the pool differ. What could hurt the site, decoding video, happens in the
measuring process beside it.
"""

import logging
import threading
from typing import Any

from celery import current_app
from django.conf import settings

# The tasks must be known before a worker starts to listen.
from worker import tasks  # noqa: F401
from worker.pool import close_pools, measuring_pool, open_pools
from worker.sweeper import SweepTimer

logger = logging.getLogger(__name__)

READY_SECONDS = 30.0


class _Worker:
    """One Celery worker with queues and threads of its own."""

    def __init__(self, name: str, queues: list[str], threads: int) -> None:
        self._ready = threading.Event()
        # This selects the queues of the whole application: the next one is made once this listens.
        self._controller = current_app.WorkController(
            hostname=f"{name}@localhost",
            queues=queues,
            pool="threads",
            concurrency=threads,
            without_heartbeat=True,
            without_mingle=True,
            without_gossip=True,
            quiet=True,
            ready_callback=self._is_ready,
        )
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Returns once it listens."""
        self._thread.start()
        if not self._ready.wait(READY_SECONDS):
            logger.error("%s does not listen yet", self._thread.name)

    def _is_ready(self, consumer: Any) -> None:
        self._ready.set()

    def _run(self) -> None:
        try:
            self._controller.start()
        except SystemExit:
            logger.info("the thread %s has ended", self._thread.name)

    def stop(self) -> None:
        self._controller.stop()

    def join(self) -> None:
        self._thread.join(timeout=10)


class InProcessWorker:
    """Worker threads, sweeper's timer and measuring process, started and stopped as one."""

    def __init__(self) -> None:
        current_app.finalize()
        self._workers: list[_Worker] = []
        self._sweeper = SweepTimer()

    def start(self) -> None:
        if measuring_pool().is_closed:
            open_pools(settings.MEASURING_PROCESSES)
        measuring_pool().start()
        for name, queues, threads in _staff():
            worker = _Worker(name, queues, threads)
            worker.start()
            self._workers.append(worker)
        self._sweeper.start()

    def stop(self) -> None:
        """Kills the measuring process, lets the tasks give back what they hold, then ends."""
        self._sweeper.stop()
        close_pools()
        for worker in self._workers:
            worker.stop()
        for worker in self._workers:
            worker.join()


def _staff() -> list[tuple[str, list[str], int]]:
    """Name, queues and threads of each worker."""
    return [
        # One thread more than processes: somebody is in line when one falls free, so that a shadow
        # is served only when no patient's clip waits.
        ("worker", ["measure"], settings.MEASURING_PROCESSES + 1),
        ("assessor", ["assess"], 2),
        ("shadow", ["shadow"], 1),
        ("copier", ["playback"], 1),
        ("keeper", ["keep"], 1),
    ]
