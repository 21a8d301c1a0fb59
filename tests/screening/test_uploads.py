"""Bad uploads: each gets a typed answer, the clip can be sent again, and nothing is left behind."""

import hashlib
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.http import UnreadablePostError
from django.utils import timezone
from pytest_django import Settings

from screening.models import Clip, Upload, UploadChunk
from screening.services import uploads
from tests.screening import factories as make
from tests.screening.conftest import Client

pytestmark = pytest.mark.django_db
OCTETS = "application/offset+octet-stream"
TUS = {"HTTP_TUS_RESUMABLE": "1.0.0"}
DATA = make.VIDEO
Stored = Callable[[], list[str]]


class Sender:
    """A patient's browser that sends one clip."""

    def __init__(self, client: Client, clip: Clip) -> None:
        self.client = client
        self.clip = clip

    def create(self, **headers: Any) -> Any:
        headers = headers or {"HTTP_UPLOAD_DEFER_LENGTH": "1"}
        answer = self.client.post(f"/api/v1/clips/{self.clip.pk}/uploads/", **TUS, **headers)
        self.where = answer.headers.get("Location", "")
        return answer

    def patch(self, offset: int, data: bytes = DATA, **headers: Any) -> Any:
        given = {"content_type": OCTETS, **TUS, "HTTP_UPLOAD_OFFSET": str(offset), **headers}
        return self.client.patch(self.where, data, **given)

    def head(self) -> Any:
        return self.client.head(self.where, **TUS)

    def complete(self, data: bytes = DATA, **changes: Any) -> Any:
        body = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest(), **changes}
        return self.client.post(f"{self.where}complete/", body, format="json")


@pytest.fixture
def sender(client_of: Callable[..., Client]) -> Sender:
    screening = make.draft()
    sender = Sender(client_of(make.person(screening)), make.clip_of(screening, "smile"))
    assert sender.create().status_code == 201
    return sender


def can_be_sent_again(sender: Sender, stored: Stored) -> None:
    """The clip takes a whole recording now, and the store then holds that one file."""
    sender.clip.refresh_from_db()
    assert sender.clip.state in ("expected", "uploading")
    assert sender.create().status_code == 201
    assert sender.patch(0).status_code == 204
    assert sender.complete().status_code == 200
    sender.clip.refresh_from_db()
    assert stored() == [sender.clip.storage_key]
    with default_storage.open(sender.clip.storage_key) as file:
        assert file.read() == DATA
    assert not UploadChunk.objects.exists()


def test_whole_recording_arrives_once(sender: Sender, stored: Stored) -> None:
    assert sender.patch(0, DATA[:100]).status_code == 204
    head = sender.head()
    assert (head["Upload-Offset"], head["Upload-Defer-Length"]) == ("100", "1")
    assert head["Cache-Control"] == "no-store"
    assert sender.patch(100, DATA[100:], HTTP_UPLOAD_LENGTH=str(len(DATA))).status_code == 204
    assert sender.head()["Upload-Length"] == str(len(DATA))
    first = sender.complete()
    again = sender.complete()
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json()["state"] == "received"
    sender.clip.refresh_from_db()
    assert stored() == [sender.clip.storage_key]


def test_zero_bytes(sender: Sender, stored: Stored) -> None:
    assert sender.patch(0, b"").status_code == 204
    answer = sender.complete(b"")
    assert (answer.status_code, answer.json()["code"]) == (422, "empty_file")
    assert stored() == []
    can_be_sent_again(sender, stored)


def test_wrong_hash(sender: Sender, stored: Stored) -> None:
    sender.patch(0)
    answer = sender.complete(sha256="0" * 64)
    assert (answer.status_code, answer.json()["code"]) == (422, "hash_mismatch")
    assert stored() == []
    can_be_sent_again(sender, stored)


def test_more_arrived_than_was_announced(sender: Sender, stored: Stored) -> None:
    sender.patch(0)
    answer = sender.complete(size=len(DATA) - 1)
    assert (answer.status_code, answer.json()["code"]) == (422, "hash_mismatch")
    can_be_sent_again(sender, stored)


def test_no_hash(sender: Sender) -> None:
    sender.patch(0)
    answer = sender.complete(sha256="abc")
    assert (answer.status_code, answer.json()["code"]) == (422, "sha256")
    assert sender.complete().status_code == 200


def test_completed_too_early_can_go_on(sender: Sender) -> None:
    sender.patch(0, DATA[:10])
    answer = sender.complete()
    assert (answer.status_code, answer.json()["code"]) == (409, "incomplete")
    assert answer["Upload-Offset"] == "10"
    assert sender.patch(10, DATA[10:]).status_code == 204
    assert sender.complete().status_code == 200


