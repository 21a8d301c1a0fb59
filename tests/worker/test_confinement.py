"""A measuring process that was taken over: what it may try, and that it gets nothing by it.

The real process, with the attempts of ``attempts`` beside what it serves. After each the worker is
well, and the next clip is measured.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.worker.conftest import wait_for
from worker import landlock, process, workfolder
from worker.confinement import ROOT, Limits
from worker.errors import MeasuringDied, MeasuringFault
from worker.process import MeasuringProcess

SECRET = "a-secret-that-nobody-needs-for-measuring"
LIMITS = Limits(memory_mib=1024, file_mib=8)
NOBODY = "192.0.2.1"  # an address that is nobody's, by RFC 5737

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux confines; others do not")
needs_landlock = pytest.mark.skipif(
    sys.platform != "linux" or not landlock.version(), reason="needs a kernel with Landlock"
)
pytestmark = needs_linux


def taken_over(**changes: Any) -> MeasuringProcess:
    given = {"limits": LIMITS, "reads": [ROOT / "tests"], "measures": False, **changes}
    return MeasuringProcess(operations="tests.worker.attempts", **given)


@pytest.fixture(scope="module")
def house() -> Iterator[MeasuringProcess]:
    os.environ["MIMIA_SECRET_KEY"] = os.environ["DATABASE_URL_OF_A_TEST"] = SECRET
    it = taken_over()
    yield it
    it.retire()
    del os.environ["MIMIA_SECRET_KEY"], os.environ["DATABASE_URL_OF_A_TEST"]


@pytest.fixture
def crook(house: MeasuringProcess, drawn: Path) -> Iterator[MeasuringProcess]:
    """Whatever was tried, the next clip is measured, by the same process or the next one."""
    yield house
    with house.desk() as desk:
        clip = Path(shutil.copy(drawn / "smile.mp4", desk.inbox))
        what = {
            "path": str(clip),
            "size": clip.stat().st_size,
            "expression": "smile",
            "announced": {},
        }
        assert house.ask("measure", what, seconds=120)["state"] == "measured"


def refused(crook: MeasuringProcess, attempt: str, **what: Any) -> str:
    """The kind of error with which an attempt was refused."""
    with pytest.raises(MeasuringFault) as fault:
        crook.ask(attempt, what, seconds=30)
    return str(fault.value).split(" in ")[0]


def test_nothing_is_lacking_where_the_tests_run(crook: MeasuringProcess) -> None:
    """Or the tests below would be skipped or prove less than they say."""
    told = crook.ask("prepare", {}, seconds=60)
    assert set(told["lacking"]) <= ({"Landlock"} if not landlock.version() else set())


def test_no_secret_is_in_its_environment(crook: MeasuringProcess) -> None:
    found = crook.ask("environment", {}, seconds=30)
    assert SECRET not in found.values()
    assert not {name for name in found if name.startswith(("MIMIA_", "DJANGO_", "AWS_"))} - {
        "MIMIA_ENCODER_DEVICE",
        "MIMIA_FACE_LANDMARKER",
    }
    assert found["PATH"] == os.environ["PATH"]


@needs_landlock
def test_nor_can_it_read_its_workers(crook: MeasuringProcess) -> None:
    """The same user may read a process's environment under ``/proc``."""
    assert SECRET not in Path("/proc/self/environ").read_text()  # set later than that was written
    assert refused(crook, "spy_on_memory", pid=os.getpid()) == "PermissionError"
    assert refused(crook, "spy_on_memory", pid=os.getppid()) == "PermissionError"


@needs_landlock
def test_it_reads_nobodys_files_and_changes_none(
    crook: MeasuringProcess, tmp_path: Path, drawn: Path
) -> None:
    other = tmp_path / "another-patients.webm"
    other.write_bytes(b"a face")
    for path in (other, drawn / "rest.mp4", ROOT / "pyproject.toml", Path("/etc/shadow")):
        assert refused(crook, "read", path=str(path)) in ("PermissionError", "FileNotFoundError")
    assert refused(crook, "listing", path=str(tmp_path)) == "PermissionError"
    for path in (other, tmp_path / "new", ROOT / "ml" / "new", Path("/tmp/mimia-new")):
        assert refused(crook, "write", path=str(path)) == "PermissionError"
    with crook.desk() as desk:
        handed = Path(shutil.copy(other, desk.inbox))
        assert crook.ask("read", {"path": str(handed)}, seconds=30)["got"] == "a face"
        assert refused(crook, "write", path=str(handed)) == "PermissionError"
        assert crook.ask("write", {"path": str(desk.outbox / "new")}, seconds=30)
    assert other.read_bytes() == b"a face"


def test_it_changes_nobodys_rights(crook: MeasuringProcess, tmp_path: Path) -> None:
    other = tmp_path / "private"
    other.touch(mode=0o600)
    assert refused(crook, "make_readable", path=str(other)) == "PermissionError"
    assert other.stat().st_mode & 0o777 == 0o600


def test_no_network(crook: MeasuringProcess) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        assert refused(crook, "connect", host="127.0.0.1", port=port) == "PermissionError"
        assert refused(crook, "send_by_udp", host="127.0.0.1", port=port) == "PermissionError"
        door.settimeout(0)
        with pytest.raises(BlockingIOError):
            door.accept()
    assert refused(crook, "connect", host=NOBODY, port=80) == "PermissionError"


