"""One measuring process, seen from the worker: started, asked, and killed when it must be.

A fresh interpreter (spawned, never a fork of a threaded process), kept for many clips because
loading the science takes seconds. A decoder that crashes or hangs costs one attempt of one clip.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic
from typing import Any, NoReturn

from worker.errors import MeasuringDied, MeasuringFault, MeasuringStopped, MeasuringTimedOut

ROOT = Path(__file__).resolve().parents[1]
#: Importing the science on a busy, cold machine.
START_SECONDS = 120.0
TICK_SECONDS = 5.0


def _nothing() -> None:
    """What happens on a tick unless the caller wants more."""


class MeasuringProcess:
    """Not thread-safe: ``worker.pool`` lends one to one thread at a time."""

    def __init__(
        self, threads: int = 1, *, measures: bool = True, niceness: int = 0, device: str = "cpu"
    ) -> None:
        """``measures`` False: for work that needs no face mesh, which then is not loaded.
        ``device``: where a bundle's image encoder runs (see ``ml.intensity.served.device_of``)."""
        self._threads = threads
        self._measures = measures
        self._niceness = niceness
        self._device = device
        self._child: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._loading = False
        self._retired = False

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child and self._child.poll() is None else None

    def start(self) -> None:
        """Starts it if it is not running; it then loads by itself while we do other things."""
        if self._retired:
            raise MeasuringStopped("the worker is shutting down")
        if self.pid is not None:
            return
        self.kill()
        ours, theirs = Pipe()
        descriptor = theirs.fileno()
        self._child = subprocess.Popen(
            [sys.executable, "-m", "worker.measurer", str(descriptor), str(self._niceness)],
            pass_fds=[descriptor],
            cwd=ROOT,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        self._connection = ours
        self._loading = self._measures
        if self._measures:
            self._send("prepare", {})

    def ask(
        self,
        operation: str,
        what: dict[str, Any],
        *,
        seconds: float,
        on_tick: Callable[[], object] = _nothing,
    ) -> dict[str, Any]:
        """The answer to one request. Loading time is not counted against ``seconds``.

        ``on_tick`` is called every few seconds while waiting. Raises :class:`MeasuringDied`,
        :class:`MeasuringTimedOut` (the process is then gone), :class:`MeasuringStopped` or
        :class:`MeasuringFault`.
        """
        self.start()
        if self._loading:
            self._finish_loading(on_tick)
        self._send(operation, what)
        return self._receive(seconds, on_tick)

    def kill(self) -> None:
        """Ends it at once, whatever it is doing. Harmless when it is not running."""
        self._strike()
        if self._connection is not None:
            self._connection.close()
        self._child = self._connection = None

    def retire(self) -> None:
        """Ends it for good, from any thread: whoever is waiting for its answer is told that the
        worker stops (:class:`MeasuringStopped`), not that the process died."""
        self._retired = True
        self._strike()

    def _strike(self) -> None:
        """Kills the process and waits until it is gone; two threads may do so at once."""
        child = self._child
        if child is not None and child.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()

    def _finish_loading(self, on_tick: Callable[[], object]) -> None:
        try:
            self._receive(START_SECONDS, on_tick)
        except MeasuringFault:
            self.kill()
            raise
        self._loading = False

    @property
    def _socket(self) -> Connection:
        if self._connection is None:
            raise MeasuringDied("the measuring process is not running")
        return self._connection

    def _send(self, operation: str, what: dict[str, Any]) -> None:
        try:
            self._socket.send_bytes(json.dumps({"operation": operation, "what": what}).encode())
        except OSError as error:
            self._died(error)

    def _receive(self, seconds: float, on_tick: Callable[[], object]) -> dict[str, Any]:
        deadline = monotonic() + seconds
        try:
            while not self._socket.poll(max(0.0, min(TICK_SECONDS, deadline - monotonic()))):
                if monotonic() >= deadline:
                    raise MeasuringTimedOut(f"no answer within {seconds:g} seconds")
                on_tick()
            answer = json.loads(self._socket.recv_bytes())
        except (EOFError, OSError) as error:
            self._died(error)
        except BaseException:
            # Past its limit, or interrupted in mid-answer (a soft time limit, Ctrl-C): it may still
            # be at work, and what is left in the socket is worthless.
            self.kill()
            raise
        if "value" in answer:
            return answer["value"]
        raise MeasuringFault(answer["kind"], answer["message"])

    def _died(self, error: Exception) -> NoReturn:
        child = self._child
        self.kill()
        if self._retired:
            raise MeasuringStopped("the worker is shutting down") from error
        status = child.returncode if child else None
        raise MeasuringDied(f"the measuring process ended (exit status {status})") from error

    def _environment(self) -> dict[str, str]:
        """Cores are shared out by starting processes, not by every library's own threads."""
        threads = str(self._threads)
        fixed = dict.fromkeys(
            ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads
        )
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        return {**os.environ, **fixed, "PYTHONPATH": path, "MIMIA_ENCODER_DEVICE": self._device}
