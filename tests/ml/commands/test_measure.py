"""``python -m ml measure``: one JSON object, plain errors, the promised exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ml.__main__ import main
from ml.measuring.geometry import SIGNALS
from tests.patience import PATIENCE


def measure(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ml", "measure", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_json_is_one_object_and_nothing_else(portrait_clip: Path) -> None:
    done = measure(str(portrait_clip), "--expression", "smile", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["state"] == "measured"
    assert set(found["signals"]) == set(SIGNALS)
    assert len(found["curve"]["t"]) == len(found["timestamps"])
    assert {"peak", "rise-rate", "mouth-width_var"} <= {sign["name"] for sign in found["signs"]}


def test_an_unusable_clip_is_a_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.mp4").write_text("no video at all, whatever its name says")
    assert main(["measure", str(tmp_path / "notes.mp4"), "--expression", "rest", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["state"], found["reason"]) == ("unusable", "not_a_video")
    assert found["curve"] is None


def test_text_is_for_people(portrait_clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rest = ["--rest", str(portrait_clip), "--cues", "0.2,0.9"]
    assert main(["measure", str(portrait_clip), "--expression", "smile", *rest]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("smile: measured")
    assert "mouth-width_mean" in shown


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["measure", "nowhere.mp4", "--expression", "smile"], "no such file"),
        (["measure", "nowhere.mp4", "--expression", "grin"], "'rest'"),
        (["measure", "nowhere.mp4"], "--expression"),
        (["measure", "a.mp4", "--expression", "rest", "--cues", "soon"], "seconds separated"),
        (["dance"], "measure"),
        ([], "command"),
    ],
)
def test_wrong_use_says_in_one_line_what_to_do(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(arguments)
    except SystemExit as stopped:
        code = int(stopped.code or 0)
    captured = capsys.readouterr()
    assert code == 2
    assert captured.out == ""
    assert len(captured.err.strip().splitlines()) == 1
    assert says in captured.err


def test_help_needs_neither_torch_nor_mediapipe() -> None:
    script = (
        "import sys\n"
        "from ml.__main__ import build_parser\n"
        "build_parser()\n"
        "heavy = {'torch', 'mediapipe', 'open_clip', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
