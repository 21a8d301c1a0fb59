"""Requests wait for their turn, and who waits too long is told so; bodies have bounds."""

import asyncio
import errno
import threading
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.urls import resolve
from pytest_django import Settings

from screening.errors import Unavailable
from screening.uploads.limits import FORM_BYTES, BodyLimit
from webapp.line import Line, LinedHandler

HOST = [(b"host", b"localhost")]
PART = "/api/v1/uploads/00000000-0000-4000-8000-000000000000/"

CLIP = "/api/v1/clips/00000000-0000-4000-8000-000000000000/"
OF_THE_STORE = [
    ("HEAD", PART),
    ("PATCH", PART),
    ("POST", f"{PART}complete/"),
    ("POST", f"{CLIP}uploads/"),
    ("POST", f"{CLIP}skip/"),
    ("POST", f"{CLIP}rerecord/"),
    ("GET", f"{CLIP}media/copy:1abcde:a-signature/"),
]


async def test_turns_come_in_order_and_not_too_late() -> None:
    line, came, may_end = Line("one", at_once=1, seconds=20), [], threading.Event()

    async def hold() -> None:
        await line.run(lambda _: may_end.wait(20), None)

    first = asyncio.create_task(hold())
    waiting = [asyncio.create_task(line.run(came.append, number)) for number in range(5)]
    await asyncio.sleep(0)
    assert came == []
    may_end.set()
    await asyncio.gather(first, *waiting)
    assert came == list(range(5))

    may_end.clear()
    line._seconds = 0.01
    first = asyncio.create_task(hold())
    await asyncio.sleep(0)
    with pytest.raises(Unavailable) as told:
        await line.run(came.append, 5)
    assert told.value.retry_after >= 2
    may_end.set()
    await first
    assert came == list(range(5))


async def test_threads_stay_and_keep_their_client_of_the_store() -> None:
    line = Line("store", at_once=2, seconds=20)
    names = {await line.run(lambda _: threading.current_thread().name, None) for _ in range(20)}
    assert names <= {"store_0", "store_1"}


async def answer(
    site: Any, method: str, path: str, body: bytes = b"", **headers: str
) -> dict[str, Any]:
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": HOST + named,
    }
    asked = ApplicationCommunicator(site, scope)
    await asked.send_input({"type": "http.request", "body": body, "more_body": False})
    begun = await asked.receive_output(timeout=30)
    text = await asked.receive_output(timeout=30)
    await asked.wait(timeout=30)
    return {**begun, "body": text["body"]}


#: Parameters that Python's ``email`` cannot parse, each failing in its own way.
NO_PARAMETERS = ("x*1=a; x*=b", "x*=bogus'en'a", "charset*=bogus''a")


@pytest.mark.parametrize("wrong", NO_PARAMETERS)
@pytest.mark.parametrize("path", ["/healthz", "/nothing/", "/accounts/login/", "/api/v1/me/"])
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
async def test_headers_that_are_none_are_the_mistake_of_who_sent_them(
    path: str, wrong: str
) -> None:
    site = LinedHandler()
    told = await answer(site, "POST", path, content_type=f"video/webm; {wrong}")
    assert told["status"] == 400
    told = await answer(site, "GET", path, accept=f"text/html; {wrong}")
    assert told["status"] < 500
    part = f'--x\r\nContent-Disposition: form-data; name="a"; {wrong}\r\n\r\nb\r\n--x--\r\n'
    form = "multipart/form-data; boundary=x"
    told = await answer(site, "POST", path, part.encode(), content_type=form)
    assert told["status"] < 500


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
async def test_a_slow_store_holds_up_uploads_and_nothing_else(settings: Settings) -> None:
    settings.UPLOADS_AT_ONCE, settings.LINE_SECONDS = 1, 20
    site, may_end = LinedHandler(), threading.Event()

    async def ask(method: str, path: str) -> Any:
        return await answer(site, method, path)

    slow = asyncio.create_task(site.store.run(lambda _: may_end.wait(60), None))
    await asyncio.sleep(0)
    site.store._seconds = 0.05
    for method, path in OF_THE_STORE:
        assert resolve(path), "it has moved: does its line know?"
        refused = await ask(method, path)
        assert refused["status"] == 503, path
        assert int(dict(refused["headers"])[b"Retry-After"]) >= 2
        assert b"Many people" in refused["body"]
    assert (await ask("GET", "/healthz"))["status"] == 200
    assert (await ask("GET", "/accounts/login/"))["status"] == 200
    may_end.set()
    await slow
    site.store._seconds = 20
    assert (await ask("PATCH", PART))["status"] == 401


async def told(app: Any, path: str, pieces: list[bytes], together: int = 10**9) -> tuple[int, Any]:
    limit = BodyLimit(app, max_bytes=16_000_000, together_bytes=together)
    scope = {"type": "http", "path": path, "headers": []}
    waiting, sent = list(pieces), []

    async def receive() -> Any:
        return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

    async def send(message: Any) -> None:
        sent.append(message)

    await limit(scope, receive, send)
    assert limit.under_way == 0, "what is over no longer counts"
    return sent[0]["status"], dict(sent[0]["headers"])


async def reads_all(scope: Any, receive: Any, send: Any) -> None:
    while (message := await receive()).get("more_body"):
        pass
    if message["type"] == "http.request":
        await send({"type": "http.response.start", "status": 200, "headers": []})


async def on_a_full_disk(scope: Any, receive: Any, send: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


async def test_bodies_are_bounded_each_and_together() -> None:
    large = [b"x" * 1_000_000] * 3
    assert (await told(reads_all, PART, large))[0] == 200
    assert FORM_BYTES < 3_000_000
    assert (await told(reads_all, "/accounts/login/", large))[0] == 413
    status, headers = await told(reads_all, PART, large, together=2_000_000)
    assert (status, headers[b"retry-after"]) == (503, b"5")
    status, headers = await told(on_a_full_disk, PART, large)
    assert (status, headers[b"retry-after"]) == (507, b"60")