def test_repeated_chunk(sender: Sender, stored: Stored) -> None:
    assert sender.patch(0, DATA[:50]).status_code == 204
    again = sender.patch(0, DATA[:50])
    assert (again.status_code, again["Upload-Offset"]) == (409, "50")
    assert again.json()["code"] == "wrong_offset"
    assert again["Tus-Resumable"] == "1.0.0"
    assert len(stored()) == UploadChunk.objects.count() == 1


def test_chunk_ahead_of_its_place(sender: Sender, stored: Stored) -> None:
    answer = sender.patch(7)
    assert (answer.status_code, answer["Upload-Offset"]) == (409, "0")
    assert stored() == []


def test_chunk_after_the_end(sender: Sender, stored: Stored) -> None:
    sender.create(HTTP_UPLOAD_LENGTH=str(len(DATA)))
    assert sender.patch(0).status_code == 204
    answer = sender.patch(len(DATA), b"more")
    assert (answer.status_code, answer.json()["code"]) == (413, "past_the_end")
    assert sender.complete().status_code == 200
    answer = sender.patch(len(DATA), b"more")
    assert (answer.status_code, answer.json()["code"]) == (409, "completed")
    assert len(stored()) == 1


def test_endless_upload(sender: Sender, stored: Stored, settings: Settings) -> None:
    settings.UPLOAD_MAX_BYTES = 2500
    codes = [sender.patch(offset, b"x" * 1000).status_code for offset in (0, 1000, 2000)]
    assert codes == [204, 204, 413]
    assert stored() == []
    assert not UploadChunk.objects.exists()
    assert sender.patch(2000, b"x").status_code == 410
    can_be_sent_again(sender, stored)


def test_too_large_from_the_start(sender: Sender, settings: Settings) -> None:
    settings.UPLOAD_MAX_BYTES = 2500
    answer = sender.create(HTTP_UPLOAD_LENGTH="2501")
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_too_large_chunk(sender: Sender, stored: Stored, settings: Settings) -> None:
    settings.UPLOAD_CHUNK_MAX_BYTES = 100
    answer = sender.patch(0, b"x" * 101)
    assert (answer.status_code, answer.json()["code"]) == (413, "chunk_too_large")
    assert sender.patch(0, b"x" * 100).status_code == 204
    assert len(stored()) == 1


def test_a_length_that_is_declared_once_all_of_it_is_here(sender: Sender) -> None:
    sender.patch(0)
    assert sender.patch(len(DATA), b"", HTTP_UPLOAD_LENGTH=str(len(DATA))).status_code == 204
    assert sender.head()["Upload-Length"] == str(len(DATA))
    assert sender.complete().status_code == 200


def test_length_that_changes_or_is_too_small(sender: Sender) -> None:
    sender.patch(0, DATA[:100], HTTP_UPLOAD_LENGTH="200")
    changed = sender.patch(100, b"", HTTP_UPLOAD_LENGTH="300")
    assert (changed.status_code, changed.json()["code"]) == (422, "length_changed")
    sender.create()
    sender.patch(0, DATA[:100])
    small = sender.patch(100, b"", HTTP_UPLOAD_LENGTH="50")
    assert (small.status_code, small.json()["code"]) == (422, "length_too_small")


@pytest.mark.parametrize("value", ["-1", "abc", "1e3", "9" * 30, "٣"])
def test_offset_that_is_no_number(sender: Sender, value: str) -> None:
    assert sender.patch(0, HTTP_UPLOAD_OFFSET=value).status_code == 422


def test_protocol_errors(sender: Sender) -> None:
    both = sender.client.post(
        f"/api/v1/clips/{sender.clip.pk}/uploads/",
        HTTP_UPLOAD_LENGTH="5",
        HTTP_UPLOAD_DEFER_LENGTH="1",
        **TUS,
    )
    assert both.status_code == 422
    metadata = sender.create(HTTP_UPLOAD_LENGTH="5", HTTP_UPLOAD_METADATA="filetype ***")
    assert metadata.status_code == 422
    sender.create()
    assert sender.patch(0, HTTP_TUS_RESUMABLE="0.2.2").status_code == 412
    assert sender.patch(0, content_type="video/webm").status_code == 415
    missing = sender.client.patch(sender.where, DATA, content_type=OCTETS, **TUS)
    assert (missing.status_code, missing.json()["code"]) == (422, "offset")
    options = sender.client.options(sender.where)
    assert "creation-defer-length" in options["Tus-Extension"]


