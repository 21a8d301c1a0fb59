"""Real parts: measuring processes, drawn clips, a Celery worker on a thread."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import pytest
from celery import current_app
from celery.worker.state import active_requests

from screening import queue
from tests.patience import PATIENCE
from tests.worker.people import Session
from worker import bundles, sweeper
from worker.inprocess import InProcessWorker
from worker.pool import MeasuringPool, close_pools, measuring_pool, open_pools
from worker.process import MeasuringProcess


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with short clips of a drawn face: ``rest.mp4``, ``smile.mp4``."""
    folder = tmp_path_factory.mktemp("drawn")
    artist = MeasuringProcess()
    for seed, expression in enumerate(("rest", "smile")):
        with artist.desk() as desk:
            what = {
                "target": str(desk.outbox / f"{expression}.mp4"),
                "expression": expression,
                "amplitude": 1.0,
                "seed": seed,
                "seconds": 2.0,
            }
            artist.ask("draw", what, seconds=60)
            shutil.move(what["target"], folder)
    artist.retire()
    return folder


@pytest.fixture
def pool() -> MeasuringPool:
    """The measuring processes that the steps use, warm from the test before; one at a time."""
    if measuring_pool().is_closed or not measuring_pool().pids():
        open_pools(1)
        measuring_pool().start()
    return measuring_pool()


@pytest.fixture(scope="session", autouse=True)
def _no_process_stays() -> Iterator[None]:
    yield
    close_pools()


@pytest.fixture
def session(drawn: Path) -> Session:
    """A patient's open screening with two expected clips, rest and smile."""
    return Session(drawn)


@pytest.fixture
def no_sweeps(settings: Any) -> None:
    """Nothing but hints sets the worker to work."""
    settings.SWEEP_SECONDS = 3600


@pytest.fixture(scope="module")
def running() -> Iterator[list[InProcessWorker]]:
    """The worker that these tests share, once one of them has started it."""
    workers: list[InProcessWorker] = []
    yield workers
    for one in workers:
        one.stop()


@pytest.fixture
def worker(
    pool: MeasuringPool, no_sweeps: None, running: list[InProcessWorker]
) -> Iterator[InProcessWorker]:
    bundles.ensure_active()
    if not running:
        _forget_hints()
        running.append(InProcessWorker())
        running[0].start()
    yield running[0]
    # The next test has another database: nothing may be under way.
    wait_for(lambda: sweeper.waiting() == 0 and not active_requests)


def _forget_hints() -> None:
    """Tests before this one sent hints that no worker took; a worker would now measure by them."""
    with current_app.connection_for_write() as broker:
        for name in queue.every():
            broker.default_channel.queue_declare(name, passive=False)
            broker.default_channel.queue_purge(name)


def wait_for(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Returns as soon as ``condition`` holds; fails the test when it does not in time."""
    turn = Event()
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline, "what the test waits for did not happen"
        turn.wait(0.01)
