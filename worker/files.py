"""A stored clip as a file on this machine's disk, verified once more before it is measured."""

import hashlib
from pathlib import Path

from screening.services import store
from worker.errors import FileMissing


def local_clip(storage_key: str, sha256: str, into: Path) -> Path:
    """A copy of the clip's original in the folder ``into``: whatever becomes of the copy, the
    original is not touched.

    Raises :class:`FileMissing` when the store does not have it or has something else, and StoreAway
    when that cannot be known just now.
    """
    path = into / f"clip{Path(storage_key).suffix}"
    try:
        with store.reaching():
            store.fetch(storage_key, path)
    except FileNotFoundError as missing:
        raise FileMissing("the store does not have the clip's file") from missing
    with path.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != sha256:
        raise FileMissing("the store has another file than the one that was verified")
    return path
