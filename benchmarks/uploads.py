"""``python -m benchmarks.uploads``: many patients upload at the same moment, on each topology.

Every patient has a session, a screening and a connection; all begin at once, send their clips part
by part without a pause, and do as the page does when they are told to come again. At the end every
clip that was confirmed is read from the store and hashed. The bytes are no films: measuring ends at
once, so that what is timed is uploading.
"""

import argparse
import contextlib
import hashlib
import http.client
import json
import os
import platform
import secrets
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit

TUS = {"Tus-Resumable": "1.0.0"}
#: A patient who was told to come again for so long is counted as one who gave up.
PATIENCE = 300.0
PREPARE = """
from importlib import import_module
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from screening.models import Patient, Protocol, Site, User
from screening.services import consents, screenings
engine = import_module(settings.SESSION_ENGINE)
protocol = Protocol.objects.create(slug="bench", version=1, name="Bench")
for order, expression in enumerate(["rest", "smile", "disgust", "surprise"][:{clips}], 1):
    protocol.steps.create(order=order, expression=expression, instruction="As on the picture.")
site = Site.objects.create(name="Bench", protocol=protocol)
answer = []
for number in range({patients}):
    user = User.objects.create_user(f"bench{{number}}@example.org", None)
    patient = Patient.objects.create(user=user, site=site, name=f"Bench {{number}}")
    consents.give(patient=patient, form=consents.current_form(), scopes=["care"])
    screening = screenings.start(patient=patient)
    session = engine.SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[1]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    clips = [str(clip.pk) for clip in screenings.current_clips(screening)]
    answer.append({{"session": session.session_key, "clips": clips}})
"""
#: What the store really holds of each clip that some patient saw confirmed.
READ_AGAIN = """
import hashlib
from django.core.files.storage import default_storage
from screening.models import Clip
answer = {}
for clip in Clip.objects.exclude(storage_key=""):
    try:
        with default_storage.open(clip.storage_key) as file:
            answer[str(clip.pk)] = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        answer[str(clip.pk)] = ""
"""


@dataclass
class Seen:
    """What all patients together saw; one lock, since they are threads."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    statuses: Counter[str] = field(default_factory=Counter)
    chunk_s: list[float] = field(default_factory=list)
    clip_s: list[float] = field(default_factory=list)
    confirmed: dict[str, tuple[str, int]] = field(default_factory=dict)
    unfinished: list[str] = field(default_factory=list)


class Uploader(threading.Thread):
    """One patient's browser."""

    def __init__(
        self, address: str, who: dict[str, Any], shape: argparse.Namespace, seen: Seen, line: Any
    ) -> None:
        super().__init__(daemon=True)
        self._host = urlsplit(address).netloc
        token = secrets.token_hex(16)
        self._headers = {
            **TUS,
            "Cookie": f"sessionid={who['session']}; csrftoken={token}",
            "X-CSRFToken": token,
        }
        self._clips, self._shape, self._seen, self._line = who["clips"], shape, seen, line
        self._connection: http.client.HTTPConnection | None = None

    def run(self) -> None:
        self._line.wait()
        try:
            for clip in self._clips:
                self._send_clip(clip)
        except Exception as error:
            with self._seen.lock:
                self._seen.unfinished.append(f"{type(error).__name__}: {error}")
        finally:
            if self._connection is not None:
                self._connection.close()

    def _send_clip(self, clip: str) -> None:
        data = b"\x1aE\xdf\xa3" + secrets.token_bytes(self._shape.kib * 1024)
        begun = monotonic()
        made = self._ask(
            "POST", f"/api/v1/clips/{clip}/uploads/", b"", {"Upload-Defer-Length": "1"}
        )
        where = urlsplit(made["location"]).path
        size, offset = self._shape.chunk_kib * 1024, 0
        while offset < len(data):
            started = monotonic()
            headers = {
                "Upload-Offset": str(offset),
                "Content-Type": "application/offset+octet-stream",
            }
            told = self._ask("PATCH", where, data[offset : offset + size], headers)
            offset = int(told["upload-offset"])
            with self._seen.lock:
                self._seen.chunk_s.append(monotonic() - started)
        digest = hashlib.sha256(data).hexdigest()
        body = json.dumps({"size": len(data), "sha256": digest}).encode()
        self._ask("POST", f"{where}complete/", body, {"Content-Type": "application/json"})
        with self._seen.lock:
            self._seen.clip_s.append(monotonic() - begun)
            self._seen.confirmed[clip] = (digest, len(data))

    def _ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> dict[str, str]:
        """Asked again when told to; the answer's headers."""
        deadline = monotonic() + PATIENCE
        while True:
            status, told, text = self._once(method, path, body, headers)
            with self._seen.lock:
                self._seen.statuses[str(status)] += 1
            if 200 <= status < 300 or (status == 409 and "upload-offset" in told):
                return told
            if status not in (0, 429, 503, 507) or monotonic() > deadline:
                raise RuntimeError(f"{method}: {status} {text[:200]!r}")
            if self._connection is not None:
                # The server closes one that rests; a browser then opens another by itself.
                self._connection.close()
            sleep(float(told.get("retry-after", "1")))

    def _once(
        self, method: str, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._host, timeout=120)
        try:
            self._connection.request(method, path, body, {**self._headers, **headers})
            answer = self._connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            self._connection = None
            return 0, {}, b""
        return answer.status, {name.lower(): value for name, value in answer.headers.items()}, text


