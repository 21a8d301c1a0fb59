"""Resumable uploads: chunks, their completion, and the sweep after what was left behind.

An object is always stored before its row and deleted after it, so a crash can leave only an object
without a row, never a row without its object. Such objects are found by listing the store.
"""

import time
from contextlib import suppress
from datetime import timedelta

from django.utils import timezone

from screening.errors import WrongState
from screening.models import Clip, Upload, UploadChunk
from screening.services import store
from screening.services.chunks import append, create, find, give_up, is_expired, terminate
from screening.services.completion import complete

__all__ = [
    "append",
    "complete",
    "create",
    "find",
    "give_up",
    "is_expired",
    "remove_orphans",
    "sweep",
    "terminate",
]

#: An object younger than this may be about to get its row (a slow chunk, a long composition).
ORPHAN_AGE = timedelta(hours=1)


#: Listing the whole store is for once an hour, however often the sweeper comes.
LISTING_SECONDS = 3600.0
_next_listing = 0.0


def sweep() -> int:
    """Give up the open uploads that nobody went on with; returns how many.

    Once an hour (in each process that sweeps) also deletes objects without a row.
    """
    global _next_listing
    rows = Upload.objects.filter(state=Upload.State.OPEN, expires_at__lte=timezone.now())
    given_up = 0
    for upload in rows.select_related("clip__step"):
        # WrongState: somebody completed it or gave it up a moment ago.
        with suppress(WrongState):
            give_up(upload)
            given_up += 1
    if time.monotonic() >= _next_listing:
        _next_listing = time.monotonic() + LISTING_SECONDS
        remove_orphans()
    return given_up


def remove_orphans(*, age: timedelta = ORPHAN_AGE) -> list[str]:
    """Delete objects that no row knows and that are older than ``age``; returns their keys."""
    before = timezone.now() - age
    removed = []
    for key in store.listing():
        if _is_known(key):
            continue
        written = store.modified(key)
        # Asked again: the row may have come between the listing and now.
        if written is not None and written <= before and not _is_known(key):
            store.remove(key)
            removed.append(key)
    return removed


def _is_known(key: str) -> bool:
    return (
        Clip.objects.filter(storage_key=key).exists()
        or Clip.objects.filter(playback_key=key).exists()
        or UploadChunk.objects.filter(storage_key=key).exists()
    )
