"""The store's half of the installation's id: one small object, replaced as a whole."""

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from django.core.files.storage import default_storage

#: Outside ``patients/``: no listing of recordings ever meets it.
KEY = "installation.json"


@dataclass(frozen=True)
class Mark:
    """The installation's id, how often it counted up, and what is being restored, if anything."""

    identity: UUID
    generation: int
    restoring: str = ""


def read() -> Mark | None:
    """The store's mark, None where it has none. Raises ValueError for one that makes no sense."""
    try:
        with default_storage.open(KEY) as file:
            content = json.loads(file.read())
    except FileNotFoundError:
        return None
    try:
        return Mark(
            UUID(content["installation"]),
            int(content["generation"]),
            str(content.get("restoring", "")),
        )
    except (KeyError, TypeError, AttributeError) as wrong:
        raise ValueError(f"{KEY} is not a mark") from wrong


def write(new: Mark) -> None:
    """Replace the mark; a reader finds the old one or the new one, never half of it."""
    body: dict[str, str | int] = {
        "installation": str(new.identity),
        "generation": new.generation,
    }
    if new.restoring:
        body["restoring"] = new.restoring
    data = (json.dumps(body, indent=2) + "\n").encode()
    bucket = getattr(default_storage, "bucket", None)
    if bucket is not None:
        bucket.put_object(Key=KEY, Body=data, ContentType="application/json")
        return
    target = Path(default_storage.path(KEY))
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".mark-", delete=False) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(target)
