"""The measuring process: ``python -m worker.measurer FD WORKER SAID``, of ``worker.process``.

It gives up what it does not need, then reads requests from the inherited socket and answers each.
It never outlives its worker: a thread does the reading, and when the socket closes the process ends
at once, in mid-clip if need be; where a library holds that thread up, the kernel ends it.
"""

import faulthandler
import json
import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ml.errors import MimiaError
from worker.confinement import Confinement, enter

Operations = Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]


def main(descriptor: int, worker: int, said: dict[str, Any]) -> None:
    os.nice(said["niceness"])
    _quieten()
    _be_first_to_die()
    # Found by its name, for which the folder above is searched; the science is imported later.
    operations: Operations = import_module(said["operations"]).OPERATIONS
    lacking = enter(Confinement.from_json(said["plan"]), worker)
    connection = Connection(descriptor)
    requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(connection, requests), daemon=True).start()
    while True:
        request = json.loads(requests.get())
        answer = _answer(operations, request)
        if request["operation"] == "prepare" and "value" in answer:
            answer["value"]["lacking"] = lacking
        connection.send_bytes(json.dumps(answer, allow_nan=False).encode())


def _read(connection: Connection, requests: "queue.SimpleQueue[bytes]") -> None:
    while True:
        try:
            requests.put(connection.recv_bytes())
        except (EOFError, OSError):
            os._exit(0)


def _answer(operations: Operations, request: dict[str, Any]) -> dict[str, Any]:
    """``{"value": …}`` or ``{"kind": …, "message": …}``; a fault of ours never ends the process."""
    try:
        return {"value": operations[request["operation"]](request["what"])}
    except MimiaError as error:
        return {"kind": error.code, "message": str(error)}
    except Exception as error:
        # The stack says where, without values: a message could hold a path or a number of someone.
        frames = reversed(traceback.extract_tb(error.__traceback__))
        stack = " < ".join(f"{frame.name}:{frame.lineno}" for frame in frames)
        return {"kind": "fault", "message": f"{type(error).__name__} in {stack}"}


def _quieten() -> None:
    """Python may speak on standard error; the C++ libraries' chatter goes nowhere.

    A crash's stack still shows, since faulthandler keeps the real standard error.
    """
    os.environ.setdefault("GLOG_minloglevel", "3")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    spoken = os.fdopen(os.dup(2), "w", buffering=1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    sys.stdout = sys.stderr = spoken
    faulthandler.enable(spoken)


def _be_first_to_die() -> None:
    """When memory runs out, let it be this process and not the site (Linux only)."""
    with suppress(OSError), Path("/proc/self/oom_score_adj").open("w") as score:
        score.write("800")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3]))
