"""The measuring process: what it answers, and that its death or silence harms nobody else."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from ml.errors import ConfigError
from ml.scoring.bundle import default_bundle_path
from tests.clip_bundle import write_clip_bundle
from tests.landmarker import MODEL, needs_model
from tests.ml.scoring.test_bundle import resign
from tests.worker.conftest import wait_for
from worker import operations
from worker import process as process_module
from worker.errors import MeasuringDied, MeasuringFault, MeasuringTimedOut
from worker.process import MeasuringProcess


@pytest.fixture(scope="module")
def measurer() -> Any:
    process = MeasuringProcess()
    yield process
    process.retire()


@pytest.fixture
def clip(measurer: MeasuringProcess, drawn: Path) -> Iterator[Path]:
    """A drawn smile on the process's desk."""
    with measurer.desk() as desk:
        yield Path(shutil.copy(drawn / "smile.mp4", desk.inbox))


def request(path: Path) -> dict[str, Any]:
    return {"path": str(path), "size": path.stat().st_size, "expression": "smile", "announced": {}}


def test_it_measures_and_stays(measurer: MeasuringProcess, clip: Path) -> None:
    first = measurer.ask("measure", request(clip), seconds=60)
    pid = measurer.pid
    second = measurer.ask("measure", request(clip), seconds=60)
    assert first["state"] == "measured"
    assert second["signals"] == first["signals"]
    assert measurer.pid == pid


def test_cues_that_the_page_announced_reach_the_measurement(
    measurer: MeasuringProcess, clip: Path
) -> None:
    cues = [{"at": 1.0, "kind": "make"}, {"at": 2.0, "kind": "relax"}]
    what = request(clip) | {"announced": {"seconds": 2.0, "cues": cues}}
    assert measurer.ask("measure", what, seconds=60)["cues"] == [1.0]


def test_a_known_fault_leaves_the_process_an_unforeseen_one_replaces_it(
    measurer: MeasuringProcess,
) -> None:
    measurer.ask("prepare", {}, seconds=60)
    pid = measurer.pid
    with pytest.raises(MeasuringFault) as known:
        measurer.ask("measure", request(Path(__file__)) | {"path": "/nowhere"}, seconds=60)
    assert measurer.pid == pid
    with pytest.raises(MeasuringFault) as unknown:
        measurer.ask("measure", {"path": "/a/secret/name"}, seconds=60)
    assert known.value.kind == "wrong_use"
    assert unknown.value.kind == "fault"
    assert "KeyError in measure" in str(unknown.value)
    assert "secret" not in str(unknown.value)
    assert measurer.pid is None


def test_killed_in_mid_clip_it_is_replaced(
    measurer: MeasuringProcess, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_module, "TICK_SECONDS", 0.05)
    measurer.ask("prepare", {}, seconds=60)
    pid = measurer.pid
    assert pid is not None
    what = request(clip)
    with pytest.raises(MeasuringDied, match="-9"):
        measurer.ask("measure", what, seconds=60, on_tick=lambda: os.kill(pid, signal.SIGKILL))
    assert measurer.pid is None
    assert measurer.ask("measure", what, seconds=60)["state"] == "measured"
    assert measurer.pid != pid


def test_one_that_hangs_is_killed_at_its_limit(measurer: MeasuringProcess, clip: Path) -> None:
    measurer.ask("prepare", {}, seconds=60)
    pid = measurer.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(MeasuringTimedOut):
        measurer.ask("measure", request(clip), seconds=0.3)
    assert not Path(f"/proc/{pid}").exists()
    assert measurer.pid is None


def test_it_does_not_outlive_its_worker(drawn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ends the worker closes the socket; in mid-clip too, the process then ends."""
    monkeypatch.setattr(process_module, "TICK_SECONDS", 0.05)
    orphan = MeasuringProcess()
    orphan.ask("prepare", {}, seconds=60)
    pid = orphan.pid
    assert pid is not None
    child = orphan._child
    assert child is not None

    class WorkerGone(Exception):
        pass

    def vanish() -> None:
        # What the kernel does with a killed worker's end of the socket.
        orphan._socket.close()
        raise WorkerGone

    monkeypatch.setattr(orphan, "kill", lambda: None)
    with orphan.desk() as desk:
        clip = Path(shutil.copy(drawn / "smile.mp4", desk.inbox))
        with pytest.raises(WorkerGone):
            orphan.ask("measure", request(clip), seconds=60, on_tick=vanish)
    orphan._connection = None
    wait_for(lambda: child.poll() is not None)
    assert child.returncode == 0


def test_nothing_but_our_own_words_comes_out(capfd: pytest.CaptureFixture[str]) -> None:
    """mediapipe and TensorFlow chatter on both streams; ``screen --json`` must stay one object."""
    quiet = MeasuringProcess()
    quiet.ask("prepare", {}, seconds=60)
    quiet.retire()
    assert capfd.readouterr() == ("", "")


def test_a_bundle_without_an_image_encoder_needs_no_gpu(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv(operations.DEVICE, "cuda")
    shipped = operations.describe_bundle({"path": ""})
    assert shipped["encoder"] == ""
    what = {"bundle": {k: shipped[k] for k in ("path", "digest")}, "prevalence": None}
    assert operations.assess({"measurements": {}, **what})["abstained"]
    reads_clip = write_clip_bundle(tmp_path / "bundle", seed=4)
    with pytest.raises(ConfigError, match="device is cuda, but torch finds no CUDA"):
        operations.describe_bundle({"path": str(reads_clip)})


def test_a_bundle_without_a_source_is_registered_under_the_one_it_means(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(default_bundle_path(), tmp_path / "bundle"))
    resign(folder, lambda described: described["metadata"].pop("intensity_source"))
    found = operations.describe_bundle({"path": str(folder)})
    assert found["metadata"]["intensity_source"] == "geometric"


# --- the optional model of blendshapes ------------------------------------------------------------
def measured_by(process: MeasuringProcess, drawn: Path) -> dict[str, Any]:
    with process.desk() as desk:
        clip = Path(shutil.copy(drawn / "smile.mp4", desk.inbox))
        return process.ask("measure", request(clip), seconds=60)


@needs_model
def test_a_confined_process_can_read_the_model_of_blendshapes(drawn: Path) -> None:
    process = MeasuringProcess(face_landmarker=str(MODEL))
    found = measured_by(process, drawn)
    process.retire()
    assert found["blendshapes"]["digest"] == found["measurer"]["blendshapes"]
    assert len(found["blendshapes"]["timestamps"]) > 12


def test_a_model_that_is_another_costs_the_blendshapes_alone(
    drawn: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = tmp_path / "other.task"
    other.write_bytes(b"another model")
    process = MeasuringProcess(face_landmarker=str(other))
    found = measured_by(process, drawn)
    process.retire()
    assert (found["state"], found["blendshapes"]) == ("measured", None)
    assert "clips are measured without blendshapes" in caplog.text
    assert "not the face landmarker" in caplog.text
