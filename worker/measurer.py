"""The measuring process: ``python -m worker.measurer FD NICENESS``, started by ``worker.process``.

It reads requests from the inherited socket and answers each. It never outlives its worker: a thread
does the reading, and when the socket closes the process ends at once, in mid-clip if need be.
"""

import faulthandler
import json
import os
import queue
import sys
import threading
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any


def main(descriptor: int, niceness: int) -> None:
    os.nice(niceness)
    _quieten()
    _be_first_to_die()
    connection = Connection(descriptor)
    requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(connection, requests), daemon=True).start()
    while True:
        answer = _answer(json.loads(requests.get()))
        connection.send_bytes(json.dumps(answer, allow_nan=False).encode())


def _read(connection: Connection, requests: "queue.SimpleQueue[bytes]") -> None:
    while True:
        try:
            requests.put(connection.recv_bytes())
        except (EOFError, OSError):
            os._exit(0)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    """``{"value": …}`` or ``{"kind": …, "message": …}``; a fault of ours never ends the process."""
    from ml.errors import MimiaError
    from worker.operations import OPERATIONS

    try:
        return {"value": OPERATIONS[request["operation"]](request["what"])}
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
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("800")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
