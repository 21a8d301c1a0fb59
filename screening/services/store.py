"""The store of clips, above Django's storage: keys, streaming, byte ranges, listing, removal.

A local folder or an S3 bucket, the same to everybody else. All files of a patient lie under
``patients/<patient>/``, so that an erasure can be proved by listing one folder.
"""

import hashlib
import io
import secrets
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, cast
from uuid import UUID

from django.core.files import File
from django.core.files.storage import default_storage

from screening import containers
from screening.errors import NotFound
from screening.models import Clip, Upload

BLOCK = 256 * 1024
ROOT = "patients"


class Joined(io.RawIOBase):
    """Stored chunks read one after the other as one stream, hashed and counted on the way."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = list(keys)
        self._open: File[bytes] | None = None
        self.sha256 = hashlib.sha256()
        self.size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while True:
            if self._open is None:
                if not self._keys:
                    return 0
                self._open = default_storage.open(self._keys.pop(0))
            if block := self._open.read(len(buffer)):
                break
            self._open.close()
            self._open = None
        buffer[: len(block)] = block
        self.sha256.update(block)
        self.size += len(block)
        return len(block)

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None
        super().close()


def patient_folder(patient_id: UUID) -> str:
    return f"{ROOT}/{patient_id.hex}"


def clip_folder(clip: Clip) -> str:
    """Where everything about this clip lies (``clip.screening`` must be loaded or loadable)."""
    screening = clip.screening
    return f"{patient_folder(screening.patient_id)}/{screening.pk.hex}/{clip.pk.hex}"


def chunk_key(upload: Upload, offset: int) -> str:
    """A new key for a chunk: unique, so that two writers at one offset never share an object."""
    name = f"{offset:012d}-{secrets.token_hex(4)}"
    return f"{clip_folder(upload.clip)}/chunks/{upload.pk.hex}/{name}"


def original_key(upload: Upload) -> str:
    """A new key for the composed file of an upload."""
    name = f"original-{secrets.token_hex(8)}{containers.suffix(upload.mime_type)}"
    return f"{clip_folder(upload.clip)}/{name}"


def playback_key(clip: Clip) -> str:
    """A new key for the copy that reviewers play."""
    return f"{clip_folder(clip)}/playback-{secrets.token_hex(8)}.mp4"


def put(key: str, data: IO[bytes] | io.RawIOBase) -> None:
    """Store a stream under ``key``, without ever holding it in memory as a whole."""
    stored = default_storage.save(key, File(cast("IO[bytes]", data)))
    if stored != key:
        # Keys are random: a taken one means a fault of ours, and must not go unnoticed.
        default_storage.delete(stored)
        raise FileExistsError(key)


def remove(*keys: str) -> None:
    """Delete these objects; one that is not there is fine."""
    for key in keys:
        if key:
            default_storage.delete(key)


def fetch(key: str, to: Path) -> None:
    """Copy an object into a local file. Raises FileNotFoundError."""
    with default_storage.open(key) as source, to.open("wb") as target:
        while block := source.read(BLOCK):
            target.write(block)


def size(key: str) -> int:
    """Bytes of an object. Raises NotFound (a clip's file that is gone)."""
    try:
        return default_storage.size(key)
    except FileNotFoundError as gone:
        raise NotFound("The recording is not in the store.", code="file_missing") from gone


def read_range(key: str, start: int, length: int) -> bytes:
    """``length`` bytes from ``start``. From S3 only these are fetched."""
    bucket = getattr(default_storage, "bucket", None)
    if bucket is not None:
        end = start + length - 1
        answer = bucket.Object(key).get(Range=f"bytes={start}-{end}")
        return bytes(answer["Body"].read())
    with default_storage.open(key) as source:
        source.seek(start)
        return bytes(source.read(length))


def listing(folder: str = ROOT) -> Iterator[str]:
    """The keys of all objects under ``folder``."""
    try:
        folders, files = default_storage.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in files:
        if name:
            yield f"{folder}/{name}"
    for name in folders:
        yield from listing(f"{folder}/{name}")


def modified(key: str) -> datetime | None:
    """When an object was written; None when it is gone meanwhile."""
    try:
        return default_storage.get_modified_time(key)
    except FileNotFoundError:
        return None


def remove_folder(folder: str) -> list[str]:
    """Delete everything under ``folder`` and list again: what is returned was not deleted."""
    for key in list(listing(folder)):
        default_storage.delete(key)
    left = list(listing(folder))
    if not left:
        _remove_empty(folder)
    return left


def _remove_empty(folder: str) -> None:
    """Local folders outlive their files; on S3 there are none."""
    try:
        folders, _ = default_storage.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in folders:
        _remove_empty(f"{folder}/{name}")
    default_storage.delete(folder)