def test_no_children_and_no_other_programs(crook: MeasuringProcess) -> None:
    for attempt in ("run", "fork"):
        for _ in range(3):
            assert refused(crook, attempt) == "PermissionError"


def test_no_signals_to_others(crook: MeasuringProcess) -> None:
    assert refused(crook, "strike", pid=os.getpid()) == "PermissionError"


def test_memory_ends(crook: MeasuringProcess) -> None:
    """Refused by the allocator, or the process dies of it: never the machine."""
    try:
        assert refused(crook, "fill_memory") == "MemoryError"
    except MeasuringDied:
        assert crook.pid is None


def test_a_file_ends(crook: MeasuringProcess) -> None:
    with crook.desk() as desk:
        # The kernel's signal for it is not heeded by Python; the write is refused.
        assert refused(crook, "fill_disk", folder=str(desk.outbox)) == "OSError"
        size = (desk.outbox / "huge").stat().st_size
        assert size <= LIMITS.file_mib * 1024 * 1024
    assert not list(desk.outbox.iterdir())


def test_many_files_end(crook: MeasuringProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "TICK_SECONDS", 0.05)
    with crook.desk() as desk, pytest.raises(MeasuringDied, match="MiB"):
        crook.ask("fill_disk_with_many", {"folder": str(desk.outbox)}, seconds=60)


def test_open_files_end(crook: MeasuringProcess) -> None:
    assert refused(crook, "open_many") == "OSError"


def test_processor_time_ends() -> None:
    """Stopped by the kernel, long before the clock strikes."""
    it = taken_over(limits=Limits(processor=0.02))
    with pytest.raises(MeasuringDied, match=f"-{int(signal.SIGXCPU)}"):
        it.ask("spin", {}, seconds=100)
    assert it.ask("sees", {}, seconds=60)
    it.retire()


def test_its_limits_are_not_its_own_to_lift(crook: MeasuringProcess) -> None:
    assert refused(crook, "lift_limits") in ("PermissionError", "ValueError")


def test_its_folder_is_its_own_and_goes(drawn: Path) -> None:
    it = taken_over()
    seen = it.ask("sees", {}, seconds=60)
    folder = Path(seen["home"]).parent
    assert seen["umask"] == 0o077
    assert seen["home"] == seen["folder"]
    assert folder.stat().st_mode & 0o777 == 0o700
    (Path(seen["home"]) / "left").touch()
    it.kill()
    assert it.ask("sees", {}, seconds=60)["home"] == seen["home"]
    assert not (Path(seen["home"]) / "left").exists(), "a fresh process has a fresh folder"
    it.retire()
    assert not folder.exists()


WORKER = """
import sys
from pathlib import Path
from worker.process import MeasuringProcess
it = MeasuringProcess(operations="tests.worker.attempts", reads=[Path("tests").resolve()],
                      measures=False)
home = it.ask("sees", {}, seconds=60)["home"]
with it.desk() as desk:
    (desk.inbox / "clip").write_bytes(b"a face")
    print(it.pid, home, flush=True)
    it.ask(sys.argv[1], {}, seconds=60)
"""


@pytest.mark.parametrize("busy_with", ["spin", "hold_everything_up"])
def test_a_worker_that_is_killed_leaves_no_process_and_no_folder(busy_with: str) -> None:
    """With ``kill -9``, in mid-clip, even while a library holds the interpreter's lock."""
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, busy_with], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert worker.stdout is not None
    pid, home = worker.stdout.readline().split()
    folder = Path(home).parent
    assert (folder / "in" / "clip").exists()
    assert workfolder.remove_orphans() == 0 or folder.exists(), "its owner lives"
    assert (folder / "in" / "clip").exists()
    worker.kill()
    worker.wait()
    wait_for(lambda: not _lives(int(pid)))
    workfolder.remove_orphans()
    assert not folder.exists()


def _lives(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_a_thread_that_ends_does_not_take_along_what_it_started() -> None:
    it = taken_over()
    thread = threading.Thread(target=it.ask, args=("sees", {}), kwargs={"seconds": 60})
    thread.start()
    thread.join()
    pid = it.pid
    assert it.ask("sees", {}, seconds=60)
    assert it.pid == pid
    it.retire()


def test_folders_of_others_are_left_alone(tmp_path: Path) -> None:
    mine = workfolder.WorkFolder()
    strange = Path(tempfile.mkdtemp(prefix=workfolder.PREFIX))
    workfolder.remove_orphans()
    assert mine.path.exists()
    assert strange.exists(), "without a lock nobody knows whose it is"
    strange.rmdir()
    mine.remove()
    assert not mine.path.exists()


def test_what_a_system_lacks_is_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A limit that no kernel takes stands for whatever a kernel does not have."""
    monkeypatch.setattr(process, "lacking", set())
    it = taken_over(measures=True, limits=Limits(memory_mib=-1))
    it.ask("sees", {}, seconds=120)
    it.kill()
    it.ask("sees", {}, seconds=120)
    it.retire()
    assert process.lacking == {"limits"}
    assert caplog.text.count("not fully confined here: no limits") == 1
