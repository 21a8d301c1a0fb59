"""Back from a backup, into an empty installation, and whoever was erased since is erased again.

Everything is verified before anything is written. While it runs, and if it is stopped, the store's
mark says so: the site takes nothing in and deletes nothing, and the same command goes on.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID

from django.core.files import File
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection, connections
from django.db.migrations.loader import MigrationLoader

from screening.errors import BackupRefused, Conflict
from screening.models import Patient
from screening.services import erased, erasure, installation, listing, mark, store_check
from screening.services.backups import database
from screening.services.backups.folder import Folder, Manifest, read_erased

#: So many problems are named; then there is no doubt any more.
NAMED = 10


@dataclass
class Restored:
    """What was done, for the operator."""

    manifest: Manifest
    recordings: int = 0
    already_there: int = 0
    erased_again: list[str] = field(default_factory=list)
    uploads_given_up: int = 0
    missing: list[str] = field(default_factory=list)
    unknown: int = 0


def restore(
    path: Path,
    *,
    erasures: Iterable[Path] = (),
    keep_store: bool = False,
    database_is_restored: bool = False,
) -> Restored:
    """Restore the backup in ``path``. Raises BackupRefused before anything was written.

    ``erasures``: further lists of who was erased. ``keep_store``: the store has outlived its
    database and stays as it is. ``database_is_restored``: the operator has loaded the dump.
    """
    folder = Folder(path)
    manifest = verify(path)
    gone = folder.erased().union(*(read_erased(one) for one in erasures))
    _require_restorable(manifest)
    found = _require_empty(manifest, keep_store, database_is_restored)
    identity = UUID(manifest.installation)
    generation = max(manifest.generation, 0 if found is None else found.generation)
    begun = mark.Mark(identity, generation, restoring=manifest.database.sha256)
    mark.write(begun)
    done = Restored(manifest)
    if not keep_store:
        _copy_back(folder, manifest, gone, done)
    if not database_is_restored:
        database.load(path / manifest.database.key)
    connections.close_all()
    call_command("migrate", verbosity=0, interactive=False)
    mark.write(replace(begun, restoring=""))
    installation.adopt()
    _erase_again({*gone, *erased.marked()}, done)
    _compare(done)
    return done


def verify(path: Path) -> Manifest:
    """The manifest of a backup that is whole. Raises BackupRefused with what is not."""
    folder = Folder(path)
    manifest = folder.manifest()
    if manifest is None:
        raise BackupRefused(f"there is no finished backup in {folder.path}")
    problems = []
    for one in folder.problems(manifest):
        problems.append(one)
        if len(problems) == NAMED:
            problems.append("…")
            break
    if problems:
        raise BackupRefused("the backup is damaged, nothing was written: " + "; ".join(problems))
    return manifest


def _require_restorable(manifest: Manifest) -> None:
    if manifest.vendor != connection.vendor:
        raise BackupRefused(
            f"the backup is of {manifest.vendor}, DATABASE_URL names {connection.vendor}"
        )
    ours = {f"{app}.{name}" for app, name in MigrationLoader(None).graph.nodes}
    if unknown := sorted(set(manifest.migrations) - ours):
        raise BackupRefused(
            f"the backup was made by newer code (it has {unknown[0]}): update first"
        )


def _require_empty(
    manifest: Manifest, keep_store: bool, database_is_restored: bool
) -> mark.Mark | None:
    """The store's mark, if it has one. Raises BackupRefused where something would be lost."""
    try:
        found = mark.read()
    except ValueError:
        found = None
    if found is not None and found.restoring == manifest.database.sha256:
        return found
    if found is not None and found.restoring:
        raise BackupRefused("another backup was being restored here: go on with that one")
    if not database_is_restored and (used := database.used_by()):
        raise BackupRefused(
            f"this database is in use (it has {', '.join(used)}): restore into an empty one"
        )
    if keep_store:
        if found is None or str(found.identity) != manifest.installation:
            raise BackupRefused("the store is not the one that belongs to this backup")
        return found
    if next(listing.objects(), None) is not None:
        raise BackupRefused(
            "the store holds recordings: restore into an empty one, or keep it with --keep-store"
        )
    return None


def _copy_back(folder: Folder, manifest: Manifest, gone: set[UUID], done: Restored) -> None:
    there = {one.key: one.size for one in listing.everything()}
    left_out = tuple(f"{listing.ROOT}/{one.hex}/" for one in gone)
    for one in folder.kept(manifest):
        if one.key.startswith(left_out):
            continue
        if there.get(one.key) == one.size:
            done.already_there += 1
            continue
        if one.key in there:
            default_storage.delete(one.key)
        with (folder.objects / one.key).open("rb") as source:
            default_storage.save(one.key, File(source))
        done.recordings += 1


def _erase_again(gone: set[UUID], done: Restored) -> None:
    done.erased_again = [one.pseudonym for one in erasure.erase_again(patient_ids=gone)]
    for patient in Patient.objects.filter(erased_at__isnull=False, erasure_proven_at__isnull=True):
        # Conflict: somebody holds the database; the site's sweeper finishes the proof.
        with suppress(Conflict):
            erasure.erase_files(patient_id=patient.pk)


def _compare(done: Restored) -> None:
    """Uploads that were under way have no parts in a backup: the browser sends them anew."""
    found = store_check.check()
    done.uploads_given_up = store_check.repair(found, "uploads")
    store_check.repair(found, "copies")
    done.missing = [one.key for one in found.missing if one.kind == store_check.ORIGINAL]
    done.unknown = len(found.unknown)
