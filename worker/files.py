"""A stored clip as a file on this machine's disk, verified once more before it is measured."""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.files.storage import FileSystemStorage, storages

from screening.services import store
from worker.errors import FileMissing


@contextmanager
def local_clip(storage_key: str, sha256: str) -> Iterator[Path]:
    """The clip's original, to read only; a temporary copy where the store is remote.

    Raises :class:`FileMissing` when the store does not have it or has something else, and StoreAway
    when that cannot be known just now.
    """
    clips = storages["default"]
    with tempfile.TemporaryDirectory(prefix="mimia-") as folder:
        try:
            with store.reaching():
                if isinstance(clips, FileSystemStorage):
                    path = Path(clips.path(storage_key))
                else:
                    path = Path(folder) / "clip"
                    store.fetch(storage_key, path)
                with path.open("rb") as content:
                    found = hashlib.file_digest(content, "sha256").hexdigest()
        except FileNotFoundError as missing:
            raise FileMissing("the store does not have the clip's file") from missing
        if found != sha256:
            raise FileMissing("the store has another file than the one that was verified")
        yield path
