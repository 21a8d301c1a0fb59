"""``manage.py check_store``: what does not agree is named; nothing is changed unless asked."""

import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from screening.models import Clip, Installation, Upload
from screening.services import installation, store, uploads
from tests.screening import factories as make
from tests.servers import free_port
from webapp import outward

pytestmark = pytest.mark.django_db
Stored = Callable[[], list[str]]


class Checker:
    """The command as an operator meets it."""

    def __init__(self, out: pytest.CaptureFixture[str]) -> None:
        self.out = out

    def __call__(self, *options: str) -> tuple[int, dict[str, Any]]:
        self.out.readouterr()
        with pytest.raises(SystemExit) as ended:
            call_command("check_store", "--json", *options)
        return int(ended.value.code or 0), json.loads(self.out.readouterr().out)

    def as_text(self, *options: str) -> str:
        with pytest.raises(SystemExit):
            call_command("check_store", *options)
        return self.out.readouterr().out


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Checker:
    return Checker(capsys)


@pytest.fixture
def clip() -> Clip:
    """A received clip with a playback copy, beside an upload that is under way."""
    screening = make.draft()
    other = make.clip_of(screening, "rest")
    upload = uploads.create(by=make.person(screening), clip=other)
    uploads.append(by=make.person(screening), upload=upload, offset=0, data=b"some of it")
    clip = make.send(make.clip_of(screening, "smile"))
    clip.playback_key = store.playback_key(clip)
    clip.save()
    default_storage.save(clip.playback_key, ContentFile(b"a copy"))
    return clip


def age(folder: Path) -> None:
    """Let two hours pass for everything in the store."""
    before = timezone.now().timestamp() - timedelta(hours=2).total_seconds()
    for path in folder.rglob("*"):
        os.utime(path, (before, before))


def test_all_is_well(check: Checker, clip: Clip) -> None:
    code, found = check("--hashes")
    assert (code, found["well"], found["objects"], found["files_named"]) == (0, True, 3, 3)
    assert found["hashes_compared"] == 1
    assert "all is well" in check.as_text()


@pytest.mark.parametrize("command", [["check_store"], ["backup", "kept"]])
def test_a_store_that_is_away_is_no_finding(
    command: list[str], settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 1 means something else: rows and files that do not agree, a backup not whole."""
    monkeypatch.chdir(tmp_path)
    away = {
        "bucket_name": "clips",
        "endpoint_url": f"http://127.0.0.1:{free_port()}",
        "access_key": "a",
        "secret_key": "b",
        **outward.s3(1.0),
    }
    bucket = {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": away}
    settings.STORAGES = {**settings.STORAGES, "default": bucket}
    with pytest.raises(CommandError) as said:
        call_command(*command)
    assert said.value.returncode == 2


def test_what_does_not_agree_is_named_and_left_alone(
    check: Checker, clip: Clip, stored: Stored, clips_folder: Path
) -> None:
    default_storage.delete(clip.playback_key)
    chunk = Upload.objects.get(state="open").chunks.get()
    default_storage.delete(chunk.storage_key)
    (clips_folder / clip.storage_key).write_bytes(b"x" * (clip.size or 0))
    leftover = f"{store.clip_folder(clip)}/playback-leftover.mp4"
    (clips_folder / leftover).write_bytes(b"x")
    assert check()[1]["unknown"] == []
    age(clips_folder)
    before = stored()
    code, found = check()
    assert code == 1
    assert {one["kind"] for one in found["missing"]} == {"copy", "chunk"}
    assert [one["key"] for one in found["unknown"]] == [leftover]
    assert found["wrong"] == []
    assert [one["row"] for one in check("--hashes")[1]["wrong"]] == [str(clip.pk)]
    (clips_folder / clip.storage_key).write_bytes(b"shorter")
    assert [one["kind"] for one in check()[1]["wrong"]] == ["original"]
    text = check.as_text()
    assert f"copy of clip {clip.pk}" in text
    assert leftover in text
    assert stored() == before
    assert Upload.objects.filter(state="open").exists()


def test_what_is_asked_for_is_repaired(
    check: Checker, clip: Clip, stored: Stored, clips_folder: Path
) -> None:
    default_storage.delete(clip.playback_key)
    default_storage.delete(Upload.objects.get(state="open").chunks.get().storage_key)
    leftover = f"{store.clip_folder(clip)}/playback-leftover.mp4"
    (clips_folder / leftover).write_bytes(b"x")
    age(clips_folder)
    code, found = check("--repair", "uploads", "--repair", "copies", "--repair", "unknown")
    assert found["repaired"] == {"uploads": 1, "copies": 1, "unknown": 1}
    assert (code, found["well"]) == (0, True)
    assert stored() == [clip.storage_key]
    clip.refresh_from_db()
    assert clip.playback_key == ""
    assert make.clip_of(clip.screening, "rest").state == "expected"


def test_a_lost_recording_is_named_and_no_repair_hides_it(check: Checker, clip: Clip) -> None:
    default_storage.delete(clip.storage_key)
    code, found = check("--repair", "copies", "--repair", "uploads", "--repair", "unknown")
    assert code == 1
    assert [(one["kind"], one["row"]) for one in found["missing"]] == [("original", str(clip.pk))]


def test_nothing_is_repaired_in_anothers_store(
    check: Checker, clip: Clip, stored: Stored, clips_folder: Path
) -> None:
    Installation.objects.all().delete()
    installation._last.clear()
    age(clips_folder)
    before = stored()
    code, found = check()
    assert code == 1
    assert "belongs to another database" in found["standing"]
    with pytest.raises(CommandError, match="another database") as refused:
        call_command("check_store", "--repair", "unknown")
    assert refused.value.returncode == 2
    assert stored() == before


def test_nothing_newer_than_the_database_is_repaired_away(
    check: Checker, clip: Clip, stored: Stored, clips_folder: Path
) -> None:
    installation.count_up()
    Installation.objects.update(generation=0)
    leftover = f"{store.clip_folder(clip)}/original-newer.mp4"
    (clips_folder / leftover).write_bytes(b"x")
    age(clips_folder)
    assert [one["key"] for one in check()[1]["unknown"]] == [leftover]
    with pytest.raises(CommandError, match="older than its store"):
        call_command("check_store", "--repair", "unknown")
    assert leftover in stored()
