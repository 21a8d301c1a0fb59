"""What somebody would try who has taken over a measuring process. Run in one, by its module's name.

Each attempt answers what it got; one that is stopped raises, or never answers.
"""

import ctypes
import hashlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from worker.operations import OPERATIONS as SERVED

Json = dict[str, Any]


def environment(what: Json) -> Json:
    return dict(os.environ)


def read(what: Json) -> Json:
    return {"got": Path(what["path"]).read_bytes()[:4096].decode("latin1")}


def listing(what: Json) -> Json:
    return {"got": os.listdir(what["path"])}


def write(what: Json) -> Json:
    Path(what["path"]).write_bytes(b"mine")
    return {"got": what["path"]}


def make_readable(what: Json) -> Json:
    os.chmod(what["path"], 0o777)
    return {"got": what["path"]}


def connect(what: Json) -> Json:
    with socket.create_connection((what["host"], what["port"]), timeout=2) as line:
        return {"got": line.recv(64).decode()}


def send_by_udp(what: Json) -> Json:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        return {"got": line.sendto(b"a face", (what["host"], what["port"]))}


def run(what: Json) -> Json:
    return {"got": subprocess.run(["/bin/echo", "hello"], capture_output=True).stdout.decode()}


def fork(what: Json) -> Json:
    pid = os.fork()
    if not pid:
        os._exit(0)
    return {"got": pid}


def strike(what: Json) -> Json:
    os.kill(what["pid"], 0)
    return {"got": what["pid"]}


def spy_on_memory(what: Json) -> Json:
    return {"got": Path(f"/proc/{what['pid']}/environ").read_bytes().decode("latin1")}


def fill_memory(what: Json) -> Json:
    held = []
    while True:
        held.append(bytearray(os.urandom(64)) * (1 << 18))


def fill_disk(what: Json) -> Json:
    with open(Path(what["folder"]) / "huge", "wb") as file:
        while True:
            file.write(bytes(1 << 20))


def fill_disk_with_many(what: Json) -> Json:
    """Each below the limit of a file; goes on until it is ended."""
    number = 0
    while True:
        number += 1
        (Path(what["folder"]) / f"file-{number}").write_bytes(bytes(1 << 20))


def open_many(what: Json) -> Json:
    held = []
    while True:
        held.append(os.open("/dev/null", os.O_RDONLY))


def spin(what: Json) -> Json:
    """Several threads at once; hashing lets go of the interpreter's lock."""
    data = bytes(1 << 24)

    def work() -> None:
        while True:
            hashlib.sha256(data)

    for _ in range(3):
        threading.Thread(target=work, daemon=True).start()
    work()
    return {}


def lift_limits(what: Json) -> Json:
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return {"got": "no limit"}


def hold_everything_up(what: Json) -> Json:
    """A library that hangs with the interpreter's lock: no thread of Python runs any more."""
    ctypes.PyDLL(None).pause()
    return {}


def sees(what: Json) -> Json:
    return {"home": os.environ["HOME"], "folder": os.getcwd(), "umask": os.umask(0o077),
            "python": sys.version_info[:2]}  # fmt: skip


OPERATIONS: dict[str, Callable[[Json], Json]] = {
    **SERVED,
    **{
        attempt.__name__: attempt
        for attempt in (
            *(environment, read, listing, write, make_readable, connect, send_by_udp, run, fork),
            *(strike, spy_on_memory, fill_memory, fill_disk, fill_disk_with_many, open_many),
            *(spin, lift_limits, hold_everything_up, sees),
        )
    },
}
