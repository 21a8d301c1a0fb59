"""A person at the API: logs in as the pages do, records by uploading, reads what arrives.

Everything goes over HTTP and sockets, as from a browser; nothing of the site is imported.
"""

import hashlib
import json
import re
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from socket import SHUT_RDWR
from typing import Any

import requests
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from tests.patience import PATIENCE
from tests.servers import wait_for

TUS = {"Tus-Resumable": "1.0.0"}
CHUNK = 64 * 1024


class Person:
    """One logged-in session."""

    def __init__(self, url: str, email: str = "", password: str = "") -> None:
        self.url = url
        self.session = requests.Session()
        if email:
            self.log_in(email, password)

    def log_in(self, email: str, password: str) -> None:
        page = f"{self.url}/accounts/login/"
        form = {"login": email, "password": password, "csrfmiddlewaretoken": self.token_in(page)}
        answer = self.session.post(page, data=form, headers={"Referer": page}, timeout=PATIENCE)
        assert self.cookie("sessionid"), answer.text[:2000]

    def cookie(self, name: str) -> str:
        """The value of a cookie of ours; in production its name begins with ``__Host-``."""
        cookies = self.session.cookies
        return cookies.get(name) or cookies.get(f"__Host-{name}") or ""

    def token_in(self, page: str) -> str:
        """The CSRF token of a page's form."""
        text = self.session.get(page, timeout=PATIENCE).text
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', text)
        assert found, text[:2000]
        return found[1]

    def submit(self, path: str, **fields: Any) -> requests.Response:
        """Send the form on a page, as a browser without JavaScript does."""
        page = self.url + path
        fields["csrfmiddlewaretoken"] = self.token_in(page)
        return self.session.post(page, data=fields, headers={"Referer": page}, timeout=PATIENCE)

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """One API request; ``path`` below ``/api/v1/`` or absolute."""
        url = self.url + path if path.startswith("/") else f"{self.url}/api/v1/{path}"
        headers = options.pop("headers", {}) | {
            "X-CSRFToken": self.cookie("csrftoken"),
            "Referer": self.url,
        }
        return self.session.request(method, url, headers=headers, timeout=PATIENCE, **options)

    def get(self, path: str) -> Any:
        return _content(self.call("GET", path))

    def post(self, path: str, body: Any = None) -> Any:
        return _content(self.call("POST", path, json={} if body is None else body))

    def put(self, path: str, body: Any) -> Any:
        return _content(self.call("PUT", path, json=body))

    # --- recording ------------------------------------------------------------------------------
    def begin(self, **answers: Any) -> dict[str, Any]:
        """Consent if that is due, a new screening, its intake; returns the screening."""
        form = self.get("consent-forms/current/")
        if all(row["withdrawn_at"] for row in self.get("consents/")["results"]):
            self.post("consents/", {"form": form["id"], "scopes": ["care"]})
        screening = self.post("screenings/")
        self.put(f"screenings/{screening['id']}/intake/", answers or {"age_years": 67})
        return dict(self.get(f"screenings/{screening['id']}/"))

    def create_upload(self, clip: str) -> str:
        """Open an upload of unknown length; returns its address."""
        headers = TUS | {"Upload-Defer-Length": "1"}
        answer = self.call("POST", f"clips/{clip}/uploads/", headers=headers)
        assert answer.status_code == 201, answer.text
        location = answer.headers["Location"]
        return location.removeprefix(self.url)

    def send(self, upload: str, data: bytes, offset: int, chunk: int = CHUNK) -> int:
        """Send ``data`` from ``offset`` on, chunk by chunk; returns the offset at the end."""
        while offset < len(data):
            headers = TUS | {
                "Upload-Offset": str(offset),
                "Content-Type": "application/offset+octet-stream",
            }
            piece = data[offset : offset + chunk]
            answer = self.call("PATCH", upload, data=piece, headers=headers)
            assert answer.status_code == 204, (answer.status_code, answer.text)
            offset = int(answer.headers["Upload-Offset"])
        return offset

    def offset(self, upload: str) -> int:
        answer = self.call("HEAD", upload, headers=TUS)
        assert answer.status_code == 200, answer.status_code
        return int(answer.headers["Upload-Offset"])

    def complete(self, upload: str, data: bytes, seconds: float) -> Any:
        return self.post(
            f"{upload}complete/",
            {
                "size": len(data),
                "sha256": hashlib.sha256(data).hexdigest(),
                "announced": {
                    "seconds": seconds,
                    "frames": None,
                    "cues": [],
                    "interrupted": False,
                    "mime_type": "video/mp4",
                },
            },
        )

    def record(self, clip: str, file: Path, seconds: float) -> None:
        """The whole way of one clip: open, send, complete."""
        upload, data = self.create_upload(clip), file.read_bytes()
        self.send(upload, data, 0)
        self.complete(upload, data, seconds)

    def screening(self, key: str) -> dict[str, Any]:
        return dict(self.get(f"screenings/{key}/"))

    def wait_for_state(self, key: str, *states: str, seconds: float = 120) -> dict[str, Any]:
        seen: dict[str, Any] = {}

        def arrived() -> bool:
            nonlocal seen
            seen = self.screening(key)
            return seen["state"] in states

        wait_for(arrived, f"screening {' or '.join(states)}; it is {seen.get('state')}", seconds)
        return seen


def _content(answer: requests.Response) -> Any:
    assert answer.ok, f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text}"
    return answer.json() if answer.content else None


@dataclass
class Listener:
    """A socket that keeps what it hears. Like the pages, it comes back when the line was lost, and
    asks then for what came after the last number it saw."""

    person: Person
    path: str
    heard: list[dict[str, Any]] = field(default_factory=list)
    _open: ExitStack = field(default_factory=ExitStack)
    _socket: ClientConnection | None = None
    _thread: threading.Thread | None = None

    def connect(self) -> "Listener":
        last = self.numbers[-1] if self.heard else 0
        cookies = "; ".join(f"{c.name}={c.value}" for c in self.person.session.cookies)
        address = self.person.url.replace("http", "ws", 1) + f"{self.path}?after={last}"
        self._open.close()
        self._socket = self._open.enter_context(
            connect(
                address,
                origin=Origin(self.person.url),
                additional_headers={"Cookie": cookies},
            )
        )
        self._thread = threading.Thread(target=self._listen, args=(self._socket,), daemon=True)
        self._thread.start()
        return self

    def _listen(self, socket: ClientConnection) -> None:
        try:
            while True:
                told = json.loads(socket.recv())
                if told["type"] == "event":
                    self.heard.append(told)
        except (ConnectionClosed, OSError):
            return

    def cut(self) -> None:
        """The line goes dead without a goodbye."""
        assert self._socket is not None
        assert self._thread is not None
        self._socket.socket.shutdown(SHUT_RDWR)
        self._thread.join(timeout=PATIENCE)

    def close(self) -> None:
        self._open.close()

    @property
    def numbers(self) -> list[int]:
        return [told["number"] for told in self.heard]

    def wait_for(self, told: Callable[[dict[str, Any]], bool], what: str) -> None:
        def heard() -> bool:
            if self._thread is None or not self._thread.is_alive():
                try:
                    self.connect()
                except (OSError, WebSocketException):
                    return False  # the site is not back yet
            return any(told(one) for one in list(self.heard))

        wait_for(heard, what)
