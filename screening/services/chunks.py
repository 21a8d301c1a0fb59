"""Chunks of a resumable upload: stored first, then counted; no lock is held while bytes flow.

A chunk becomes an object under a key of its own; then one short transaction moves the offset, if it
is still where the chunk begins. Of two writers at one offset one wins and the other's object is
deleted.
"""

import io
import tempfile
from contextlib import suppress
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

from django.conf import settings
from django.db import Error, IntegrityError, transaction
from django.http import UnreadablePostError
from django.utils import timezone

from screening import containers
from screening.errors import (
    Conflict,
    Gone,
    Invalid,
    NotFound,
    OffsetConflict,
    TooLarge,
    WrongState,
)
from screening.models import Clip, Upload, UploadChunk, User
from screening.permissions import RecordClip, WriteUpload
from screening.services import access, events, installation, known, room, store
from screening.services.screenings import RECORDING
from screening.services.transitions import consent_stands, lock_screening, move, try_move

State = Upload.State
TOO_LARGE = "This recording is too large. Please record this part again."


class Readable(Protocol):
    """Anything with ``read(n)``: a request, a file."""

    def read(self, size: int = -1, /) -> bytes: ...


def create(*, by: User, clip: Clip, length: int | None = None, mime_type: str = "") -> Upload:
    """Begin the upload of an expected clip; one that was open is given up for the new one.

    ``length`` in bytes, None while it is still being recorded. Raises NotAllowed, TooLarge, NoRoom,
    Unavailable (many open), UnknownContainer, StoreRefused, WrongState (not recording any more,
    consent taken back, already received).
    """
    access.require(RecordClip, by, clip)
    installation.require()
    container = containers.normalised(mime_type)
    if length is not None and length > settings.UPLOAD_MAX_BYTES:
        raise TooLarge(TOO_LARGE)
    room.require_space(length or 0)
    with transaction.atomic():
        screening = lock_screening(clip.screening_id)
        if screening.state not in RECORDING or not consent_stands(screening):
            raise WrongState("This screening takes no more recordings.")
        room.require_few_open(screening.patient_id, besides=clip.pk)
        room.require_share(screening.patient_id, length or 0)
        dropped = close_open(clip)
        move(
            clip,
            expected=[Clip.State.EXPECTED, Clip.State.UPLOADING],
            detail="This recording was received already. Choose “record again” to replace it.",
            state=Clip.State.UPLOADING,
        )
        upload = Upload.objects.create(
            clip=clip,
            length=length,
            mime_type=container,
            expires_at=timezone.now() + timedelta(hours=settings.UPLOAD_HOURS),
        )
        events.append_clip(clip=clip, screening=screening, state="uploading")
        transaction.on_commit(lambda: store.remove(*dropped, why="upload given up"))
    return upload


def append(
    *, by: User, upload: Upload, offset: int, data: bytes | Readable, length: int | None = None
) -> Upload:
    """Take one chunk at ``offset``; ``length`` declares a length that was deferred.

    Raises NotAllowed, Gone (given up, expired), OffsetConflict (with the right offset),
    TooLarge (after the end of a known length; above the limit: the upload ends), NoRoom, Invalid.
    """
    access.require(WriteUpload, by, upload)
    # What may have changed, and nothing else: this runs for every part of every recording.
    upload.refresh_from_db(fields=["state", "offset", "length", "expires_at"])
    require_open(upload)
    if not consent_stands(upload.clip.screening):
        raise WrongState("This screening takes no more recordings.")
    if offset != upload.offset:
        raise OffsetConflict(upload.offset)
    total = _declared(upload, length)
    left = (settings.UPLOAD_MAX_BYTES if total is None else total) - offset
    with tempfile.SpooledTemporaryFile(max_size=1024 * 1024) as spool:
        size = _receive(data, spool, min(left, settings.UPLOAD_CHUNK_MAX_BYTES) + 1)
        if size > settings.UPLOAD_CHUNK_MAX_BYTES:
            raise TooLarge("This part is too large; send smaller ones.", code="chunk_too_large")
        if size > left:
            if total is None:
                terminate(by=by, upload=upload)
                raise TooLarge(TOO_LARGE)
            raise TooLarge("This part goes past the announced end.", code="past_the_end")
        key = store.chunk_key(upload, offset) if size else ""
        if size:
            _require_room(by, upload, offset, size)
            spool.seek(0)
            store.put(key, spool)
    try:
        _count(upload, offset=offset, size=size, key=key, length=total)
    except Exception:
        remove_unnamed(upload, key, why="chunk not counted")
        raise
    upload.offset, upload.length = offset + size, total
    return upload


