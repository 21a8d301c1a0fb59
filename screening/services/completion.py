"""The end of an upload: chunks are joined as a stream, verified, and become a received clip."""

import logging
import re
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from screening import queue
from screening.errors import Conflict, Invalid, OffsetConflict, StoreAway, WrongState
from screening.models import Clip, Upload, User
from screening.permissions import WriteUpload
from screening.services import access, events, room, store
from screening.services.chunks import give_up, remove_unnamed, require_open
from screening.services.transitions import consent_stands, lock_screening, move

State = Upload.State
SHA256 = re.compile(r"[0-9a-f]{64}")


def complete(
    *, by: User, upload: Upload, size: int, sha256: str, announced: Mapping[str, Any]
) -> Clip:
    """Join the chunks, verify size and SHA-256, and receive the clip; measuring is enqueued.

    Repeating it after success returns the clip. Raises NotAllowed, Gone, Invalid (``empty_file``,
    ``hash_mismatch``: the upload ends and the clip can be sent again), OffsetConflict
    (``incomplete``: the upload stays open), WrongState, Conflict.
    """
    access.require(WriteUpload, by, upload)
    upload.refresh_from_db()
    sha256 = sha256.lower()
    if not SHA256.fullmatch(sha256):
        raise Invalid("The SHA-256 must be 64 hexadecimal digits.", code="sha256")
    if clip := _completed_before(upload, sha256):
        return clip
    require_open(upload)
    _require_all_of_it(upload, size)
    chunks = list(upload.chunks.order_by("offset"))
    if sum(chunk.size for chunk in chunks) != upload.offset:
        # Another request completed or gave up this upload since we looked.
        if clip := _completed_before(upload, sha256):
            return clip
        raise Conflict
    room.require_space(upload.offset, is_finishing=True)
    joined = store.Joined([chunk.storage_key for chunk in chunks])
    key = store.original_key(upload)
    try:
        store.put(key, joined, durable=True)
    except FileNotFoundError as raced:
        # Another request completed or gave up this upload while we were reading its chunks.
        store.remove(key, why="recording not received")
        if clip := _completed_before(upload, sha256):
            return clip
        raise Conflict from raced
    except StoreAway:
        # To ask it for a deletion now would only wait once more; the survey finds what was left.
        raise
    except BaseException:
        store.remove(key, why="recording not received")
        raise
    if joined.size != size or joined.sha256.hexdigest() != sha256:
        store.remove(key, why="recording not received")
        give_up(upload)
        raise Invalid(
            "The recording was damaged on its way. It will be sent again.", code="hash_mismatch"
        )
    try:
        clip = _receive_clip(upload, key=key, size=size, sha256=sha256, announced=announced)
    except BaseException:
        remove_unnamed(upload, key, why="recording not received")
        if clip := _completed_before(upload, sha256):
            return clip
        raise
    parts = [chunk.storage_key for chunk in chunks]
    store.remove(*parts, why="joined into the recording", level=logging.DEBUG)
    return clip


def _require_all_of_it(upload: Upload, size: int) -> None:
    """Raises OffsetConflict while something is still to come, Invalid for nothing at all."""
    if upload.offset < max(size, upload.length or 0):
        raise OffsetConflict(
            upload.offset, "The recording has not arrived whole.", code="incomplete"
        )
    if upload.offset == 0:
        give_up(upload)
        raise Invalid("The recording is empty. Please record this part again.", code="empty_file")


def _completed_before(upload: Upload, sha256: str) -> Clip | None:
    """The clip of an upload that was completed with the same content: the answer got lost."""
    rows = Clip.objects.select_related("screening", "step")
    return rows.filter(uploads=upload.pk, uploads__state=State.COMPLETED, sha256=sha256).first()


def _receive_clip(
    upload: Upload, *, key: str, size: int, sha256: str, announced: Mapping[str, Any]
) -> Clip:
    with transaction.atomic():
        screening = lock_screening(upload.clip.screening_id)
        if not consent_stands(screening):
            raise WrongState("This screening was taken back.")
        if not Upload.objects.filter(pk=upload.pk, state=State.OPEN, offset=size).update(
            state=State.COMPLETED, length=size
        ):
            raise Conflict
        clip = Clip.objects.select_related("step").get(pk=upload.clip_id)
        move(
            clip,
            expected=[Clip.State.UPLOADING],
            state=Clip.State.RECEIVED,
            storage_key=key,
            size=size,
            sha256=sha256,
            mime_type=upload.mime_type,
            announced=dict(announced),
            received_at=timezone.now(),
        )
        upload.chunks.all().delete()
        events.append_clip(clip=clip, screening=screening, state="received")
        queue.enqueue_on_commit(queue.MEASURE_CLIP, str(clip.pk))
    return clip
