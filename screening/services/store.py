"""The store of clips, above Django's storage: keys, streaming, byte ranges, listing, removal.

A local folder or an S3 bucket, the same to everybody else. All files of a patient lie under
``patients/<patient>/``, so that an erasure can be proved by listing one folder. Nothing is written
to, or deleted from, a store that belongs to another database (``services.installation``). A store
that does not answer in its time, or cannot work, is StoreAway: nobody's request was at fault.
"""

import hashlib
import io
import logging
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast
from uuid import UUID

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage, storages

from screening import containers, faults
from screening.errors import NoRoom, NotFound, StoreAway
from screening.models import Clip, Upload
from screening.services import installation, listing

logger = logging.getLogger(__name__)

BLOCK = 256 * 1024
ROOT = listing.ROOT
FIXED_BY_ADDRESS = ("Content-Type", "Content-Disposition", "Cache-Control")


@contextmanager
def reaching() -> Iterator[None]:
    """What the store's library raises when it cannot be reached becomes StoreAway, or NoRoom.

    A refusal that is about one object (it is not there) stays what it is; every other refusal of
    an S3 store, wrong keys too, is about the store.
    """
    try:
        yield
    except (FileNotFoundError, FileExistsError):
        raise
    except (OSError, ClientError, BotoCoreError) as error:
        fault = faults.passing(error)
        if fault is None and isinstance(error, OSError) and not isinstance(error, PermissionError):
            raise
        logger.warning("the store does not do its work: %s", type(error).__name__)
        raise (fault if isinstance(fault, NoRoom) else StoreAway()) from error


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


def put(key: str, data: IO[bytes] | io.RawIOBase, *, durable: bool = False) -> None:
    """Store a stream under ``key``, without ever holding it in memory as a whole.

    ``durable``: a power cut right afterwards loses nothing. For what the browser deletes its own
    copy of; S3 stores promise it always. Raises StoreRefused where the store is another
    installation's.
    """
    with reaching():
        installation.require()
        stored = default_storage.save(key, File(cast("IO[bytes]", data)))
        if durable:
            _make_durable(stored)
    if stored != key:
        # Keys are random: a taken one means a fault of ours, and must not go unnoticed.
        default_storage.delete(stored)
        raise FileExistsError(key)


def _make_durable(key: str) -> None:
    """Writes the file, and the folders that lead to it, through to the disk. Nothing on S3."""
    try:
        path = Path(default_storage.path(key))
    except NotImplementedError:
        return
    # From the file up to the folder of all patients: each may have been made just now.
    depth = len(Path(key).parts)
    for one in (path, *path.parents[: depth - 1]):
        handle = os.open(one, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def remove(*keys: str, why: str, level: int = logging.INFO) -> bool:
    """Delete these objects and write each down; one that is not there is fine. False: not all.

    In another installation's store nothing is deleted, and from one that is away nothing can be:
    what is left over is found by the survey.
    """
    waiting = [key for key in keys if key]
    try:
        with reaching():
            if waiting and not installation.check().may_write:
                logger.warning("%d objects stay in another database's store", len(waiting))
                return False
            while waiting:
                default_storage.delete(waiting[0])
                logger.log(level, "deleted from the store: %s (%s)", waiting.pop(0), why)
    except StoreAway:
        logger.warning("%d objects stay in a store that is away", len(waiting))
        return False
    return True


def fetch(key: str, to: Path) -> None:
    """Copy an object into a local file. Raises FileNotFoundError, StoreAway."""
    with reaching(), default_storage.open(key) as source, to.open("wb") as target:
        while block := source.read(BLOCK):
            target.write(block)


def size(key: str) -> int:
    """Bytes of an object. Raises NotFound (a clip's file that is gone)."""
    try:
        with reaching():
            return default_storage.size(key)
    except FileNotFoundError as gone:
        raise NotFound("The recording is not in the store.", code="file_missing") from gone


def read_range(key: str, start: int, length: int) -> bytes:
    """``length`` bytes from ``start``. From S3 only these are fetched."""
    with reaching():
        bucket = getattr(default_storage, "bucket", None)
        if bucket is not None:
            end = start + length - 1
            answer = bucket.Object(key).get(Range=f"bytes={start}-{end}")
            return bytes(answer["Body"].read())
        with default_storage.open(key) as source:
            source.seek(start)
            return bytes(source.read(length))


def address(key: str, *, seconds: int, headers: Mapping[str, str]) -> str | None:
    """Where the store itself gives a browser this object for ``seconds``, with these headers (of
    those that S3 lets an address fix); None where browsers cannot reach the store."""
    if not settings.S3_PUBLIC_ENDPOINT:
        return None
    fixed = {f"Response{name.replace('-', '')}": headers[name] for name in FIXED_BY_ADDRESS}
    return cast(str, storages["public"].url(key, parameters=fixed, expire=seconds))  # type: ignore[call-arg]


def remove_folder(folder: str, *, why: str) -> list[str]:
    """Delete everything under ``folder`` and list again: what is returned was not deleted.

    Raises StoreRefused: in another installation's store nothing could be proved.
    """
    installation.require()
    remove(*(one.key for one in listing.objects(f"{folder}/")), why=why)
    left = [one.key for one in listing.objects(f"{folder}/")]
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
