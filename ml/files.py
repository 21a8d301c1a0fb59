"""Files that are whole or not there, and the digests that tell them apart."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ml.errors import ConfigError

# Whoever serves or reads a model finds one of these in its folder.
MODELS = ("bundle.json", "diagnosis.json")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A name beside ``path`` to write under; it becomes ``path`` when the block ends well, and is
    removed when it does not. So a run that is killed leaves no half file under ``path``, and of two
    processes that write the same file each writes its own: the last one's stays.

    The folder is made. The name keeps the suffix, by which some writers choose a format.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write(path: Path, content: bytes | str) -> None:
    """All of it, text as UTF-8, or nothing."""
    data = content.encode() if isinstance(content, str) else content
    with whole(path) as partial:
        partial.write_bytes(data)


def write_json(
    path: Path, data: object, indent: int | None = None, *, is_sorted: bool = False
) -> None:
    """All of it or nothing. Raises ValueError for a number that JSON has not."""
    text = json.dumps(data, indent=indent, sort_keys=is_sorted, allow_nan=False)
    write(path, f"{text}\n")


def canonical(data: Mapping[str, Any]) -> bytes:
    """JSON whose bytes depend on the content only."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def sha256_of(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def require_no_model(folder: Path) -> None:
    """Raises :class:`ConfigError` where something served may lie in ``folder``: replaced there, a
    model would be another one under the same path."""
    for file in MODELS:
        if (folder / file).exists():
            raise ConfigError(
                f"{folder} holds a trained model ({file}); give another folder, or remove it"
            )
