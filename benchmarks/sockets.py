"""``python -m benchmarks.sockets``: 500 pages listen; how late is an event, and is any missed?

Twice on each topology: all pages on one site's stream, which hear every event, and each on its own
patient's. Events come from patients who leave a part out, through the API, at a steady pace. In the
middle every line is cut without a goodbye and all come back in the same moment, while events go on.
The listeners are one process of their own; times run from the event's row, a little before the
commit, to the arrival at the listener.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from time import monotonic
from typing import Any, Self

from benchmarks.uploads import keep, running

PREPARE = """
from importlib import import_module
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from screening.models import Membership, Patient, Protocol, Site, User
from screening.services import consents, screenings
engine = import_module(settings.SESSION_ENGINE)
protocol = Protocol.objects.create(slug="bench", version=1, name="Bench")
for order, expression in enumerate(["rest", "smile", "disgust", "surprise"], 1):
    protocol.steps.create(order=order, expression=expression, instruction="As on the picture.")
site = Site.objects.create(name="Bench", protocol=protocol)

def log_in(user):
    session = engine.SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[1]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return session.session_key

clinicians, patients = [], []
for number in range({pages}):
    user = User.objects.create_user(f"clinician{{number}}@example.org", None)
    Membership.objects.create(user=user, site=site)
    clinicians.append(log_in(user))
    user = User.objects.create_user(f"patient{{number}}@example.org", None)
    patient = Patient.objects.create(user=user, site=site)
    consents.give(patient=patient, form=consents.current_form(), scopes=["care"])
    clips = [str(clip.pk) for clip in screenings.current_clips(screenings.start(patient=patient))]
    patients.append({{"id": str(patient.pk), "session": log_in(user), "clips": clips}})
answer = {{"site": str(site.pk), "clinicians": clinicians, "patients": patients}}
"""
NUMBERS = """
from screening.models import EventStream
answer = dict(EventStream.objects.values_list("key", "last_number"))
"""


class Listeners:
    """The other process."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "benchmarks.listeners"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    def do(self, what: str, **asked: Any) -> dict[str, Any]:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("the listeners have no ends to talk to")
        stdin.write(json.dumps({"do": what, **asked}) + "\n")
        stdin.flush()
        return dict(json.loads(stdout.readline()))


@dataclass(eq=False)
class Writer(threading.Thread):
    """Patients who leave parts out, one after the other at a steady pace: one event each."""

    address: str
    acts: list[tuple[str, str]]
    pace: float

    def __post_init__(self) -> None:
        super().__init__(daemon=True)
        self.statuses: list[int] = []

    def run(self) -> None:
        begun, turn = monotonic(), threading.Event()
        for number, (session, clip) in enumerate(self.acts):
            turn.wait(max(0.0, begun + number / self.pace - monotonic()))
            self.statuses.append(self._leave_out(session, clip))

    def _leave_out(self, session: str, clip: str) -> int:
        token = "b" * 32
        request = urllib.request.Request(  # noqa: S310
            f"{self.address}/api/v1/clips/{clip}/skip/",
            b'{"reason": "part of the benchmark"}',
            {
                "Content-Type": "application/json",
                "Cookie": f"sessionid={session}; csrftoken={token}",
                "X-CSRFToken": token,
            },
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return int(answer.status)


class Bench:
    def __init__(self, site: Any, shape: argparse.Namespace) -> None:
        self.site, self.shape = site, shape
        self.people = site.python(PREPARE.format(pages=shape.pages))
        # Each patient has four parts to leave out: one a round, so that every page hears something.
        patients = self.people["patients"]
        self.acts = [(one["session"], one["clips"][turn]) for turn in range(4) for one in patients]

    def measure(self, what: str) -> dict[str, Any]:
        if what == "site":
            path = f"/ws/site/{self.people['site']}/"
            pages = [[session, path] for session in self.people["clinicians"]]
            keys = [f"site:{self.people['site']}"] * len(pages)
        else:
            pages = [[one["session"], "/ws/patient/"] for one in self.people["patients"]]
            keys = [f"patient:{one['id']}" for one in self.people["patients"]]
        pace = self.shape.pace if what == "site" else self.shape.pace * 4
        with Listeners() as listeners:
            opened = listeners.do("listen", address=self.site.url, pages=pages)
            undisturbed = self._write(listeners, keys, pace, cut=False)
            disturbed = self._write(listeners, keys, pace, cut=True)
            listeners.do("stop")
        return {
            "pages": len(pages),
            "events_a_second": pace,
            "let_in_s": opened["seconds"],
            "undisturbed": undisturbed,
            "all_cut": disturbed,
        }

    def _write(
        self, listeners: Listeners, keys: list[str], pace: float, *, cut: bool
    ) -> dict[str, Any]:
        many = int(pace * self.shape.seconds)
        acts, self.acts = self.acts[:many], self.acts[many:]
        writer = Writer(self.site.url, acts, pace)
        writer.start()
        found: dict[str, Any] = {}
        if cut:
            writer.join(self.shape.seconds / 2)
            found["let_in_again_s"] = listeners.do("cut")["seconds"]
        writer.join()
        numbers = self.site.python(NUMBERS)
        heard = listeners.do("until", last=[numbers[key] for key in keys])
        late = heard.pop("late")
        return {
            **found,
            "events": len(writer.statuses),
            "arrivals": len(late),
            **_spread(late),
            **heard,
        }


def _spread(values: list[float]) -> dict[str, float]:
    if len(values) < 2:
        return {}
    parts = quantiles(values, n=20)
    return {
        "p50_s": round(parts[9], 3),
        "p95_s": round(parts[18], 3),
        "max_s": round(max(values), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sockets", description=__doc__)
    parser.add_argument("--out", type=Path, help="also write the figures as JSON")
    parser.add_argument("--topology", choices=["one", "many"], action="append")
    parser.add_argument("--logs", action="store_true", help="what the site's programs said")
    parser.add_argument("--pages", type=int, default=500)
    parser.add_argument("--pace", type=float, default=5.0, help="events a second on the site")
    parser.add_argument("--seconds", type=float, default=16.0, help="of each half")
    shape = parser.parse_args()
    load = os.getloadavg()[0]
    found: dict[str, Any] = {}
    for name in shape.topology or ["one", "many"]:
        with (
            tempfile.TemporaryDirectory(prefix="mimia-bench-") as folder,
            running(name, Path(folder) / "var", MIMIA_LIVE_POLL_SECONDS="4") as site,
        ):
            bench = Bench(site, shape)
            found[name] = {what: bench.measure(what) for what in ("site", "patients")}
            if shape.logs:
                print(site.logs(), file=sys.stderr)
        for what, one in found[name].items():
            for part in ("undisturbed", "all_cut"):
                figures = "  ".join(f"{key} {value}" for key, value in one[part].items())
                print(f"{name:5} {what:9} {part:12} {figures}")
    print(f"{shape.pages} pages, {os.cpu_count()} cores, load {load:.1f} before")
    if shape.out:
        keep(shape.out, found, load, {})


if __name__ == "__main__":
    main()
