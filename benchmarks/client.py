"""A patient's browser, as far as the benchmark needs one: log in, upload, listen."""

import hashlib
import json
import re
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, suppress
from http.cookiejar import CookieJar
from pathlib import Path
from time import monotonic
from typing import Any, Self
from urllib.parse import urlencode

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

CHUNK = 512 * 1024
PATIENCE = 120.0
TUS = {"Tus-Resumable": "1.0.0"}


class BenchmarkFailed(Exception):
    """The site did not do what a patient would need; the message says what."""


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_ready(address: str) -> None:
    turn = threading.Event()
    deadline = monotonic() + PATIENCE
    while monotonic() < deadline:
        with suppress(OSError), urllib.request.urlopen(f"{address}/readyz"):  # noqa: S310
            return
        turn.wait(0.1)
    raise BenchmarkFailed("the site was not ready in time")


class Patient:
    """Logged in, and listening on the patient's own stream."""

    def __init__(self, address: str, email: str, password: str) -> None:
        self._address = address
        self._cookies = CookieJar()
        self._open = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(self._cookies)
        ).open
        self._heard: dict[tuple[str, str], float] = {}
        self._news = threading.Condition()
        self._log_in(email, password)
        cookie = "; ".join(f"{one.name}={one.value}" for one in self._cookies)
        self._socket = connect(
            address.replace("http", "ws", 1) + "/ws/patient/",
            origin=Origin(address),
            additional_headers={"Cookie": cookie},
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _log_in(self, email: str, password: str) -> None:
        page = f"{self._address}/accounts/login/"
        with self._open(page) as answer:
            token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', answer.read().decode())
        if token is None:
            raise BenchmarkFailed("the log-in page has no form")
        form = {"login": email, "password": password, "csrfmiddlewaretoken": token[1]}
        request = urllib.request.Request(page, urlencode(form).encode(), {"Referer": page})  # noqa: S310
        with self._open(request):
            pass
        if not any(cookie.name == "sessionid" for cookie in self._cookies):
            raise BenchmarkFailed("the demo patient could not log in")

    def begin(self) -> dict[str, Any]:
        """Consent to the current text, a new screening and its intake."""
        form = self.call("GET", "consent-forms/current/")
        self.post("consents/", {"form": form["id"], "scopes": ["care"]})
        screening = self.post("screenings/", {})
        self.call("PUT", f"screenings/{screening['id']}/intake/", {"age_years": 60})
        return dict(self.call("GET", f"screenings/{screening['id']}/"))

    def upload(self, clip: str, file: Path, seconds: float) -> float:
        """Sends the file chunk by chunk; returns the moment its last byte was acknowledged."""
        created = self._send("POST", f"clips/{clip}/uploads/", b"", {"Upload-Defer-Length": "1"})
        upload = created.headers["Location"].removeprefix(self._address)
        content = file.read_bytes()
        for offset in range(0, len(content), CHUNK):
            headers = {
                "Upload-Offset": str(offset),
                "Content-Type": "application/offset+octet-stream",
            }
            self._send("PATCH", upload, content[offset : offset + CHUNK], headers)
        acknowledged = monotonic()
        announced: dict[str, Any] = {
            "seconds": seconds,
            "frames": None,
            "cues": [],
            "interrupted": False,
        }
        digest = hashlib.sha256(content).hexdigest()
        body = {"size": len(content), "sha256": digest, "announced": announced}
        self.post(f"{upload}complete/", body)
        return acknowledged

    def post(self, path: str, body: Any) -> Any:
        return self.call("POST", path, body)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        answer = self._send(method, path, data, {"Content-Type": "application/json"})
        return json.loads(answer.read() or b"null")

    def _send(self, method: str, path: str, data: bytes | None, headers: dict[str, str]) -> Any:
        url = self._address + (path if path.startswith("/") else f"/api/v1/{path}")
        token = next(one.value for one in self._cookies if one.name == "csrftoken")
        headers = {**TUS, **headers, "X-CSRFToken": token or "", "Referer": self._address}
        request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310
        try:
            return self._open(request)
        except urllib.error.HTTPError as error:
            raise BenchmarkFailed(f"{method} {path}: {error.code} {error.read()!r}") from error

    def heard(self, kind: str, clip: str = "") -> float:
        """The moment this event arrived; waits for it."""
        with self._news:
            if not self._news.wait_for(lambda: (kind, clip) in self._heard, PATIENCE):
                raise BenchmarkFailed(f"no {kind} was pushed within {PATIENCE:g} s")
            return self._heard[kind, clip]

    def forget(self) -> None:
        with self._news:
            self._heard.clear()

    def _listen(self) -> None:
        for told in self._events():
            with self._news:
                key = (told["kind"], told["data"].get("clip", ""))
                self._heard.setdefault(key, monotonic())
                self._news.notify_all()

    def _events(self) -> Iterator[dict[str, Any]]:
        with suppress(ConnectionClosed):
            for message in self._socket:
                told = json.loads(message)
                if told["type"] == "event":
                    yield told