def remove_unnamed(upload: Upload, key: str, *, why: str) -> None:
    """Delete an object of this upload, unless a row names it.

    A transaction that failed may have been committed, and only the answer was lost: so the database
    is asked, behind whoever still holds the upload. Where it cannot be, the object stays, and the
    survey finds it.
    """
    try:
        with transaction.atomic():
            Upload.objects.select_for_update().filter(pk=upload.pk).first()
            is_named = bool(known.keys([key]))
    except Error:
        return
    if not is_named:
        store.remove(key, why=why)


def _require_room(by: User, upload: Upload, offset: int, size: int) -> None:
    """Raises NoRoom, and Gone (the upload ends) for one that comes in crumbs."""
    room.require_space(size)
    if room.has_grown(offset, size):
        room.require_share(upload.clip.screening.patient_id, size)
    # Pieces of this size pay for themselves; only the small ones are counted.
    if size < room.BYTES_EACH and room.is_crumbs(upload):
        terminate(by=by, upload=upload)
        raise Gone(room.CRUMBS, code="many_pieces")


def terminate(*, by: User, upload: Upload) -> None:
    """Give an upload up: its chunks are deleted and the clip is expected again.

    Raises NotAllowed, Gone (given up before), WrongState (completed).
    """
    access.require(WriteUpload, by, upload)
    upload.refresh_from_db()
    if upload.state == State.TERMINATED:
        raise Gone("This upload was given up already.")
    give_up(upload)


def give_up(upload: Upload) -> None:
    """Terminate without asking who: for the sweeper and for uploads that turned out broken."""
    with transaction.atomic():
        screening = lock_screening(upload.clip.screening_id)
        dropped = _close(upload)
        if try_move(upload.clip, expected=[Clip.State.UPLOADING], state=Clip.State.EXPECTED):
            events.append_clip(clip=upload.clip, screening=screening, state="expected")
    store.remove(*dropped, why="upload given up")


def close_open(clip: Clip) -> list[str]:
    """Give up what is open of this clip (its screening is locked); returns the objects to delete
    after the commit."""
    return [key for upload in clip.uploads.filter(state=State.OPEN) for key in _close(upload)]


def _close(upload: Upload) -> list[str]:
    """Mark an open upload terminated and drop its chunk rows; returns the objects to delete."""
    move(
        upload,
        expected=[State.OPEN],
        detail="This recording was received already.",
        state=State.TERMINATED,
    )
    keys = list(upload.chunks.values_list("storage_key", flat=True))
    upload.chunks.all().delete()
    return keys


def require_open(upload: Upload) -> None:
    if upload.state == State.COMPLETED:
        raise WrongState("This recording was received already.", code="completed")
    if upload.state == State.TERMINATED:
        raise Gone("This upload was given up. Please begin a new one.")
    if is_expired(upload):
        raise Gone("This upload has expired. Please begin a new one.", code="expired")


def _declared(upload: Upload, length: int | None) -> int | None:
    """The length in force, checked against the one known and against what is here already."""
    if length is None:
        return upload.length
    if upload.length not in (None, length):
        raise Invalid("The length of an upload cannot change.", code="length_changed")
    if length > settings.UPLOAD_MAX_BYTES:
        raise TooLarge(TOO_LARGE)
    if length < upload.offset:
        raise Invalid("More than this length has arrived already.", code="length_too_small")
    return length


def _receive(data: bytes | Readable, spool: Any, limit: int) -> int:
    """Copy at most ``limit`` bytes into ``spool``; a connection that breaks off ends the chunk."""
    source = io.BytesIO(data) if isinstance(data, bytes) else data
    size = 0
    # What arrived of a cut connection is kept; the client asks where to go on.
    with suppress(UnreadablePostError):
        while size < limit and (block := source.read(min(store.BLOCK, limit - size))):
            spool.write(block)
            size += len(block)
    return size


def _count(upload: Upload, *, offset: int, size: int, key: str, length: int | None) -> None:
    """Move the offset if it is still where this chunk begins; else OffsetConflict."""
    with transaction.atomic():
        rows = Upload.objects.filter(pk=upload.pk, state=State.OPEN, offset=offset)
        if not rows.update(offset=offset + size, length=length):
            now = Upload.objects.filter(pk=upload.pk).first()
            if now is None:
                raise Gone("This recording was deleted.")
            require_open(now)
            raise OffsetConflict(now.offset)
        if size:
            try:
                UploadChunk.objects.create(upload=upload, offset=offset, size=size, storage_key=key)
            except IntegrityError as raced:
                raise Conflict from raced


def is_expired(upload: Upload) -> bool:
    """An open upload that nobody went on with."""
    return upload.state == State.OPEN and upload.expires_at <= timezone.now()


def find(*, by: User, upload_id: UUID) -> Upload:
    """The user's own upload. Raises NotFound."""
    rows = Upload.objects.select_related("clip__screening__patient", "clip__step")
    upload = access.find(WriteUpload, by, rows, upload_id)
    if not isinstance(upload, Upload):
        raise NotFound
    return upload
