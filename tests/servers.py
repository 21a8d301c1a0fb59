"""Real PostgreSQL, Redis and an S3 store on free loopback ports, each started once a test session.

A server can be stopped and started again on the same port, which is what the fault tests do. Where
the program is not installed the test is skipped with the package's name (a failure in strict runs).
"""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from tests.patience import PATIENCE


def free_port() -> int:
    """A port that nothing listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Return as soon as ``condition`` holds; fail with ``what`` when it never does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds:g} s: {what}")


def accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


class Server:
    """One process on one port, restartable on that port; its output is kept for the failure."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.log = folder / f"{type(self).__name__.lower()}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """The command line; skips the test when the program is missing."""
        raise AssertionError(f"{type(self).__name__} says no command")

    def answers(self) -> bool:
        return accepts(self.port)

    def start(self) -> "Server":
        command = self.command()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        process = self.process
        wait_for(lambda: self.answers() or process.poll() is not None, f"{self.log.stem} answers")
        assert process.poll() is None, f"{command[0]} stopped: {self.log.read_text()[-2000:]}"
        return self

    def stop(self) -> None:
        """Ask it to stop; insist after ten seconds."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def restart(self) -> None:
        self.stop()
        self.start()


def missing(package: str) -> None:
    pytest.skip(f"needs {package} (Debian: apt-get install {package})")


class PostgreSQL(Server):
    """A cluster of its own, without fsync: it lives as long as the test session."""

    def program(self, name: str) -> str:
        folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
        found = shutil.which(name, path=os.pathsep.join(map(str, folders))) or shutil.which(name)
        if found is None:
            missing("postgresql")
        return str(found)

    def as_postgres(self) -> list[str]:
        """PostgreSQL refuses to run as root: there Debian's ``postgres`` user runs it."""
        return ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []

    def command(self) -> list[str]:
        data = self.folder / "data"
        if not data.exists():
            program = self.program("initdb")
            if os.getuid() == 0:
                user = pwd.getpwnam("postgres")
                os.chown(self.folder, user.pw_uid, user.pw_gid)
            subprocess.run(
                [
                    *self.as_postgres(),
                    program,
                    "-D",
                    str(data),
                    "-U",
                    "mimia",
                    "-A",
                    "trust",
                    "-E",
                    "UTF8",
                    "-N",
                ],
                check=True,
                capture_output=True,
                cwd=self.folder,
            )
        return [
            *self.as_postgres(),
            self.program("postgres"),
            *["-D", str(data), "-p", str(self.port), "-k", str(self.folder)],
            *["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"],
        ]

    def answers(self) -> bool:
        probe = [self.program("pg_isready"), "-h", "127.0.0.1", "-p", str(self.port), "-q"]
        return subprocess.run(probe, check=False).returncode == 0

    def create_database(self, name: str) -> str:
        """A new, empty database; returns its DATABASE_URL."""
        subprocess.run(
            [
                self.program("createdb"),
                "-h",
                "127.0.0.1",
                "-p",
                str(self.port),
                "-U",
                "mimia",
                name,
            ],
            check=True,
            capture_output=True,
        )
        return f"postgres://mimia@127.0.0.1:{self.port}/{name}"


class Redis(Server):
    """Keeps nothing on disk: restarted, it has forgotten everything, as a broker may."""

    def command(self) -> list[str]:
        program = shutil.which("redis-server")
        if program is None:
            missing("redis-server")
        return [
            str(program),
            *["--port", str(self.port), "--bind", "127.0.0.1", "--save", ""],
            *["--appendonly", "no", "--dir", str(self.folder)],
        ]

    def url(self, database: int = 0) -> str:
        return f"redis://127.0.0.1:{self.port}/{database}"


class ObjectStore(Server):
    """An S3 API (moto) on loopback: put, get, range, multipart, list."""

    access_key = "mimia-test"
    secret_key = "mimia-test-secret"

    def command(self) -> list[str]:
        return [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def create_bucket(self, name: str) -> dict[str, str]:
        """A new bucket; returns the environment that makes Mimia keep its clips there."""
        import boto3

        boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
        ).create_bucket(Bucket=name)
        return {
            "MIMIA_S3_BUCKET": name,
            "MIMIA_S3_ENDPOINT": self.endpoint,
            "MIMIA_S3_ACCESS_KEY": self.access_key,
            "MIMIA_S3_SECRET_KEY": self.secret_key,
        }


@contextlib.contextmanager
def server_folder() -> Iterator[Path]:
    """A folder that another user (postgres) can reach, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="mimia-server-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


S = TypeVar("S", bound=Server)


@contextlib.contextmanager
def running(kind: type[S]) -> Iterator[S]:
    with server_folder() as folder:
        server = kind(folder)
        try:
            server.start()
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A running PostgreSQL; ``create_database(name)`` gives a DATABASE_URL."""
    with running(PostgreSQL) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    """A running Redis; ``url(n)`` names one of its databases."""
    with running(Redis) as server:
        yield server


@pytest.fixture(scope="session")
def object_store() -> Iterator[ObjectStore]:
    """A running S3 API; ``create_bucket(name)`` gives the settings to use it."""
    with running(ObjectStore) as server:
        yield server
