"""Starts processes from one thread that lives as long as this process does.

Linux tells a child of its parent's death when the *thread* that started it ends. Threads of a pool
come and go: a measuring process started by one of them would be killed with it, in mid-clip.
"""

import os
import queue
import subprocess
import threading
from concurrent.futures import Future
from typing import Any

_lock = threading.Lock()
_spawner: "_Spawner | None" = None


class _Spawner:
    def __init__(self) -> None:
        self.owner = os.getpid()
        self._asked: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="spawner", daemon=True).start()

    def start(self, command: list[str], options: dict[str, Any]) -> "subprocess.Popen[bytes]":
        answer: Future[subprocess.Popen[bytes]] = Future()
        self._asked.put((answer, command, options))
        return answer.result()

    def _work(self) -> None:
        while True:
            answer, command, options = self._asked.get()
            try:
                answer.set_result(subprocess.Popen(command, **options))
            except BaseException as error:
                answer.set_exception(error)


def start(command: list[str], **options: Any) -> "subprocess.Popen[bytes]":
    """``subprocess.Popen`` from that thread; a forked child makes one of its own."""
    global _spawner
    with _lock:
        if _spawner is None or _spawner.owner != os.getpid():
            _spawner = _Spawner()
        spawner = _spawner
    return spawner.start(command, options)
