"""Test runs in children of a process that has already imported what takes long.

A child is forked for each run, so that it begins with the module as it lies in the tree now. Its
database is a copy of one that has all migrations.
"""

import contextlib
import importlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

NO_TEST_LEFT = 5
#: Imported in each child anew, from the tree; everything else once, before the first is forked.
OURS = {"__main__", "tests", "webapp", *("screening", "ml", "worker", "vocabulary", "experiments")}
A_TEST_WITH_ROWS = "tests/screening/test_bundles.py"


class End(Enum):
    PASSED = "passed"
    FAILED = "failed"
    TOO_LONG = "too long"


@dataclass(frozen=True)
class Ran:
    """``told``: the last lines of what pytest wrote."""

    end: End
    seconds: float
    told: str

    @property
    def killer(self) -> str:
        """The test that failed first."""
        named = ("FAILED tests/", "ERROR tests/")
        lines = [line for line in self.told.splitlines() if line.startswith(named)]
        return lines[0].split(" - ")[0].split(" ", 1)[1] if lines else self.end.value


@dataclass(frozen=True)
class Nursery:
    """``tree``: a copy of the repository; ``ready``: a MIMIA_VAR whose database is migrated."""

    tree: Path
    ready: Path

    def prepare(self) -> None:
        if not self.ready.is_dir():
            self.ready.mkdir(parents=True)
            ran = self.run([A_TEST_WITH_ROWS], seconds=600, var=self.ready)
            if ran.end is not End.PASSED:
                shutil.rmtree(self.ready)
                raise SystemExit(f"no database could be made ready:\n{ran.told}")

    def warm(self, modules: Iterable[str]) -> None:
        """Imports what the tests imported; what wants Django's settings is left to the children."""
        for name in modules:
            with contextlib.suppress(Exception):
                importlib.import_module(name)

    def run(
        self,
        tests: Sequence[str],
        *,
        seconds: float,
        lines_of: Sequence[Path] = (),
        to: str = "",
        var: Path | None = None,
    ) -> Ran:
        """Runs ``tests`` until one fails; ``lines_of``: notes, in the file ``to``, which test
        reaches which line of those files (and runs them all)."""
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="mimia-mutant-") as folder:
            log = Path(folder) / "log"
            own = var or Path(folder) / "var"
            if var is None:
                shutil.copytree(self.ready, own)
            child = os.fork()
            if not child:
                self._be_the_child(tests, own, log, lines_of, to)
            try:
                status = _wait(child, begun + seconds)
            finally:
                # Whatever it started, and itself where this run is broken off.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child, signal.SIGKILL)
            told = log.read_text(errors="replace")[-8000:] if log.exists() else ""
        if status is None:
            end = End.TOO_LONG
        else:
            passed = os.waitstatus_to_exitcode(status) in (0, NO_TEST_LEFT)
            end = End.PASSED if passed else End.FAILED
        return Ran(end, time.monotonic() - begun, told)

    def _be_the_child(
        self, tests: Sequence[str], var: Path, log: Path, lines_of: Sequence[Path], to: str
    ) -> None:
        status = 70
        try:
            os.setsid()
            with log.open("wb") as stream:
                os.dup2(stream.fileno(), 1)
                os.dup2(stream.fileno(), 2)
            os.chdir(self.tree)
            os.environ["MIMIA_VAR"] = str(var)
            here = str(Path(__file__).resolve().parents[2])
            sys.path[:] = [str(self.tree), *(p for p in sys.path if p not in ("", here))]
            import pytest

            options = ["-q", "-p", "no:cacheprovider", "--reuse-db", "--no-header", "-x"]
            if lines_of:
                status = _with_lines(pytest, [*options[:-1], *tests], lines_of, to)
            else:
                status = int(pytest.main([*options, *tests]))
        finally:
            sys.stdout.flush()
            os._exit(status)


def _with_lines(pytest: object, options: list[str], lines_of: Sequence[Path], to: str) -> int:
    import coverage

    measuring = coverage.Coverage(
        data_file=to, include=[str(path) for path in lines_of], context="import"
    )

    class Notes:
        def pytest_runtest_logstart(self, nodeid: str) -> None:
            measuring.switch_context(nodeid)

    measuring.start()
    status = pytest.main(options, plugins=[Notes()])  # type: ignore[attr-defined]
    measuring.stop()
    measuring.save()
    others = [name for name in sys.modules if name.partition(".")[0] not in OURS]
    Path(f"{to}.modules").write_text("\n".join(others))
    return int(status)


def _wait(child: int, until: float) -> int | None:
    """The child's status; None when it had not ended by then, and it is ended."""
    while time.monotonic() < until:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return status
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def copy_tree(root: Path, tree: Path) -> None:
    """What git knows and what is new, as it is now; what is built stays where it is."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    names = {name for name in listed.split("\0") if name and (root / name).is_file()}
    for old in [path for path in tree.rglob("*") if path.is_file()] if tree.exists() else []:
        here = old.relative_to(tree)
        if str(here) not in names and "__pycache__" not in here.parts:
            old.unlink()
    for name in names:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, tree / name)
    built = tree / "webapp" / "frontend" / "dist"
    if not built.exists() and (root / "webapp/frontend/dist").is_dir():
        built.symlink_to(root / "webapp/frontend/dist")
