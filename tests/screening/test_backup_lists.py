"""A backup's lists are believed only as far as they name a backup's own files."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from screening.errors import BackupRefused
from screening.services.backups import restoring

FILM = b"a film"
NAME = "patients/aa/bb/cc/original-0011.webm"


def kept(path: Path, content: bytes, key: str = "") -> dict[str, Any]:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    return {"key": key or path.name, "size": len(content), "sha256": digest}


def backup(folder: Path, *lines: Any, **changed: Any) -> Path:
    """A backup that agrees with itself in every size and hash."""
    film = kept(folder / "objects" / NAME, FILM)
    listed = [[NAME, film["size"], film["sha256"]], *lines]
    text = "".join(f"{json.dumps(one)}\n" for one in listed)
    manifest = {
        "installation": "00000000-0000-4000-8000-000000000000",
        "generation": 1,
        "made_at": "2026-11-25T00:00:00+00:00",
        "vendor": "sqlite",
        "migrations": ["screening.0001_initial"],
        "database": kept(folder / "database-1.sqlite3", b"rows"),
        "objects": kept(folder / "objects-1.jsonl", text.encode()),
        "count": len(listed),
        "bytes": film["size"],
        "missing": [],
        "wrong": [],
        "format": 1,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest | changed))
    return folder


def film_named(key: Any) -> list[Any]:
    return [key, len(FILM), hashlib.sha256(FILM).hexdigest()]


def test_a_sound_one_is_taken(tmp_path: Path) -> None:
    assert restoring.verify(backup(tmp_path / "backup", film_named(NAME))).count == 2


@pytest.mark.parametrize(
    "key",
    [
        "../../film",
        "patients/../../../film",
        "patients/aa/./film",
        "patients//film",
        "/film",
        "film",
        "installation.json",
        "erased/film",
        "patients/a\0b",
        "patients/a\\b",
        None,
        7,
        ["patients/film"],
    ],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, key: Any) -> None:
    (tmp_path / "film").write_bytes(FILM)
    with pytest.raises(BackupRefused):
        restoring.verify(backup(tmp_path / "backup", film_named(key)))


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = backup(tmp_path / "backup", film_named("patients/aa/linked"))
    (tmp_path / "film").write_bytes(FILM)
    (folder / "objects/patients/aa/linked").symlink_to(tmp_path / "film")
    with pytest.raises(BackupRefused):
        restoring.verify(folder)


@pytest.mark.parametrize("line", [[1, 2], {}, "text", None, [NAME, "x"]])
def test_a_line_of_another_shape_is_refused(tmp_path: Path, line: Any) -> None:
    with pytest.raises(BackupRefused):
        restoring.verify(backup(tmp_path / "backup", line))


@pytest.mark.parametrize(
    "changed",
    [
        {"installation": "x"},
        {"installation": None},
        {"generation": "many"},
        {"migrations": None},
        {"migrations": [1]},
        {"vendor": None},
        {"database": {"key": "../outside", "size": 0, "sha256": ""}},
        {"objects": {"key": "/etc/hostname", "size": 0, "sha256": ""}},
        {"objects": {"key": None, "size": 0, "sha256": ""}},
        {"more": 1},
    ],
)
def test_a_manifest_of_another_shape_is_refused(tmp_path: Path, changed: dict[str, Any]) -> None:
    with pytest.raises(BackupRefused):
        restoring.verify(backup(tmp_path / "backup", **changed))


@pytest.mark.parametrize("text", ["[" * 100_000, "[]", "", "\0", "7"])
def test_what_is_no_manifest_is_refused(tmp_path: Path, text: str) -> None:
    folder = backup(tmp_path / "backup")
    (folder / "manifest.json").write_text(text)
    with pytest.raises(BackupRefused):
        restoring.verify(folder)