def upload_at_once(site: Any, shape: argparse.Namespace) -> dict[str, Any]:
    """``site`` is a running :class:`tests.topology.Topology`."""
    people = site.python(PREPARE.format(patients=shape.patients, clips=shape.clips))
    seen, line = Seen(), threading.Barrier(len(people))
    threads = [Uploader(site.url, who, shape, seen, line) for who in people]
    begun = monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = monotonic() - begun
    stored = site.python(READ_AGAIN)
    lost = [size for clip, (digest, size) in seen.confirmed.items() if stored.get(clip) != digest]
    return {
        "seconds": round(seconds, 1),
        "statuses": dict(sorted(seen.statuses.items())),
        "unfinished": seen.unfinished[:5],
        "unfinished_patients": len(seen.unfinished),
        "clips_confirmed": len(seen.confirmed),
        "lost_bytes": sum(lost),
        "chunk_s": _spread(seen.chunk_s),
        "clip_s": _spread(seen.clip_s),
    }


def _spread(values: list[float]) -> dict[str, float]:
    if len(values) < 2:
        return {}
    parts = quantiles(values, n=20)
    return {
        "p50": round(parts[9], 3),
        "p95": round(parts[18], 3),
        "most": round(max(values), 3),
    }


@contextlib.contextmanager
def running(name: str, folder: Path, **settings: str) -> Iterator[Any]:
    """The site in this topology, as the tests run it (needs the test extras)."""
    from tests import servers, topology

    settings = {"MIMIA_LOG_LEVEL": "WARNING", **settings}
    if name == "one":
        with topology.one_machine(folder, **settings) as site:
            yield site
        return
    with (
        servers.running(servers.PostgreSQL) as postgresql,
        servers.running(servers.Redis) as redis,
        servers.running(servers.ObjectStore) as store,
        topology.many_machines(folder, postgresql, redis, store, **settings) as site,
    ):
        yield site


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.uploads", description=__doc__)
    parser.add_argument("--out", type=Path, help="also write the figures as JSON")
    parser.add_argument("--topology", choices=["one", "many"], action="append")
    parser.add_argument("--logs", action="store_true", help="what the site's programs said")
    parser.add_argument("--patients", type=int, default=200)
    parser.add_argument("--clips", type=int, default=2)
    parser.add_argument("--kib", type=int, default=1024, help="size of a clip")
    parser.add_argument("--chunk-kib", type=int, default=256)
    shape = parser.parse_args()
    load = os.getloadavg()[0]
    found = {}
    for name in shape.topology or ["one", "many"]:
        with (
            tempfile.TemporaryDirectory(prefix="mimia-bench-") as folder,
            running(name, Path(folder) / "var") as site,
        ):
            one = found[name] = upload_at_once(site, shape)
            if shape.logs:
                print(site.logs(), file=sys.stderr)
        print(
            f"{name:5} {one['seconds']:7.1f} s  chunk p50 {one['chunk_s'].get('p50')} p95"
            f" {one['chunk_s'].get('p95')}  clip p50 {one['clip_s'].get('p50')} p95"
            f" {one['clip_s'].get('p95')}  answers {one['statuses']}  gave up"
            f" {one['unfinished_patients']}  lost {one['lost_bytes']} bytes {one['unfinished']}"
        )
    print(
        f"{shape.patients} patients at once, {shape.clips} clips of {shape.kib} KiB each in parts"
        f" of {shape.chunk_kib} KiB; {os.cpu_count()} cores, load {load:.1f} before"
    )
    if shape.out:
        about = {
            "patients": shape.patients,
            "clips": shape.clips,
            "clip_kib": shape.kib,
            "chunk_kib": shape.chunk_kib,
        }
        keep(shape.out, found, load, about)


def keep(out: Path, found: dict[str, Any], load: float, about: dict[str, Any]) -> None:
    """Writes the figures of each topology, with the machine that gave them."""
    machine = {
        "cores": os.cpu_count(),
        "load_before": round(load, 2),
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({**about, **machine, "topologies": found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
