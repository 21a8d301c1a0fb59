"""Resumable uploads: chunks, their completion, and the sweep after what was left behind.

An object is always stored before its row and deleted after it, so a crash can leave only an object
without a row, never a row without its object. Such objects are found by ``services.survey``.
"""

from contextlib import suppress

from django.utils import timezone

from screening.errors import WrongState
from screening.models import Upload
from screening.services import installation
from screening.services.chunks import append, create, find, give_up, is_expired, terminate
from screening.services.completion import complete

__all__ = [
    "append",
    "complete",
    "create",
    "find",
    "give_up",
    "is_expired",
    "sweep",
    "terminate",
]


def sweep() -> int:
    """Give up the open uploads that nobody went on with; returns how many.

    Not while the store is another database's, or newer than this one: nothing is thrown away then.
    """
    if not installation.check().may_clean:
        return 0
    rows = Upload.objects.filter(state=Upload.State.OPEN, expires_at__lte=timezone.now())
    given_up = 0
    for upload in rows.select_related("clip__step"):
        # WrongState: somebody completed it or gave it up a moment ago.
        with suppress(WrongState):
            give_up(upload)
            given_up += 1
    # Until then whoever still has the address is told that it was given up.
    Upload.objects.filter(state=Upload.State.TERMINATED, expires_at__lte=timezone.now()).delete()
    return given_up
