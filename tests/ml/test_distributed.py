"""Training on several processes ends when its launcher does."""

from pathlib import Path

from tests.ml.torchrun import marked, torchrun
from tests.patience import PATIENCE

# The second process waits for the first, which never comes: as when one measures for hours.
WAITS = """
import sys, threading
from ml.distributed import processes

with processes() as group:
    group.wait()
    if group.first:
        print("together", flush=True)
        threading.Event().wait()
    group.wait()
"""


def test_processes_end_when_their_launcher_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "waits.py"
    script.write_text(WAITS)
    with torchrun(str(script), mark=script) as launcher:
        assert launcher.stdout is not None
        assert launcher.stdout.readline() == "together\n"
        assert len(marked(script)) == 3
        launcher.kill()
        # The pipes close when the last process that holds them has ended.
        launcher.communicate(timeout=PATIENCE)
        assert marked(script) == []
