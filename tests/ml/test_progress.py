"""How far a long step is: who sees it, and where."""

import logging
import os
import pty
import subprocess
import sys
import termios

import pytest

from ml import progress
from ml.progress import advance, counted, following


@pytest.fixture(autouse=True)
def every_part(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A line for each part, not one in ten seconds."""
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    caplog.set_level(logging.INFO)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [line.partition(", about")[0] for line in caplog.messages]


def test_parts_are_counted_wherever_they_are_done(caplog: pytest.LogCaptureFixture) -> None:
    def far_below() -> None:
        advance("steps")
        advance("of another name")

    with following("steps", 3, done=1):
        far_below()
        far_below()
    far_below()
    assert told(caplog) == ["steps: 2 of 3", "steps: 3 of 3"]
    assert caplog.messages[-1].endswith("about 0 s left")


def test_a_step_within_a_step_is_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    for _ in counted("folds", range(2), 2):
        with following("steps", 2):
            advance("steps")
            advance("steps")
    assert told(caplog) == ["folds: 1 of 2", "folds: 2 of 2"]


def test_a_step_that_fails_is_closed(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ValueError, match="broken"), following("steps", 2):
        raise ValueError("broken")
    advance("steps")
    assert told(caplog) == []


def test_lines_are_seldom(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 3600.0)
    for _ in counted("clips", range(100), 100):
        pass
    assert told(caplog) == ["clips: 100 of 100"]


def test_nobody_sees_what_nobody_asked_for(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.WARNING, "ml")
    for _ in counted("clips", range(2), 2):
        pass
    assert told(caplog) == []
    assert capsys.readouterr() == ("", "")


SCRIPT = """
import logging, sys
from ml.__main__ import _log_on_stderr
from ml.progress import counted
with _log_on_stderr("train"):
    for clip in counted("measuring clips", range(3), 3):
        logging.getLogger("ml.cohort").info("clip %d", clip)
"""


def on_a_terminal(lines: int) -> str:
    """What the script writes to the standard error, on a terminal of so many lines."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (lines, 80))
    with subprocess.Popen([sys.executable, "-c", SCRIPT], stderr=theirs) as child:
        os.close(theirs)
        seen = b""
        try:
            while part := os.read(ours, 4096):
                seen += part
        except OSError:  # the terminal's other side is closed
            pass
        assert child.wait() == 0
    os.close(ours)
    return seen.decode()


def test_a_terminal_has_a_bar_and_lines_above_it() -> None:
    text = on_a_terminal(24)
    assert "measuring clips:" in text
    assert "0/3" in text
    assert "train: clip 1\r\n" in text
    assert "s left" not in text, "a bar needs no line"


def test_a_terminal_of_no_size_has_lines() -> None:
    text = on_a_terminal(0)
    assert "measuring clips: 3 of 3, about 0 s left" in text
    assert "0/3" not in text


def test_a_file_has_lines_and_no_bar() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    assert done.stderr.splitlines() == [
        "train: clip 0",
        "train: clip 1",
        "train: clip 2",
        "train: measuring clips: 3 of 3, about 0 s left",
    ]
