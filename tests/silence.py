"""A server that takes every connection and never says a word: what a hung machine looks like."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import pytest

from tests.patience import PATIENCE

#: How much longer than its limit a call may take on a machine that is busy with other things.
GENEROUS = 30.0


@pytest.fixture
def silent() -> Iterator[int]:
    """Its port."""
    held: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                held.append(listener.accept()[0])
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(timeout=PATIENCE)
    for one in held:
        one.close()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Fails when what is done inside takes much longer than ``seconds``."""
    begun = monotonic()
    yield
    taken = monotonic() - begun
    assert taken < GENEROUS * max(seconds, 1.0), f"{taken:.1f} s where {seconds:g} is the limit"