def test_stranger_sees_nothing(sender: Sender, client_of: Callable[..., Client]) -> None:
    stranger = make.draft()
    clinician = make.ClinicianFactory(site=sender.clip.screening.site)
    for user in (make.person(stranger), clinician, make.AdminFactory()):
        other = Sender(client_of(user), sender.clip)
        answers = [other.create()]
        other.where = sender.where
        answers += [other.head(), other.complete(), other.patch(0)]
        answers += [other.client.delete(sender.where, **TUS)]
        assert [one.status_code for one in answers] == [404] * 5
    nobody = Sender(client_of(None), sender.clip)
    assert nobody.create().status_code == 401
    nobody.where = sender.where
    assert nobody.head().status_code == 401


def test_given_up(sender: Sender, stored: Stored) -> None:
    sender.patch(0)
    assert sender.client.delete(sender.where, **TUS).status_code == 204
    assert stored() == []
    assert sender.head().status_code == 410
    assert sender.patch(0).status_code == 410
    assert sender.client.delete(sender.where, **TUS).status_code == 410
    assert sender.complete().status_code == 410
    can_be_sent_again(sender, stored)


def test_expired(sender: Sender, stored: Stored) -> None:
    sender.patch(0)
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert sender.head().status_code == 410
    answer = sender.patch(len(DATA))
    assert (answer.status_code, answer.json()["code"]) == (410, "expired")
    assert uploads.sweep() == 1
    assert uploads.sweep() == 0
    assert stored() == []
    can_be_sent_again(sender, stored)


def test_second_tab_takes_over(sender: Sender, stored: Stored) -> None:
    sender.patch(0)
    old = sender.where
    assert sender.create().status_code == 201
    assert stored() == []
    assert sender.client.head(old, **TUS).status_code == 410
    can_be_sent_again(sender, stored)


def test_received_clip_takes_no_second_upload(sender: Sender) -> None:
    sender.patch(0)
    sender.complete()
    assert sender.create().status_code == 409


def test_withdrawn_consent_stops_the_upload(sender: Sender) -> None:
    sender.patch(0, DATA[:10])
    assert sender.client.post("/api/v1/consents/withdraw/").status_code == 204
    assert sender.patch(10, DATA[10:]).status_code == 409
    assert sender.create().status_code == 409


class Cut:
    """A connection that breaks off after some bytes."""

    def __init__(self, data: bytes) -> None:
        self.blocks = [data]

    def read(self, size: int = -1, /) -> bytes:
        if not self.blocks:
            raise UnreadablePostError
        return self.blocks.pop()[:size]


def test_cut_connection_keeps_what_arrived(sender: Sender) -> None:
    upload = Upload.objects.get()
    by = make.person(sender.clip.screening)
    uploads.append(by=by, upload=upload, offset=0, data=Cut(DATA[:33]))
    assert sender.head()["Upload-Offset"] == "33"
    assert sender.patch(33, DATA[33:]).status_code == 204
    assert sender.complete().status_code == 200


class Full:
    """A client that is fine, sending to a store that is not."""

    def read(self, size: int = -1, /) -> bytes:
        raise OSError("no space left on device")


def test_fault_of_the_store_is_no_end_of_the_chunk(sender: Sender, stored: Stored) -> None:
    by = make.person(sender.clip.screening)
    with pytest.raises(OSError, match="no space"):
        uploads.append(by=by, upload=Upload.objects.get(), offset=0, data=Full())
    assert stored() == []
    assert sender.head()["Upload-Offset"] == "0"


def test_a_confirmed_recording_is_on_the_disk_before_its_row_says_so(
    sender: Sender, monkeypatch: pytest.MonkeyPatch, stored: Stored
) -> None:
    """The browser deletes its copy then: a power cut in the next second must lose nothing."""
    written: dict[int, str] = {}
    fsync = os.fsync

    def watched(handle: int) -> None:
        fsync(handle)
        written[os.fstat(handle).st_ino] = sender.clip.__class__.objects.get(
            pk=sender.clip.pk
        ).state

    monkeypatch.setattr(os, "fsync", watched)
    assert sender.patch(0).status_code == 204
    assert sender.complete().status_code == 200
    sender.clip.refresh_from_db()
    path = Path(default_storage.path(sender.clip.storage_key))
    for one in (path, *path.parents[:4]):
        assert written[one.stat().st_ino] == "uploading", one
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA synchronous")
            assert cursor.fetchone()[0] == 2, "FULL"
