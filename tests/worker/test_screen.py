"""``manage.py screen`` as a person or a script runs it: one object, one line, exit codes."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from screening.models import Screening
from worker import report
from worker.management.commands import screen as command
from worker.pool import MeasuringPool
from worker.recording import FileClip

KEYS = {
    "hypomimia_index", "severity", "severity_expected", "severity_reason", "p_pd", "p_pd_interval",
    "prediction_set", "abstained", "attention", "bundle", "clips",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "clips"
    made.mkdir()
    return made


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", *arguments]
    variables: Mapping[str, str] = {**os.environ, "MIMIA_LOG_LEVEL": "WARNING", **environment}
    return subprocess.run(
        command, cwd=settings.ROOT, env=variables, capture_output=True, text=True, timeout=300
    )


def screen(folder: Path | str, *options: str, **environment: str) -> dict[str, Any]:
    """The object printed; fails the test unless it is all that was printed and the code is 0."""
    done = manage("screen", str(folder), "--json", *options, **environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    result: dict[str, Any] = json.loads(done.stdout)
    assert set(result) >= KEYS
    return result


def by_expression(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {clip["expression"]: clip for clip in result["clips"]}


def test_a_mixed_folder_is_assessed_and_every_clip_accounted_for(
    folder: Path, drawn: Path, tmp_path: Path
) -> None:
    shutil.copy(drawn / "rest.mp4", folder / "Rest.MP4")
    shutil.copy(drawn / "smile.mp4", folder / "smile.mp4")
    (folder / "disgust.webm").write_bytes(b"no video at all" * 100)
    (folder / "surprise.mp4").write_bytes(b"")
    (folder / "anger.mp4").write_bytes((drawn / "smile.mp4").read_bytes()[:2000])
    (folder / "notes.txt").write_text("not a clip")
    (folder / "holiday.mp4").write_text("not an expression")
    before = {path: path.read_bytes() for path in folder.iterdir()}

    done = manage("screen", str(folder), "--json", MIMIA_VAR=str(tmp_path / "var"))

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    result = json.loads(done.stdout)
    assert set(result) >= KEYS
    clips = by_expression(result)
    assert {name: (clip["state"], clip["reason"]) for name, clip in clips.items()} == {
        "rest": ("measured", None),
        "smile": ("measured", None),
        "disgust": ("unusable", "not_a_video"),
        "surprise": ("unusable", "empty_file"),
        "anger": ("unusable", "truncated"),
    }
    assert all({"quality", "signs"} <= set(clip) for clip in clips.values())
    assert clips["smile"]["signs"][0].keys() >= {"name", "value", "unit", "percentile"}
    assert result["bundle"].keys() >= {"name", "version", "digest", "sources"}
    words = report.as_text(result)
    assert "No result to rely on: too few of the expressions" in words
    assert "disgust   unusable: not_a_video" in words
    assert "Not a diagnosis" in words
    assert [line for line in done.stderr.splitlines() if "ignored" in line] == [
        "screen: ignored: holiday.mp4 (not a video named by an expression)",
        "screen: ignored: notes.txt (not a video named by an expression)",
    ]
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert not (tmp_path / "var" / "mimia.sqlite3").exists(), "it leaves nothing behind"


def test_folders_in_a_folder_are_the_sessions_of_one_person(folder: Path, drawn: Path) -> None:
    for name in ("1 may", "2 june", "3 empty"):
        (folder / name).mkdir()
    (folder / "4 broken").mkdir()
    for name in ("1 may", "2 june"):
        shutil.copy(drawn / "smile.mp4", folder / name / "smile.mp4")
    (folder / "4 broken" / "smile.mp4").write_bytes(b"")
    (folder / "2 june" / "notes.txt").write_text("not a clip")

    done = manage("screen", str(folder), "--json")

    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert list(result["sessions"]) == ["1 may", "2 june", "4 broken"]
    first, second, broken = result["sessions"].values()
    assert first["hypomimia_index"] == second["hypomimia_index"]
    assert broken["abstained"] == "no_usable_expression"
    index = result["person"]["hypomimia_index"]
    assert (index["sessions"], index["mean"]) == (2, pytest.approx(first["hypomimia_index"]))
    assert index["low"] < index["value"] < index["high"]
    assert index["more"] == sorted(index["more"], reverse=True)
    assert result["person"]["repeats"]["licence"] == "MIT"
    words = report.person_as_text(result)
    assert "Over 2 sessions the person’s hypomimia index is" in words
    assert "4 broken: index not known" in words
    assert "Not a diagnosis" in words
    assert [line for line in done.stderr.splitlines() if "ignored" in line] == [
        "screen: 2 june: ignored: notes.txt (not a video named by an expression)",
        "screen: ignored: 3 empty (not a folder of videos named by an expression)",
    ]


def test_a_folder_of_nothing_usable_abstains(folder: Path) -> None:
    (folder / "smile.mp4").write_bytes(b"")
    result = screen(folder)
    assert result["abstained"] == "no_usable_expression"
    assert (result["hypomimia_index"], result["p_pd"]) == (None, None)
    assert by_expression(result)["smile"]["reason"] == "empty_file"


def test_saving_keeps_the_screening(folder: Path, drawn: Path, tmp_path: Path) -> None:
    shutil.copy(drawn / "smile.mp4", folder / "smile.mp4")
    database = tmp_path / "kept.sqlite3"
    place = {"MIMIA_VAR": str(tmp_path / "var"), "DATABASE_URL": f"sqlite:///{database}"}
    unready = manage("screen", str(folder), "--json", "--save", **place)
    assert unready.returncode != 0
    assert "manage.py migrate" in unready.stderr
    assert manage("migrate", "--verbosity", "0", **place).returncode == 0
    result = screen(folder, "--save", **place)
    read = (
        "from screening.models import *; s = Screening.objects.get(); "
        "print(s.pk, s.state, s.assessments.count())"
    )
    kept = manage("shell", "-v", "0", "-c", read, **place)
    assert kept.stdout.split() == [result["screening"], "scored", "1"]


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_what_could_not_be_taken_in_leaves_no_draft(folder: Path, pool: MeasuringPool) -> None:
    (folder / "smile.mp4").write_bytes(b"")
    result = command._screen({"smile": FileClip(folder / "smile.mp4")}, 1)
    assert result["abstained"] == "no_usable_expression"
    assert Screening.objects.get(pk=result["screening"]).state == "withdrawn"


@pytest.mark.parametrize(
    ("name", "files", "says"),
    [
        ("nowhere", None, "no such folder"),
        ("clips", [], "no clip"),
        ("clips", ["holiday.mp4", "smile.txt"], "no clip"),
        ("clips", ["smile.mp4", "SMILE.webm"], "smile is there twice"),
        ("clips/smile.mp4", ["smile.mp4"], "is a file"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    folder: Path, name: str, files: list[str] | None, says: str
) -> None:
    for file in files or []:
        (folder / file).write_bytes(b"x")
    done = manage("screen", str(folder.parent / name), "--json")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert says in done.stderr


def test_without_a_folder_it_says_how_it_is_used() -> None:
    done = manage("screen")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "manage.py screen DIR" in done.stderr
