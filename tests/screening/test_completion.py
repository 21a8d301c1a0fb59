"""The end of an upload: what is received, what two at once make of it, and what is left over."""

import hashlib
import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone
from pytest_django import Settings

from screening import queue
from screening.errors import (
    Conflict,
    DomainError,
    Gone,
    Invalid,
    NoRoom,
    NotAllowed,
    OffsetConflict,
    WrongState,
)
from screening.models import Clip, Upload, UploadChunk
from screening.services import screenings, uploads
from tests.screening import factories as make
from tests.screening.meanwhile import before
from tests.screening.trail import is_as_stored, of_clip, what_is_left

pytestmark = pytest.mark.django_db
DATA = make.VIDEO
SHA256 = hashlib.sha256(DATA).hexdigest()
Stored = Callable[[], list[str]]


@pytest.fixture
def upload() -> Upload:
    """All of a recording, in three pieces."""
    clip = make.clip_of(make.draft(), "smile")
    by = make.person(clip.screening)
    made = uploads.create(by=by, clip=clip, mime_type="video/webm;codecs=vp9")
    for offset in (0, 500, 1000):
        end = offset + 500 if offset < 1000 else None
        made = uploads.append(by=by, upload=made, offset=offset, data=DATA[offset:end])
    return made


def complete(upload: Upload, **changes: Any) -> Clip:
    said = {"size": len(DATA), "sha256": SHA256, "announced": {"seconds": 4.0}, **changes}
    return uploads.complete(by=make.person(upload.clip.screening), upload=upload, **said)


def as_it_is(upload: Upload) -> Upload:
    return Upload.objects.get(pk=upload.pk)


def whole(stored: Stored) -> list[str]:
    return [key for key in stored() if "/original-" in key]


#: Where the pieces are listed; and, once they are joined, where the clip is received.
LISTED = 'FROM "screening_uploadchunk" WHERE "screening_uploadchunk"."upload_id"'
JOINED = "SAVEPOINT"


