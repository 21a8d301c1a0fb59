"""The store's objects in the order of their keys, page after page, from any key on.

One request for a thousand objects on S3, one walk over a local folder: never a request per folder
or per object. The order is the same on both, so a listing can go on where another one stopped.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.files.storage import default_storage

#: Everything about patients lies below this; the probe and the installation's mark do not.
ROOT = "patients"
#: The files of models.
BUNDLES = "bundles"


@dataclass(frozen=True)
class Stored:
    """One object: its key, its bytes, when it was written."""

    key: str
    size: int
    written_at: datetime


def objects(prefix: str = f"{ROOT}/", *, after: str = "") -> Iterator[Stored]:
    """All objects whose key begins with ``prefix`` and comes after ``after``, in order of keys."""
    bucket = getattr(default_storage, "bucket", None)
    if bucket is not None:
        return _in_bucket(bucket, prefix, after)
    return _in_folder(Path(default_storage.path("")), prefix, after)


def everything(*, after: str = "") -> Iterator[Stored]:
    """All objects that rows name, those of models and those of patients, in order of keys."""
    for root in sorted((BUNDLES, ROOT)):
        yield from objects(f"{root}/", after=after)


def _in_bucket(bucket: Any, prefix: str, after: str) -> Iterator[Stored]:
    pages = bucket.meta.client.get_paginator("list_objects_v2")
    more = {"StartAfter": after} if after else {}
    for page in pages.paginate(Bucket=bucket.name, Prefix=prefix, **more):
        for one in page.get("Contents", []):
            yield Stored(one["Key"], int(one["Size"]), one["LastModified"])


def _in_folder(root: Path, prefix: str, after: str) -> Iterator[Stored]:
    """A folder sorts as its name and a slash, as its keys do in a bucket."""
    folder, _, _ = prefix.rpartition("/")
    waiting = [(f"{folder}/" if folder else "", True)]
    while waiting:
        key, is_folder = waiting.pop()
        if not is_folder:
            if key > after and key.startswith(prefix) and (found := _stat(root, key)):
                yield found
            continue
        if not key.startswith(prefix[: len(key)]) or _all_before(key, after):
            continue
        waiting += reversed(_entries(root, key))


def _all_before(folder: str, after: str) -> bool:
    """Whether every key in ``folder`` comes before ``after``."""
    return folder < after and not after.startswith(folder)


def _entries(root: Path, folder: str) -> list[tuple[str, bool]]:
    try:
        with os.scandir(root / folder) as found:
            here = [
                (f"{folder}{one.name}/", True)
                if one.is_dir(follow_symlinks=False)
                else (f"{folder}{one.name}", False)
                for one in found
            ]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(here)


def _stat(root: Path, key: str) -> Stored | None:
    """None: it was deleted while we looked."""
    try:
        found = (root / key).stat()
    except FileNotFoundError:
        return None
    return Stored(key, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))
