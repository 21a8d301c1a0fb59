"""Marks in the store of who was erased, for a database that may be restored from before.

A mark is an object of no content whose name is an id that leads to nobody. Database and store are
backed up together, but an old database can be put in front of a newer store: the marks tell it.
"""

import io
import re
from uuid import UUID

from django.core.files.storage import default_storage

from screening.services import store

#: Outside the patients' folders: no cleaner meets them.
FOLDER = "erased"
IS_ID = re.compile(r"[0-9a-f]{32}")


def mark(patient_id: UUID) -> None:
    """Leave the mark of this patient; a second time changes nothing."""
    key = f"{FOLDER}/{patient_id.hex}"
    if not default_storage.exists(key):
        store.put(key, io.BytesIO(b"erased\n"))


def marked() -> set[UUID]:
    """The patients whose erasure this store remembers."""
    try:
        _, names = default_storage.listdir(FOLDER)
    except (FileNotFoundError, NotADirectoryError):
        return set()
    # What else a file manager or a synchronising program leaves there is no mark.
    return {UUID(name) for name in names if IS_ID.fullmatch(name)}
