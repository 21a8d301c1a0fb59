"""``torchrun`` for tests: nothing of it outlives the test, however the test ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]


@contextmanager
def torchrun(*arguments: str, mark: Path) -> Iterator["subprocess.Popen[str]"]:
    """Two processes on the CPU. ``mark``: a file of this test alone that ``arguments`` name, by
    which its processes are known: torchrun puts each into a session of its own, so that killing
    the launcher, or its process group, would leave them behind."""
    assert str(mark) in arguments
    launcher = subprocess.Popen(
        [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone",
         *arguments],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "",
             "PYTHONPATH": str(ROOT)},
        start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with launcher:
        try:
            yield launcher
        finally:
            for process in marked(mark):
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)


def marked(mark: Path) -> list[int]:
    """The living processes whose command line names the file."""
    listed = subprocess.run(["ps", "-Aww", "-o", "pid=,args="], capture_output=True, text=True)
    lines = (line.split(maxsplit=1) for line in listed.stdout.splitlines())
    return [int(pid) for pid, *words in lines if words and str(mark) in words[0]]
