"""Making a backup: the database of one moment, then every recording that it names.

Parts of uploads that are under way are left out: the browser still has those recordings. What was
erased meanwhile is not in the store any more, and is taken out of the folder too.
"""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from screening.errors import BackupRefused
from screening.services import erasure, installation, known, listing
from screening.services.backups import database
from screening.services.backups.folder import Folder, Kept, Manifest, copy, digest_of, replace


@dataclass
class Copied:
    """How the recordings went. ``missing`` and ``wrong`` name them by their keys."""

    copied: int = 0
    reused: int = 0
    bytes_copied: int = 0
    missing: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Made:
    """What was done, for the operator. ``removed``: files of erased patients, from the folder."""

    manifest: Manifest
    copied: int
    reused: int
    bytes_copied: int
    removed: int

    @property
    def whole(self) -> bool:
        return not (self.manifest.missing or self.manifest.wrong)


def make(path: Path, *, ready_made: Path | None = None) -> Made:
    """Make a backup into ``path``, new or with earlier backups of this same installation in it.

    Safe while people upload. Raises BackupRefused; then the backup before is as it was.
    """
    standing = installation.check_now()
    if not standing.may_write:
        raise BackupRefused(standing.words)
    folder = Folder(path)
    with folder.locked():
        before = _earlier(folder)
        stamp = f"{timezone.now():%Y%m%dT%H%M%S%f}"
        target = path / f"database-{stamp}{database.SUFFIXES[connection.vendor]}"
        try:
            contents = database.dump(target, ready_made=ready_made)
            listed = path / f"objects-{stamp}.jsonl"
            done = _copy_all(folder, contents, before, listed)
            manifest = _manifest(contents, done, target, listed)
            # Everything is on the disk before the manifest says so.
            os.sync()
            folder.write_manifest(manifest)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        folder.write_erased(erasure.erased_ids())
        removed = _tidy(folder, manifest)
    return Made(manifest, done.copied, done.reused, done.bytes_copied, removed)


def write_erasures(path: Path) -> int:
    """Only tell the folder who was erased by now: quick enough for every few minutes."""
    folder = Folder(path)
    with folder.locked():
        _earlier(folder)
        ids = erasure.erased_ids()
        folder.write_erased(ids)
    return len(ids)


def _earlier(folder: Folder) -> dict[str, Kept]:
    """The recordings of the backup that is there. Raises BackupRefused for anything else."""
    manifest = folder.manifest()
    if manifest is None:
        strange = [
            one.name
            for one in folder.path.iterdir()
            if not one.name.startswith((".", "database-", "objects", "erased"))
        ]
        if strange:
            raise BackupRefused(f"{folder.path} holds something else ({strange[0]})")
        return {}
    mine = installation.this()
    if manifest.installation != str(mine.identity):
        raise BackupRefused(f"{folder.path} holds the backup of another installation")
    if manifest.generation > mine.generation:
        raise BackupRefused(
            f"the backup in {folder.path} is newer than this database: take another folder"
        )
    if not (folder.path / manifest.objects.key).exists():
        return {}
    return {one.key: one for one in folder.kept(manifest)}


def _copy_all(
    folder: Folder, contents: database.Contents, before: dict[str, Kept], listed: Path
) -> Copied:
    done, lines = Copied(), []
    for key, sha256 in contents.recordings:
        kept = _reusable(folder, before.get(key))
        if kept is not None:
            done.reused += 1
        else:
            kept = _copy(folder, key)
            if kept is None:
                # Erased or replaced since: the database does not name it any more.
                if known.keys([key]):
                    done.missing.append(key)
                continue
            done.copied += 1
            done.bytes_copied += kept.size
        if sha256 and kept.sha256 != sha256:
            done.wrong.append(key)
        lines.append(json.dumps([kept.key, kept.size, kept.sha256]))
    replace(listed, lambda file: file.write("".join(f"{line}\n" for line in lines).encode()))
    return done


def _reusable(folder: Folder, kept: Kept | None) -> Kept | None:
    """A recording never changes: one that is there with its size need not be read again."""
    if kept is None:
        return None
    with suppress(FileNotFoundError):
        if (folder.objects / kept.key).stat().st_size == kept.size:
            return kept
    return None


def _copy(folder: Folder, key: str) -> Kept | None:
    try:
        with default_storage.open(key) as source:
            return copy(source, folder.objects / key, key)
    except FileNotFoundError:
        return None


def _manifest(contents: database.Contents, done: Copied, target: Path, listed: Path) -> Manifest:
    kept = [json.loads(line) for line in listed.read_text().splitlines()]
    return Manifest(
        installation=str(contents.installation),
        generation=contents.generation,
        made_at=timezone.now().isoformat(timespec="seconds"),
        vendor=connection.vendor,
        migrations=contents.migrations,
        database=digest_of(target),
        objects=digest_of(listed),
        count=len(kept),
        bytes=sum(size for _, size, _ in kept),
        missing=done.missing,
        wrong=done.wrong,
    )


def _tidy(folder: Folder, manifest: Manifest) -> int:
    """Remove what only earlier backups had: their database, and the files of erased patients.

    Other recordings that the database does not name any more stay: removing them is no backup's
    business.
    """
    mine = {manifest.database.key, manifest.objects.key}
    for path in [*folder.path.glob("database-*"), *folder.path.glob("objects-*.jsonl")]:
        if path.name not in mine:
            path.unlink()
    removed = 0
    for patient in folder.erased():
        for path in _files_of(folder, patient):
            path.unlink()
            removed += 1
    for part in folder.path.rglob(".part-*"):
        part.unlink(missing_ok=True)
    return removed


def _files_of(folder: Folder, patient: UUID) -> Iterator[Path]:
    root = folder.objects / listing.ROOT / patient.hex
    return (path for path in list(root.rglob("*")) if path.is_file())
