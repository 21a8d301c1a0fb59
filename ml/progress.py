"""How far a long step is: a bar on a terminal, a line in the log every ten seconds elsewhere.

Who knows how long a step is opens it (``following``); who does a part of it counts (``advance``),
however many calls lie between, and counts nothing where nobody opened a step of that name. Of a
step within another only the outer one is shown; where nobody hears the log, neither is.
"""

import logging
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from tqdm import tqdm

logger = logging.getLogger(__name__)
T = TypeVar("T")

SECONDS_BETWEEN_LINES = 10.0


class _Step:
    """One that is open; ``shown`` unless it is part of another."""

    def __init__(self, name: str, of: int, done: int, *, shown: bool) -> None:
        self.name, self.of, self.begun_with, self.done = name, of, done, done
        self.shown = shown and logger.isEnabledFor(logging.INFO)
        drawn = self.shown and _is_terminal()
        self.bar = tqdm(total=of, initial=done, desc=name, leave=False, disable=not drawn)
        self.began = self.told = time.monotonic()

    def advance(self) -> None:
        self.done += 1
        self.bar.update()
        now = time.monotonic()
        due = now - self.told >= SECONDS_BETWEEN_LINES or self.done == self.of
        if self.shown and self.bar.disable and due:
            self.told = now
            left = (now - self.began) / (self.done - self.begun_with) * (self.of - self.done)
            logger.info("%s: %d of %d, about %.0f s left", self.name, self.done, self.of, left)


def _is_terminal() -> bool:
    """Whether the standard error is one, and of a size: tqdm draws nothing on one of no lines."""
    try:
        return sys.stderr.isatty() and all(os.get_terminal_size(sys.stderr.fileno()))
    except OSError:
        return False


_open: ContextVar[tuple[_Step, ...]] = ContextVar("open", default=())


@contextmanager
def following(name: str, of: int, *, done: int = 0) -> Iterator[None]:
    """The step ``name`` of so many parts, some of them ``done`` by an earlier run."""
    step = _Step(name, of, done, shown=not _open.get())
    _open.set((*_open.get(), step))
    try:
        yield
    finally:
        step.bar.close()
        _open.set(tuple(other for other in _open.get() if other is not step))


def advance(name: str) -> None:
    """One part more of the innermost step of this name, if there is one."""
    for step in reversed(_open.get()):
        if step.name == name:
            return step.advance()
    return None


def counted(name: str, parts: Iterable[T], of: int, *, done: int = 0) -> Iterator[T]:
    """The parts of a step, one after another, each counted once its turn is over."""
    with following(name, of, done=done):
        for part in parts:
            yield part
            advance(name)
