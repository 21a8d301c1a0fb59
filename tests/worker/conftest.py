"""Real parts: measuring processes, drawn clips, a Celery worker on a thread."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from time import monotonic

import pytest

from tests.worker.people import Session
from worker.pool import MeasuringPool, close_pools, measuring_pool, open_pools
from worker.process import MeasuringProcess


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with short clips of a drawn face: ``rest.mp4``, ``smile.mp4``."""
    folder = tmp_path_factory.mktemp("drawn")
    artist = MeasuringProcess()
    for seed, expression in enumerate(("rest", "smile")):
        what = {
            "target": str(folder / f"{expression}.mp4"),
            "expression": expression,
            "amplitude": 1.0,
            "seed": seed,
            "seconds": 2.0,
        }
        artist.ask("draw", what, seconds=60)
    artist.kill()
    return folder


@pytest.fixture(autouse=True)
def _own_store(clips_folder: Path) -> None:
    """Every test has a store of its own: another test's rows are gone, and its files with them."""


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


def wait_for(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Returns as soon as ``condition`` holds; fails the test when it does not in time."""
    turn = Event()
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline, "what the test waits for did not happen"
        turn.wait(0.01)
