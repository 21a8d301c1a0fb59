"""One machine: a Celery worker on a thread of the site's own process, fed by the memory transport.

It is the same worker with the same tasks; only the broker and the pool differ. What could hurt the
site, decoding video, happens in the measuring process beside it.
"""

import logging
import threading

from celery import current_app
from django.conf import settings

from worker.pool import close_pools, measuring_pool, open_pools
from worker.sweeper import SweepTimer

logger = logging.getLogger(__name__)

#: More than measuring processes, so that a quick task need not wait for a thread.
THREADS = 4


class InProcessWorker:
    """Worker thread, sweeper's timer and measuring process, started and stopped as one."""

    def __init__(self) -> None:
        # The tasks must be known before the worker starts to listen.
        import worker.tasks  # noqa: F401

        current_app.finalize()
        self._controller = current_app.WorkController(
            pool="threads",
            concurrency=THREADS + settings.MEASURING_PROCESSES,
            without_heartbeat=True,
            without_mingle=True,
            without_gossip=True,
            quiet=True,
        )
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)
        self._sweeper = SweepTimer()

    def start(self) -> None:
        if measuring_pool().is_closed:
            open_pools(settings.MEASURING_PROCESSES)
        measuring_pool().start()
        self._thread.start()
        self._sweeper.start()

    def _run(self) -> None:
        try:
            self._controller.start()
        except SystemExit:
            logger.info("the worker thread has ended")

    def stop(self) -> None:
        """Kills the measuring process, lets the tasks give back what they hold, then ends."""
        self._sweeper.stop()
        close_pools()
        self._controller.stop()
        self._thread.join(timeout=10)
