"""Phantom clips as files: the frames and times of the truth, in each format."""

import json
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from ml.__main__ import main
from ml.errors import WrongUse
from ml.phantom import Capture, perform, render, write_clip

SMALL = Capture(width=320, height=240, fps=15, dropped=0.2, variable_rate=0.1)


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_the_file_has_the_truths_frames_at_the_truths_times(tmp_path: Path, suffix: str) -> None:
    clip = perform("surprise", seed=1, seconds=2.0, capture=SMALL)
    write_clip(tmp_path / f"clip{suffix}", clip)
    with av.open(str(tmp_path / f"clip{suffix}")) as file:
        frames = list(file.decode(video=0))
    assert [round(float(frame.time), 3) for frame in frames] == clip.truth()["t"]
    drawn = next(iter(render(clip))).astype(float)
    assert np.abs(frames[0].to_ndarray(format="rgb24") - drawn).mean() < 6


def test_mjpeg_is_a_bare_stream_of_jpegs(tmp_path: Path) -> None:
    path = tmp_path / "camera.mjpeg"
    clip = perform("smile", seconds=1.0, capture=Capture(width=320, height=240))
    write_clip(path, clip)
    content = path.read_bytes()
    assert content.startswith(b"\xff\xd8\xff")
    assert content.endswith(b"\xff\xd9")
    with av.open(str(path)) as file:
        sizes = [(frame.width, frame.height) for frame in file.decode(video=0)]
    assert sizes == [(320, 240)] * 30


def test_nothing_is_left_behind_by_a_drawing_that_stops(tmp_path: Path) -> None:
    clip = perform("smile", seconds=1.0, capture=SMALL)
    cut = replace(clip, channels=clip.channels[:3])
    with pytest.raises((IndexError, ValueError)):
        write_clip(tmp_path / "clip.mp4", cut)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_format_is_named(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match=r"\.mp4"):
        write_clip(tmp_path / "clip.avi", perform("smile", seconds=1.0, capture=SMALL))


def test_the_command_writes_clip_and_truth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, truth = tmp_path / "a.mp4", tmp_path / "a.json"
    command = ["phantom", "clip", "--expression", "smile", "--amplitude", "0.6", "--speed", "0.8",
               "--seed", "4", "--seconds", "1", "--size", "320x240", "--out", str(out),
               "--truth", str(truth), "--json"]  # fmt: skip
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out) == {"out": str(out), "frames": 30, "seed": 4}
    written = json.loads(truth.read_text())
    assert (written["amplitude"], written["speed"], written["seed"]) == (0.6, 0.8, 4)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"--expression": "grin"}, "'smile'"),
        ({"--amplitude": "7"}, "amplitude must be"),
        ({"--size": "wide"}, "640x480"),
        ({"--size": "641x480"}, "even"),
        ({"--out": "no/such/folder/a.mp4"}, "no such folder"),
        ({"--out": "a.gif"}, ".mp4"),
        ({"--skin": "11"}, "1 to 10"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    changed: dict[str, str],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    options = {"--expression": "smile", "--out": "a.mp4", "--seconds": "1"} | changed
    try:
        code = main(["phantom", "clip", *(part for pair in options.items() for part in pair)])
    except SystemExit as stopped:
        code = int(stopped.code or 0)
    shown = capsys.readouterr()
    assert code == 2
    assert shown.out == ""
    assert says in shown.err
    assert shown.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
