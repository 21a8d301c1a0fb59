"""The measuring processes of this worker, lent to one thread at a time.

Who asks for more urgent work is served first: an assessment (milliseconds, and somebody waits for
it) before a measurement, a measurement before a playback copy.
"""

import heapq
import itertools
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from django.conf import settings

from worker.errors import MeasuringStopped
from worker.process import MeasuringProcess


class Urgency(IntEnum):
    ASSESS = 0
    MEASURE = 1
    COPY = 2


class MeasuringPool:
    """Thread-safe. Processes start when first needed, or all at once with ``start``."""

    def __init__(self, size: int, threads: int = 1) -> None:
        self._processes = [MeasuringProcess(threads) for _ in range(size)]
        self._free = list(self._processes)
        self._line: list[tuple[int, int]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._closed = False

    def start(self) -> None:
        """Begins loading the science in every process; returns at once."""
        for process in self._processes:
            process.start()

    def pids(self) -> list[int]:
        return [process.pid for process in self._processes if process.pid is not None]

    @contextmanager
    def lend(self, urgency: Urgency) -> Iterator[MeasuringProcess]:
        """Waits for a free process. Raises :class:`MeasuringStopped` once the pool is closed."""
        process = self._take(urgency)
        try:
            yield process
        finally:
            with self._changed:
                self._free.append(process)
                self._changed.notify_all()

    def _take(self, urgency: Urgency) -> MeasuringProcess:
        place = (int(urgency), next(self._numbers))
        with self._changed:
            heapq.heappush(self._line, place)
            try:
                self._changed.wait_for(
                    lambda: self._closed or (self._free and self._line[0] == place)
                )
            finally:
                self._line.remove(place)
                heapq.heapify(self._line)
                self._changed.notify_all()
            if self._closed:
                raise MeasuringStopped("the worker is shutting down")
            # The one that worked last has the bundle in memory and the caches warm.
            return self._free.pop()

    def close(self) -> None:
        """Kills every process; whoever waits for one is told that the worker stops."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for process in self._processes:
            process.retire()


_lock = threading.Lock()
_pool: MeasuringPool | None = None
_pool_pid = 0


def cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def set_pool_size(size: int) -> None:
    """For a command that wants another number of processes than a worker, before it uses any."""
    global _pool, _pool_pid
    with _lock:
        _pool, _pool_pid = MeasuringPool(size, settings.MEASURING_THREADS), os.getpid()


def measuring_pool() -> MeasuringPool:
    """This process's pool, made at first use. A forked Celery child makes its own."""
    global _pool, _pool_pid
    with _lock:
        if _pool is None or _pool_pid != os.getpid():
            _pool = MeasuringPool(settings.MEASURING_PROCESSES, settings.MEASURING_THREADS)
            _pool_pid = os.getpid()
        return _pool


def close_measuring_pool() -> None:
    """Ends this process's measuring processes; a later ``measuring_pool`` starts afresh."""
    global _pool
    with _lock:
        if _pool is not None and _pool_pid == os.getpid():
            _pool.close()
        _pool = None
