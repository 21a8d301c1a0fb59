"""One measuring process, seen from the worker: started, asked, and killed when it must be.

A fresh interpreter (spawned, never a fork of a threaded process), kept for many clips because
loading the science takes seconds. A decoder that crashes or hangs costs one attempt of one clip;
one that was taken over finds nothing there (``worker.confinement``).
"""

import json
import logging
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic
from typing import Any, NoReturn

from worker import spawner
from worker.confinement import MIB, ROOT, Confinement, Limits, card_is_used, environment
from worker.errors import (
    MeasuringDied,
    MeasuringError,
    MeasuringFault,
    MeasuringNotStarted,
    MeasuringStopped,
    MeasuringTimedOut,
)
from worker.workfolder import WorkFolder, emptied, remove_orphans

logger = logging.getLogger(__name__)

#: Importing the science on a busy, cold machine.
START_SECONDS = 120.0
TICK_SECONDS = 5.0
#: The kind of a fault that has no name of its own (``worker.measurer``).
UNFORESEEN = "fault"


#: What this system lacks for the confinement, once it is known; said once in each process's log.
lacking: set[str] = set()
#: Why clips are measured without blendshapes although a model for them was named; empty else.
without_blendshapes = ""
#: Why the last measuring process of this worker did not come up; empty once one has (``/readyz``).
not_started = ""


def _nothing() -> None:
    """What happens on a tick unless the caller wants more."""


@dataclass(frozen=True)
class Desk:
    """Two empty folders for one piece of work: the process can read ``inbox`` and nothing else of
    anybody's, and write to ``outbox``."""

    inbox: Path
    outbox: Path


