"""Who gets a measuring process, in which order, and what a shutdown means to those who wait."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from tests.patience import PATIENCE
from tests.worker.conftest import wait_for
from worker.errors import MeasuringDied, MeasuringStopped
from worker.pool import MeasuringPool, Urgency
from worker.process import MeasuringProcess


@pytest.fixture
def one() -> Iterator[MeasuringPool]:
    pool = MeasuringPool([MeasuringProcess()])
    yield pool
    pool.close()


def are_waiting(pool: MeasuringPool, count: int) -> bool:
    return len(pool._line) == count


def test_the_most_urgent_is_served_first(one: MeasuringPool) -> None:
    served: list[str] = []

    def work(name: str, urgency: Urgency) -> None:
        with one.lend(urgency):
            served.append(name)

    asked = [("shadow", Urgency.SHADOW), ("clip 1", Urgency.MEASURE), ("clip 2", Urgency.MEASURE),
             ("assessment", Urgency.ASSESS)]  # fmt: skip
    with one.lend(Urgency.MEASURE):
        threads = []
        for place, (name, urgency) in enumerate(asked, start=1):
            threads.append(threading.Thread(target=work, args=(name, urgency)))
            threads[-1].start()
            wait_for(partial(are_waiting, one, place))
    for thread in threads:
        thread.join(timeout=PATIENCE)
    assert served == ["assessment", "clip 1", "clip 2", "shadow"]


def test_as_many_work_at_once_as_there_are_processes() -> None:
    pool = MeasuringPool([MeasuringProcess(), MeasuringProcess()])
    with pool.lend(Urgency.MEASURE) as one, pool.lend(Urgency.MEASURE) as other:
        assert one is not other
    pool.close()


def test_closing_tells_those_who_wait(one: MeasuringPool) -> None:
    told: list[BaseException] = []

    def wait_in_line() -> None:
        try:
            with one.lend(Urgency.MEASURE):
                pass
        except MeasuringStopped as stopped:
            told.append(stopped)

    with one.lend(Urgency.MEASURE):
        thread = threading.Thread(target=wait_in_line)
        thread.start()
        wait_for(partial(are_waiting, one, 1))
        one.close()
        thread.join(timeout=PATIENCE)
    assert len(told) == 1
    with pytest.raises(MeasuringStopped), one.lend(Urgency.ASSESS):
        pass


def ask_after(pool: MeasuringPool, what_happens: Callable[[MeasuringProcess], None]) -> None:
    with pool.lend(Urgency.MEASURE) as process:
        process.ask("prepare", {}, seconds=60)
        what_happens(process)
        process.ask("prepare", {}, seconds=60)


def test_closing_in_mid_work_is_not_the_clips_fault(one: MeasuringPool) -> None:
    with pytest.raises(MeasuringStopped):
        ask_after(one, lambda _: one.close())


def test_a_death_of_its_own_is_reported_as_one(one: MeasuringPool) -> None:
    with pytest.raises(MeasuringDied):
        ask_after(one, lambda process: os.kill(process.pid or 0, signal.SIGKILL))
