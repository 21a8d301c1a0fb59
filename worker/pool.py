"""The measuring processes of this worker, lent to one thread at a time.

Who asks for more urgent work is served first: an assessment (milliseconds, and somebody waits for
it) before a measurement, and both before what a shadow bundle would say. Playback copies have a
process of their own that yields to everything else, so that no patient waits for them.
"""

import heapq
import itertools
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from functools import partial

from django.conf import settings

from worker.confinement import MIB, Limits
from worker.errors import MeasuringStopped
from worker.process import MeasuringProcess

COPY_NICENESS = 10


class Urgency(IntEnum):
    ASSESS = 0
    MEASURE = 1
    SHADOW = 2


class MeasuringPool:
    """Thread-safe. Processes start when first needed, or all at once with ``start``."""

    def __init__(self, processes: Sequence[MeasuringProcess]) -> None:
        self._processes = list(processes)
        self._free = list(processes)
        self._line: list[tuple[int, int]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._closed = False

    @property
    def is_closed(self) -> bool:
        return self._closed

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


@dataclass(frozen=True)
class _Workplace:
    """The pools of one worker process; ``pid`` tells a forked child that they are not its own."""

    pid: int
    measuring: MeasuringPool
    copying: MeasuringPool


_lock = threading.Lock()
_workplace: _Workplace | None = None


def measuring_pool() -> MeasuringPool:
    """This process's measuring processes, made at first use. A forked Celery child has its own."""
    return _here(settings.MEASURING_PROCESSES).measuring


def copying_pool() -> MeasuringPool:
    """One more process, of the same make, that derives playback copies when there is time."""
    return _here(settings.MEASURING_PROCESSES).copying


def open_pools(size: int) -> None:
    """Fresh pools for a worker or a command that begins, with so many measuring processes."""
    global _workplace
    close_pools()
    with _lock:
        _workplace = None
    _here(size)


def close_pools() -> None:
    """Ends all processes of this worker. Whoever still asks is told that the worker stops."""
    with _lock:
        if _workplace is not None and _workplace.pid == os.getpid():
            _workplace.measuring.close()
            _workplace.copying.close()


def cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _here(size: int) -> _Workplace:
    global _workplace
    with _lock:
        if _workplace is None or _workplace.pid != os.getpid():
            threads = settings.MEASURING_THREADS
            device = settings.ENCODER_DEVICE
            limits = Limits(settings.MEASURING_MEMORY_MIB, 2 * settings.UPLOAD_MAX_BYTES // MIB)
            make = partial(
                MeasuringProcess, limits=limits, by_kernel=settings.MEASURING_CONFINED_BY_KERNEL
            )
            model = settings.FACE_LANDMARKER
            measurers = [make(threads, device=device, face_landmarker=model) for _ in range(size)]
            copier = make(measures=False, niceness=COPY_NICENESS)
            _workplace = _Workplace(os.getpid(), MeasuringPool(measurers), MeasuringPool([copier]))
        return _workplace
