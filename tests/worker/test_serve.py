"""``manage.py serve``: the whole site in one go, and gone in one go."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tests.patience import PATIENCE
from tests.worker.conftest import wait_for
from webapp import health


class Site:
    """A running ``serve`` with a database of its own."""

    def __init__(self, folder: Path) -> None:
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.environment = {**os.environ, "MIMIA_VAR": str(folder)}
        self.log = folder / "serve.log"
        self.manage("migrate", "--verbosity", "0")
        self.start()

    def manage(self, *arguments: str) -> None:
        command = [sys.executable, "manage.py", *arguments]
        subprocess.run(command, cwd=settings.ROOT, env=self.environment, check=True)

    def start(self) -> None:
        command = [sys.executable, "manage.py", "serve", "--port", str(self.port)]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                command, cwd=settings.ROOT, env=self.environment, stdout=log, stderr=log
            )
        wait_for(lambda: self.get("readyz")[0] == 200)

    def get(self, path: str) -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{path}") as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
        except OSError:
            assert self.process.poll() is None, self.log.read_text()
            return 0, None

    def measuring(self) -> list[int]:
        """The measuring processes that are children of this site."""
        found = subprocess.run(
            ["pgrep", "-P", str(self.process.pid), "-f", "worker.measurer"],
            capture_output=True,
            text=True,
        )
        return [int(pid) for pid in found.stdout.split()]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    running = Site(tmp_path_factory.mktemp("site"))
    yield running
    running.process.kill()
    running.process.wait()


def is_running(pid: int) -> bool:
    """Alive, and not merely waiting to be reaped by whoever inherited it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_it_is_ready_with_everything_a_screening_needs(site: Site) -> None:
    status, answer = site.get("readyz")
    assert (status, answer["ready"]) == (200, True)
    assert answer["checks"] == dict.fromkeys(health.CHECKS, "ok")
    assert site.get("healthz") == (200, {"alive": True})
    assert len(site.measuring()) == 1


def test_it_stops_in_good_order_and_leaves_no_process(site: Site) -> None:
    pids = site.measuring()
    site.process.send_signal(signal.SIGTERM)
    assert site.process.wait(timeout=PATIENCE) == 0
    wait_for(lambda: not any(map(is_running, pids)))
    site.start()


def test_killed_it_leaves_no_process_either(site: Site) -> None:
    pids = site.measuring()
    site.process.kill()
    site.process.wait()
    wait_for(lambda: not any(map(is_running, pids)))
    site.start()
    assert len(site.measuring()) == 1


def test_the_log_holds_no_addresses_that_were_asked_for(site: Site) -> None:
    urllib.request.urlopen(f"http://127.0.0.1:{site.port}/accounts/login/?next=/secret-token/")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"http://127.0.0.1:{site.port}/invitation/secret-token/")
    wait_for(lambda: "Not Found: /invitation/" in site.log.read_text())
    assert "secret-token" not in site.log.read_text()
