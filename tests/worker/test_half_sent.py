"""Half-sent requests: a thousand of them shut nobody out, and a slow honest line is not cut."""

import http.client
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest

from tests.servers import free_port, wait_for

ROOT = Path(__file__).resolve().parents[2]
MANY = 1001
#: What a process gets on most systems.
HANDLES = 1024
#: Short limits, so that a test sees their end; the ratio to a slow line's pauses stays.
HEAD_SECONDS, BODY_PAUSE_SECONDS = 2.0, 4.0
SERVE = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, ({HANDLES}, {HANDLES}))
from webapp import connections, server
connections.HEAD_SECONDS, connections.BODY_PAUSE_SECONDS = {HEAD_SECONDS}, {BODY_PAUSE_SECONDS}
server.server("127.0.0.1", int(sys.argv[1])).run()
"""
HALF_A_HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
HALF_A_BODY = (
    b"PATCH /api/v1/uploads/00000000-0000-4000-8000-000000000000/ HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: application/offset+octet-stream\r\nContent-Length: 100000\r\n\r\nhalf"
)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The web server as the container runs it, with shorter patience."""
    folder = tmp_path_factory.mktemp("site")
    environment = {
        **os.environ,
        "MIMIA_VAR": str(folder),
        "DJANGO_SETTINGS_MODULE": "webapp.settings.development",
    }
    found = free_port()
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(found)],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        wait_for(lambda: answers(found), "the server answers")
        yield found
    finally:
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    """Whether somebody else gets an answer, and soon."""
    with (
        suppress(OSError, http.client.HTTPException),
        closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection,
    ):
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    return False


def is_closed(connection: socket.socket) -> bool:
    """Whether the server has ended this connection (with or without a word)."""
    connection.setblocking(False)
    try:
        while data := connection.recv(4096):
            assert data.startswith(b"HTTP/1.1 408"), data
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


@pytest.fixture(autouse=True)
def _enough_handles_for_the_test() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 2 * MANY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4 * MANY), hard))


@pytest.mark.parametrize("half", [HALF_A_HEAD, HALF_A_BODY, b""], ids=["head", "body", "silent"])
def test_a_thousand_half_sent_requests_shut_nobody_out(port: int, half: bytes) -> None:
    with ExitStack() as stack:
        held = []
        for _ in range(MANY):
            held.append(stack.enter_context(socket.create_connection(("127.0.0.1", port), 20)))
            with suppress(ConnectionError):  # made room for another one already
                held[-1].sendall(half)
        assert answers(port), "others wait for those who say nothing"
        wait_for(lambda: all(map(is_closed, held)), "half-sent requests are dropped")
    assert answers(port)


def press_in(port: int, stack: ExitStack) -> None:
    for _ in range(MANY):
        with suppress(OSError):
            other = stack.enter_context(socket.create_connection(("127.0.0.1", port), 20))
            other.sendall(HALF_A_HEAD)


def test_a_slow_but_honest_line_is_not_cut(port: int) -> None:
    """A part that trickles for longer than any pause may last, while a thousand press in."""
    part = b"x" * 40
    head = b"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 40\r\n\r\n"
    begun = time.monotonic()
    with ExitStack() as stack:
        slow = stack.enter_context(socket.create_connection(("127.0.0.1", port), 60))
        slow.sendall(head)
        crowd = threading.Thread(target=press_in, args=(port, stack))
        crowd.start()
        for byte in part:
            slow.sendall(bytes([byte]))
            time.sleep(2.5 * BODY_PAUSE_SECONDS / len(part))  # this pace is what is tested
        assert time.monotonic() - begun > 2 * BODY_PAUSE_SECONDS
        answer = slow.recv(4096)
        crowd.join()
    assert answer.startswith(b"HTTP/1.1 403"), "no CSRF token: it was read whole, and answered"