def test_a_recording_is_received(
    upload: Upload, stored: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    screening = upload.clip.screening
    with what_is_left(screening.patient) as left, caplog.at_level(logging.DEBUG):
        clip = complete(upload, sha256=SHA256.upper())
    pieces = [line for line in caplog.records if "joined into the recording" in line.getMessage()]
    assert [line.levelname for line in pieces] == ["DEBUG"] * 3, "no deletion of a recording"
    assert (left.trail, left.told) == ([], [of_clip(clip, "received")])
    assert left.asked == [(queue.MEASURE_CLIP, (str(clip.pk),))]
    assert is_as_stored(clip)
    kept = (clip.state, clip.size, clip.sha256, clip.mime_type, clip.announced)
    assert kept == ("received", len(DATA), SHA256, "video/webm", {"seconds": 4.0})
    assert clip.received_at is not None
    assert abs(clip.received_at - timezone.now()) < timedelta(minutes=1)
    with default_storage.open(clip.storage_key) as file:
        assert file.read() == DATA
    assert stored() == [clip.storage_key]
    row = as_it_is(upload)
    assert (row.state, row.length, row.chunks.count()) == ("completed", len(DATA), 0)


def test_whoever_asks_may_have_read_the_upload_long_ago(stored: Stored) -> None:
    clip = make.clip_of(make.draft(), "smile")
    by = make.person(clip.screening)
    long_ago = uploads.create(by=by, clip=clip)
    uploads.append(by=by, upload=as_it_is(long_ago), offset=0, data=DATA)
    assert complete(long_ago).state == "received"
    given_up = uploads.create(by=by, clip=make.clip_of(clip.screening, "rest"))
    uploads.terminate(by=by, upload=as_it_is(given_up))
    with pytest.raises(Gone):
        complete(given_up)


def test_nobody_else_completes_it(upload: Upload, stored: Stored) -> None:
    screening = upload.clip.screening
    for by in (
        make.person(make.draft()),
        make.ClinicianFactory(site=screening.site),
        make.AdminFactory(),
    ):
        with pytest.raises(NotAllowed):
            uploads.complete(by=by, upload=upload, size=len(DATA), sha256=SHA256, announced={})
    assert (as_it_is(upload).state, len(stored())) == ("open", 3)


def test_what_there_is_no_room_for_stays_whole_in_its_pieces(
    upload: Upload, stored: Stored, settings: Settings
) -> None:
    settings.RESERVE_BYTES = 2**60
    with pytest.raises(NoRoom):
        complete(upload)
    assert (as_it_is(upload).state, len(stored())) == ("open", 3)
    settings.RESERVE_BYTES = 0
    assert complete(upload).state == "received"


def test_an_upload_that_was_given_up_stays_so_whatever_came_after(upload: Upload) -> None:
    """The same recording was sent once more: that is the other upload's clip."""
    uploads.terminate(by=make.person(upload.clip.screening), upload=upload)
    again = uploads.create(by=make.person(upload.clip.screening), clip=upload.clip)
    again = uploads.append(by=make.person(upload.clip.screening), upload=again, offset=0, data=DATA)
    assert complete(again).state == "received"
    with pytest.raises(Gone):
        complete(as_it_is(upload))


def test_what_was_given_up_is_told_of_until_its_time(upload: Upload) -> None:
    uploads.terminate(by=make.person(upload.clip.screening), upload=upload)
    assert uploads.sweep() == 0
    with pytest.raises(Gone):
        complete(upload)
    Upload.objects.filter(pk=upload.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert uploads.sweep() == 0
    assert not Upload.objects.filter(pk=upload.pk).exists()


def test_what_was_received_is_known_after_its_time(upload: Upload) -> None:
    """A browser that was shut before it heard the answer asks once more, days later."""
    clip = complete(upload)
    past = timezone.now() - timedelta(days=9)
    Upload.objects.filter(pk=upload.pk).update(expires_at=past)
    assert uploads.sweep() == 0
    assert complete(as_it_is(upload)) == clip


@pytest.mark.parametrize("sha256", ["", "0" * 63, "0" * 65, "g" * 64, f" {SHA256[1:]}"])
def test_what_is_no_hash_ends_nothing(upload: Upload, sha256: str) -> None:
    with pytest.raises(Invalid) as wrong:
        complete(upload, sha256=sha256)
    assert wrong.value.code == "sha256"
    assert as_it_is(upload).state == "open"


@pytest.mark.parametrize(("declared", "size"), [(len(DATA) + 1, len(DATA)), (None, len(DATA) + 1)])
def test_as_long_as_something_is_to_come_the_upload_stays_open(
    upload: Upload, stored: Stored, declared: int | None, size: int
) -> None:
    Upload.objects.filter(pk=upload.pk).update(length=declared)
    with pytest.raises(OffsetConflict) as early:
        complete(upload, size=size)
    assert (early.value.code, early.value.offset) == ("incomplete", len(DATA))
    assert (as_it_is(upload).state, len(stored())) == ("open", 3)


def test_a_recording_of_nothing_can_be_sent_again() -> None:
    clip = make.clip_of(make.draft(), "smile")
    upload = uploads.create(by=make.person(clip.screening), clip=clip)
    with pytest.raises(Invalid) as nothing:
        complete(upload, size=0)
    assert nothing.value.code == "empty_file"
    clip.refresh_from_db()
    assert (as_it_is(upload).state, clip.state) == ("terminated", "expected")


@pytest.mark.parametrize("changes", [{"sha256": "0" * 64}, {"size": len(DATA) - 1}])
def test_a_damaged_recording_ends_the_upload_and_leaves_nothing(
    upload: Upload, stored: Stored, changes: dict[str, Any]
) -> None:
    with pytest.raises(Invalid) as damaged, make.committed():
        complete(upload, **changes)
    assert damaged.value.code == "hash_mismatch"
    upload.clip.refresh_from_db()
    assert (as_it_is(upload).state, upload.clip.state) == ("terminated", "expected")
    assert stored() == []


@pytest.mark.parametrize("moment", [LISTED, JOINED], ids=["listed", "joined"])
def test_who_completes_what_another_completed_meanwhile_is_told_of_that(
    upload: Upload, stored: Stored, moment: str
) -> None:
    done: list[Clip] = []
    with before(moment, lambda: done.append(complete(as_it_is(upload)))):
        clip = complete(upload)
    assert clip == done[0]
    assert stored() == [done[0].storage_key]
    assert Clip.objects.filter(state="received").count() == 1


@pytest.mark.parametrize("moment", [LISTED, JOINED], ids=["listed", "joined"])
def test_who_completes_what_another_gave_up_meanwhile_gets_nothing(
    upload: Upload, stored: Stored, moment: str
) -> None:
    by = make.person(upload.clip.screening)
    with (
        pytest.raises(Conflict),
        before(moment, lambda: uploads.terminate(by=by, upload=as_it_is(upload))),
    ):
        complete(upload)
    assert stored() == []
    assert (as_it_is(upload).state, make.clip_of(upload.clip.screening, "smile").state) == (
        "terminated",
        "expected",
    )


def test_with_other_bytes_it_is_not_the_same_recording(upload: Upload) -> None:
    complete(upload)
    with pytest.raises(DomainError) as other:
        complete(upload, sha256="0" * 64)
    assert other.value.code == "completed"


def test_a_piece_that_is_lost_is_a_conflict_and_leaves_no_half(
    upload: Upload, stored: Stored
) -> None:
    default_storage.delete(upload.chunks.order_by("offset")[1].storage_key)
    with pytest.raises(Conflict):
        complete(upload)
    assert (whole(stored), as_it_is(upload).state) == ([], "open")


def test_a_piece_that_cannot_be_read_leaves_no_half(upload: Upload, stored: Stored) -> None:
    piece = Path(default_storage.path(upload.chunks.order_by("offset")[2].storage_key))
    piece.unlink()
    piece.mkdir()
    with pytest.raises(OSError, match="directory"):
        complete(upload)
    assert (whole(stored), as_it_is(upload).state) == ([], "open")


def test_what_is_taken_back_meanwhile_is_not_received(upload: Upload, stored: Stored) -> None:
    screening = upload.clip.screening
    with (
        pytest.raises(WrongState, match="taken back"),
        before(JOINED, lambda: screenings.withdraw(by=make.person(screening), screening=screening)),
    ):
        complete(upload)
    assert whole(stored) == []
    assert UploadChunk.objects.filter(upload=upload).count() == 3