class MeasuringProcess:
    """Not thread-safe: ``worker.pool`` lends one to one thread at a time."""

    def __init__(
        self,
        threads: int = 1,
        *,
        measures: bool = True,
        niceness: int = 0,
        device: str = "cpu",
        limits: Limits | None = None,
        by_kernel: bool = True,
        operations: str = "worker.operations",
        reads: Sequence[Path] = (),
        face_landmarker: str = "",
    ) -> None:
        """``measures`` False: for work that needs no face mesh, which then is not loaded.
        ``device``: where a bundle's image encoder runs (``ml.scoring.served_source.device_of``).
        ``limits`` and ``by_kernel``: see ``worker.confinement``.
        ``operations``: the module of what it can do. ``reads``: folders that it may read beside
        the code, its libraries and the bundles that it was asked to use. ``face_landmarker``: the
        model of blendshapes; empty: there is none."""
        self._threads = threads
        self._measures = measures
        self._niceness = niceness
        self._device = device
        self._limits = limits or Limits()
        self._by_kernel = by_kernel
        self._operations = operations
        self._reads = {str(path) for path in reads}
        self._face_landmarker = face_landmarker and str(Path(face_landmarker).resolve())
        self._folder: WorkFolder | None = None
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
        remove_orphans()
        home = emptied(self._place / "home")
        plan = Confinement(
            reads=[*sorted(self._reads), *self._model, str(self._desk.inbox)],
            changes=[str(home), str(self._desk.outbox)],
            limits=self._limits,
            uses_card=card_is_used(self._device),
            by_kernel=self._by_kernel,
        )
        ours, theirs = Pipe()
        descriptor = theirs.fileno()
        said = json.dumps(
            {"niceness": self._niceness, "operations": self._operations, "plan": plan.to_json()}
        )
        self._child = spawner.start(
            [sys.executable, "-m", "worker.measurer", str(descriptor), str(os.getpid()), said],
            pass_fds=[descriptor],
            cwd=home,
            env=environment(home, self._threads, self._device, self._face_landmarker),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        self._connection = ours
        self._loading = self._measures
        if self._measures:
            self._send("prepare", {})

    @property
    def _model(self) -> list[str]:
        return [self._face_landmarker] if self._face_landmarker else []

    @property
    def _place(self) -> Path:
        if self._folder is None:
            self._folder = WorkFolder()
            for folder in (self._desk.inbox, self._desk.outbox):
                folder.mkdir()
        return self._folder.path

    @property
    def _desk(self) -> Desk:
        return Desk(self._place / "in", self._place / "out")

    @contextmanager
    def desk(self) -> Iterator[Desk]:
        """Where to put the files of one piece of work, and where to find what comes of it; both
        are empty before and after. They outlive the process, should it have to be started anew."""
        desk = self._desk
        try:
            yield desk
        finally:
            for folder in (desk.inbox, desk.outbox):
                _empty(folder)

    def _may_read(self, folder: Path) -> None:
        """One that runs without knowing the folder is started anew: what a process may read can
        only become less."""
        is_ours = folder.is_relative_to(ROOT / "ml")
        if not is_ours and str(folder) not in self._reads:
            self._reads.add(str(folder))
            self.kill()

    def ask(
        self,
        operation: str,
        what: dict[str, Any],
        *,
        seconds: float,
        on_tick: Callable[[], object] = _nothing,
        reads: Sequence[Path] = (),
    ) -> dict[str, Any]:
        """The answer to one request. Loading time is not counted against ``seconds``, nor is it
        given more processor time than its threads could use in them. ``reads``: the folders of the
        bundles that it is to use; files of people go through ``desk``.

        ``on_tick`` is called every few seconds while waiting. Raises :class:`MeasuringDied`,
        :class:`MeasuringTimedOut` (the process is then gone), :class:`MeasuringNotStarted`,
        :class:`MeasuringStopped` or :class:`MeasuringFault`.
        """
        for folder in reads:
            self._may_read(folder)
        self._be_ready(on_tick)
        self._allow_processor_time(seconds)
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
        if self._folder is not None:
            self._folder.remove()

    def _strike(self) -> None:
        """Kills the process and waits until it is gone; two threads may do so at once."""
        child = self._child
        if child is not None and child.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()

    def _be_ready(self, on_tick: Callable[[], object]) -> None:
        """Until it has loaded it knows of no clip: what fails before is nobody's attempt."""
        global not_started
        try:
            self.start()
            if self._loading:
                self._finish_loading(on_tick)
        except MeasuringStopped:
            raise
        except MeasuringError as error:
            self.kill()
            not_started = str(error)
            logger.error("the measuring process does not start: %s", error)
            raise MeasuringNotStarted(str(error)) from error
        not_started = ""

    def _finish_loading(self, on_tick: Callable[[], object]) -> None:
        global without_blendshapes
        told = self._receive(START_SECONDS, on_tick)
        self._loading = False
        fault = told.get("no_blendshapes", "")
        if fault and fault != without_blendshapes:
            logger.warning("clips are measured without blendshapes: %s", fault)
        without_blendshapes = fault
        if missing := set(told.get("lacking", ())) - lacking:
            lacking.update(missing)
            logger.warning(
                "measuring is not fully confined here: no %s", ", ".join(sorted(missing))
            )

    def _allow_processor_time(self, seconds: float) -> None:
        """From now on so much for each of its threads; past it the kernel ends the process."""
        pid = self.pid
        if pid is None or not hasattr(resource, "prlimit"):
            return
        with suppress(OSError, ValueError):
            _, ceiling = resource.prlimit(pid, resource.RLIMIT_CPU)
            budget = seconds * self._threads * self._limits.processor
            most = int(_processor_seconds(pid) + budget) + 2
            resource.prlimit(pid, resource.RLIMIT_CPU, (most, ceiling))

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
                self._check_disk()
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
        if answer["kind"] == UNFORESEEN:
            # In what state it is nobody knows: the next clip gets a fresh one.
            self.kill()
        raise MeasuringFault(answer["kind"], answer["message"])

    def _died(self, error: Exception) -> NoReturn:
        child = self._child
        self.kill()
        if self._retired:
            raise MeasuringStopped("the worker is shutting down") from error
        status = child.returncode if child else None
        raise MeasuringDied(f"the measuring process ended (exit status {status})") from error

    def _check_disk(self) -> None:
        """One file is limited by the kernel; many together here."""
        written = sum(_size(path) for path in self._place.rglob("*"))
        if written > 2 * self._limits.file_mib * MIB:
            raise MeasuringDied(f"it was ended: it had written {written // MIB} MiB")


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0  # it is gone already


def _empty(folder: Path) -> None:
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir() and not path.is_symlink():
            emptied(path).rmdir()
        else:
            path.unlink(missing_ok=True)


def _processor_seconds(pid: int) -> float:
    """What a process has used so far, in all its threads (``/proc``: user and system, in ticks)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
