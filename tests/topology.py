"""The site as its users meet it: processes on loopback, in either topology, one code.

``one_machine`` is ``manage.py serve`` with SQLite and a folder; ``many_machines`` is the same site
with PostgreSQL, Redis, an S3 API and the Celery workers that measure, copy and keep house, each a
process that a test can kill.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.patience import PATIENCE
from tests.servers import ObjectStore, PostgreSQL, Redis, free_port, wait_for

ROOT = Path(__file__).resolve().parents[1]
#: Quick sweeps and short claims, so that a test of a fault need not wait for the defaults.
QUICK = {
    "MIMIA_SWEEP_SECONDS": "2",
    "MIMIA_CLAIM_SECONDS": "6",
    "MIMIA_LIVE_POLL_SECONDS": "2",
    # tests/worker/test_second_opinion.py has it; elsewhere one result is enough to wait for.
    "MIMIA_SECOND_OPINION": "false",
}


class Program:
    """One of our own processes, with its own process group and log."""

    def __init__(self, name: str, command: Sequence[str], environment: dict[str, str]) -> None:
        self.name = name
        self.command = list(command)
        self.environment = environment
        self.log = Path(environment["MIMIA_VAR"]) / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self.process is not None, f"{self.name} is not running"
        return self.process.pid

    def start(self) -> "Program":
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    def stop(self) -> None:
        """As an operator stops it: it is asked, and killed only if it will not."""
        if self.process is None:
            return
        measuring = self.measuring_processes()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                self._strike(signal.SIGKILL)
        self._strike(signal.SIGKILL)
        self.process.wait()
        self.process = None
        for pid in measuring:
            _kill(pid)

    def kill(self) -> None:
        """As a power cut stops it: the process and all its children, at once."""
        measuring = self.measuring_processes()
        self._strike(signal.SIGKILL)
        assert self.process is not None
        self.process.wait()
        self.process = None
        for pid in measuring:
            _kill(pid)

    def restart(self) -> None:
        self.stop()
        self.start()

    def _strike(self, number: signal.Signals) -> None:
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return

    def measuring_processes(self) -> list[int]:
        """The measuring processes among this program's descendants."""
        found = []
        waiting = [self.pid]
        parents = _parents()
        while waiting:
            pid = waiting.pop()
            children = [child for child, parent in parents.items() if parent == pid]
            waiting += children
            found += [child for child in children if "worker.measurer" in _command_line(child)]
        return found

    def tail(self, lines: int = 60) -> str:
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return f"--- {self.name}\n" + "\n".join(text.splitlines()[-lines:])


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _parents() -> dict[int, int]:
    """Every process and its parent."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            stat = (folder / "stat").read_text()
        except OSError:
            continue  # it ended while we looked
        found[int(folder.name)] = int(stat.rpartition(")")[2].split()[1])
    return found


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


class Topology:
    """A site of its own: its settings, its programs, its address."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("MIMIA_", "PYTEST_", "DJANGO_"))
            and name not in {"DATABASE_URL", "REDIS_URL"}
        }
        self.environment = {
            **inherited,
            **QUICK,
            "DJANGO_SETTINGS_MODULE": "webapp.settings.development",
            "MIMIA_VAR": str(folder),
            "OMP_NUM_THREADS": "1",
            "PYTHONUNBUFFERED": "1",
            **settings,
        }
        self.programs: dict[str, Program] = {}
        self.add("web", [sys.executable, "manage.py", "serve", "--port", str(self.port)])

    def add(self, name: str, command: Sequence[str]) -> None:
        self.programs[name] = Program(name, command, self.environment)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def web(self) -> Program:
        return self.programs["web"]

    @property
    def worker(self) -> Program:
        """The program that owns the measuring process."""
        return self.programs.get("worker", self.web)

    def manage(self, *arguments: str) -> str:
        """One management command, run to its end; returns what it printed."""
        return self._run([sys.executable, "manage.py", *arguments])

    def python(self, code: str) -> Any:
        """Run ``code`` inside Django; returns what it left in ``answer`` (JSON)."""
        wrapped = (
            "import django, json, sys\ndjango.setup()\nanswer = None\n"
            f"{code}\nprint('\\n' + json.dumps(answer, default=str))"
        )
        return json.loads(self._run([sys.executable, "-c", wrapped]).strip().splitlines()[-1])

    def _run(self, command: list[str]) -> str:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(command[1:3])}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def start(self) -> "Topology":
        self.manage("migrate", "--noinput", "--verbosity", "0")
        if "worker" in self.programs:
            self.manage("register_bundle", "--activate")
        for program in self.programs.values():
            program.start()
        self.wait_ready()
        return self

    def wait_ready(self) -> None:
        import requests

        answer = ""

        def ready() -> bool:
            nonlocal answer
            fallen = [p.tail() for p in self.programs.values() if p.process and p.process.poll()]
            assert not fallen, "\n".join(fallen)
            try:
                response = requests.get(f"{self.url}/readyz", timeout=PATIENCE)
            except requests.RequestException:
                return False
            answer = response.text
            return response.ok

        try:
            wait_for(ready, "the site is ready")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{answer}\n{self.logs()}") from None

    def stop(self) -> None:
        for program in reversed(self.programs.values()):
            program.stop()

    def logs(self) -> str:
        return "\n".join(program.tail() for program in self.programs.values())

    def __enter__(self) -> "Topology":
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *exception: object) -> None:
        self.stop()


def one_machine(folder: Path, **settings: str) -> Topology:
    """SQLite, memory queue and layer, a folder, a worker thread: what ``make run`` starts."""
    return Topology(folder, settings)


def many_machines(
    folder: Path, postgresql: PostgreSQL, redis: Redis, store: ObjectStore, **settings: str
) -> Topology:
    """PostgreSQL, Redis, S3 and the three kinds of Celery workers, as in the compose file."""
    name = f"site{free_port()}"
    topology = Topology(
        folder,
        {
            "DATABASE_URL": postgresql.create_database(name),
            "REDIS_URL": redis.url(),
            **store.create_bucket(name),
            **settings,
        },
    )
    celery = [sys.executable, "-m", "celery", "-A", "webapp.celery"]

    def add(name: str, queues: str, *more: str) -> None:
        named = [*celery, "worker", "-Q", queues, "--hostname", f"{name}@%h", *more]
        topology.add(name, [*named, "--loglevel", "INFO"])

    add("worker", "assess,measure,shadow")
    add("copier", "playback")
    add("keeper", "keep", "--pool", "threads", "--concurrency", "2")
    return topology
