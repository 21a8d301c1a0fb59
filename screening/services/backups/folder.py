"""A backup's folder: the manifest, the database's copy, the recordings, and who was erased.

``manifest.json`` is written last and replaced as a whole, so a backup that was stopped leaves the
one before as it was. Recordings lie under ``objects/`` by their keys and are shared between the
backups that were made into the folder; a recording never changes.
"""

import fcntl
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from dataclasses import replace as replace_fields
from pathlib import Path
from typing import IO
from uuid import UUID

from screening.errors import BackupRefused
from screening.services import listing

FORMAT = 1
BLOCK = 1024 * 1024
MANIFEST = "manifest.json"
ERASED = "erased.txt"
#: Recordings' keys are made of ids and words of ours.
KEY = re.compile(rf"{listing.ROOT}(/[A-Za-z0-9][A-Za-z0-9._-]*)+")


@dataclass(frozen=True)
class Kept:
    """One file of the backup: its key or name, its bytes, its SHA-256."""

    key: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a backup holds. ``missing``: named by a row, but not in the store when it was made."""

    installation: str
    generation: int
    made_at: str
    vendor: str
    migrations: list[str]
    database: Kept
    objects: Kept
    count: int
    bytes: int
    missing: list[str]
    wrong: list[str]
    format: int = FORMAT


class Folder:
    """The folder of an operator's ``DIR``. Everything in it is for its owner's eyes only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.objects = path / "objects"

    def manifest(self) -> Manifest | None:
        """None where no backup was finished. Raises BackupRefused for what cannot be read."""
        try:
            content = json.loads((self.path / MANIFEST).read_text())
        except FileNotFoundError:
            return None
        except (ValueError, OSError, RecursionError) as wrong:
            raise BackupRefused(f"{self.path / MANIFEST} cannot be read: {wrong}") from wrong
        try:
            if content["format"] != FORMAT:
                raise BackupRefused(f"{self.path} was made by another version of Mimia")
            content["database"] = Kept(**content["database"])
            content["objects"] = Kept(**content["objects"])
            return _sound(Manifest(**content))
        except (AttributeError, KeyError, TypeError, ValueError) as wrong:
            raise BackupRefused(f"{self.path / MANIFEST} is not a backup's manifest") from wrong

    def write_manifest(self, new: Manifest) -> None:
        text = json.dumps(asdict(new), indent=2) + "\n"
        replace(self.path / MANIFEST, lambda file: file.write(text.encode()))

    def kept(self, manifest: Manifest) -> Iterator[Kept]:
        """The recordings of a backup, in order of their keys. Raises BackupRefused for a list that
        names what is no recording: a file elsewhere on this machine, say."""
        with (self.path / manifest.objects.key).open() as lines:
            for line in lines:
                try:
                    key, size, sha256 = json.loads(line)
                    one = Kept(key, size, sha256)
                    is_recording = KEY.fullmatch(key) and self._is_inside(key)
                except (ValueError, TypeError, RecursionError) as wrong:
                    raise BackupRefused(
                        f"{manifest.objects.key} is no list of recordings"
                    ) from wrong
                if not is_recording:
                    raise BackupRefused(f"{manifest.objects.key} names {key!r}: no recording")
                yield one

    def _is_inside(self, key: str) -> bool:
        """Not behind a link that leads out of the folder."""
        return (self.objects / key).resolve().is_relative_to(self.objects.resolve())

    def erased(self) -> set[UUID]:
        """Who was erased, as far as this folder was told. Raises BackupRefused."""
        return read_erased(self.path / ERASED) if (self.path / ERASED).exists() else set()

    def write_erased(self, patients: Iterable[UUID]) -> None:
        """Remember these too; nobody is ever taken off the list."""
        lines = "".join(f"{one}\n" for one in sorted({*patients, *self.erased()}, key=str))
        replace(self.path / ERASED, lambda file: file.write(lines.encode()))

    def problems(self, manifest: Manifest) -> Iterator[str]:
        """Reads everything, and says what is not as the manifest has it."""
        for one in (manifest.database, manifest.objects):
            yield from _differs(self.path / one.key, one)
        listed = self.path / manifest.objects.key
        if listed.exists():
            for one in self.kept(manifest):
                yield from _differs(self.objects / one.key, one)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One backup at a time. Raises BackupRefused."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT, 0o600)) as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as taken:
                raise BackupRefused(f"another backup into {self.path} is under way") from taken
            yield


def _sound(read: Manifest) -> Manifest:
    """Raises ValueError or TypeError for what ``making`` did not write."""
    UUID(read.installation)
    for name, begins in ((read.database.key, "database-"), (read.objects.key, "objects-")):
        if not name.startswith(begins) or "/" in name or os.sep in name:
            raise ValueError(name)
    if not all(isinstance(one, str) for one in [read.vendor, *read.migrations]):
        raise TypeError
    return replace_fields(read, generation=int(read.generation))


def read_erased(path: Path) -> set[UUID]:
    """A list of patients' ids, one a line. Raises BackupRefused."""
    try:
        return {UUID(line.strip()) for line in path.read_text().splitlines() if line.strip()}
    except (OSError, ValueError) as wrong:
        raise BackupRefused(f"{path} is not a list of patients' ids, one a line") from wrong


def digest_of(path: Path) -> Kept:
    """What the manifest says of a file. Raises FileNotFoundError."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return Kept(path.name, path.stat().st_size, sha256)


def copy(source: IO[bytes], target: Path, key: str) -> Kept:
    """Write a stream as a whole or not at all, hashed on the way."""
    sha256, size = hashlib.sha256(), 0

    def fill(file: IO[bytes]) -> None:
        nonlocal size
        while block := source.read(BLOCK):
            file.write(block)
            sha256.update(block)
            size += len(block)

    replace(target, fill)
    return Kept(key, size, sha256.hexdigest())


def replace(target: Path, fill: Callable[[IO[bytes]], object]) -> None:
    """Write a file beside its place, then put it there: never half of it, for its owner alone."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".part-", delete=False) as file:
        try:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(target)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def _differs(path: Path, expected: Kept) -> Iterator[str]:
    try:
        found = digest_of(path)
    except OSError as wrong:
        yield f"{expected.key}: {wrong.strerror or 'cannot be read'}"
        return
    if (found.size, found.sha256) != (expected.size, expected.sha256):
        yield f"{expected.key}: not the file that was backed up"
