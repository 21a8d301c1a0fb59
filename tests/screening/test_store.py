"""The store, on a local folder and on S3: streaming, ranges, listing, removal."""

import hashlib
import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage, storages
from django.utils import timezone

from screening.errors import NotFound
from screening.services import erasure, listing, store, uploads
from tests.screening import factories as make
from tests.screening.conftest import Client

pytestmark = pytest.mark.django_db
Stored = Callable[[], list[str]]

#: More than one part of a multipart upload, in chunks that do not end where the parts do.
LARGE = b"".join(bytes([n]) * 3_000_000 for n in range(4))


def test_put_range_list_and_remove(place: str, stored: Stored, tmp_path: Path) -> None:
    store.put("patients/a/one", io.BytesIO(b"0123456789"))
    store.put("patients/a/b/two", io.BytesIO(b"x"))
    store.put("patients/c", io.BytesIO(b"y"))
    assert stored() == ["patients/a/b/two", "patients/a/one", "patients/c"]
    assert store.size("patients/a/one") == 10
    assert store.read_range("patients/a/one", 2, 3) == b"234"
    assert store.read_range("patients/a/one", 8, 5) == b"89"
    store.fetch("patients/a/one", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"0123456789"
    (one,) = listing.objects("patients/a/o")
    assert (one.key, one.size) == ("patients/a/one", 10)
    assert abs(timezone.now() - one.written_at) < timedelta(minutes=1)
    assert store.remove_folder("patients/a", why="test") == []
    assert stored() == ["patients/c"]
    store.remove("patients/c", "patients/c", "", why="test")
    assert stored() == []
    with pytest.raises(NotFound):
        store.size("patients/c")


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_recording_is_joined_as_a_stream(
    place: str, stored: Stored, client_of: Callable[..., Client]
) -> None:
    screening = make.draft()
    by, clip = make.person(screening), make.clip_of(screening, "smile")
    upload = uploads.create(by=by, clip=clip, mime_type="video/webm")
    for start in range(0, len(LARGE), 5_000_000):
        part = LARGE[start : start + 5_000_000]
        uploads.append(by=by, upload=upload, offset=start, data=io.BytesIO(part))
    digest = hashlib.sha256(LARGE).hexdigest()
    clip = uploads.complete(by=by, upload=upload, size=len(LARGE), sha256=digest, announced={})
    assert stored() == [clip.storage_key]
    with default_storage.open(clip.storage_key) as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == digest

    where = f"/api/v1/clips/{clip.pk}/video/"
    video = client_of(by).get(where, follow=True, HTTP_RANGE="bytes=2999999-3000000")
    assert (video.status_code, video.content) == (206, b"\x00\x01")
    erasure.erase_patient(by=make.AdminFactory(), patient=screening.patient)
    assert erasure.erase_files(patient_id=screening.patient.pk)
    assert stored() == []


def test_a_wrong_hash_leaves_nothing(place: str, stored: Stored) -> None:
    screening = make.draft()
    by, clip = make.person(screening), make.clip_of(screening, "smile")
    upload = uploads.create(by=by, clip=clip)
    uploads.append(by=by, upload=upload, offset=0, data=b"some")
    with pytest.raises(make.Invalid):
        uploads.complete(by=by, upload=upload, size=4, sha256="0" * 64, announced={})
    assert stored() == []


def test_a_taken_key_is_not_overwritten_in_silence(stored: Stored) -> None:
    store.put("patients/k", io.BytesIO(b"first"))
    with pytest.raises(FileExistsError):
        store.put("patients/k", io.BytesIO(b"second"))
    assert stored() == ["patients/k"]
    assert store.read_range("patients/k", 0, 9) == b"first"


def test_storages_are_per_test() -> None:
    default_storage.save("patients/x", ContentFile(b""))
    assert list(storages["default"].listdir("patients")[1]) == ["x"]


def test_a_listing_is_in_order_and_goes_on_anywhere(place: str) -> None:
    """Folders sort as their keys do: ``a-b`` before ``a/b`` before ``a0``, on a disk as on S3."""
    keys = ["patients/a-b", "patients/a/b", "patients/a/c/d", "patients/a0", "patients/b/a"]
    for key in reversed(keys):
        store.put(key, io.BytesIO(b"x"))
    assert [one.key for one in listing.objects()] == keys
    for number, key in enumerate(keys):
        assert [one.key for one in listing.objects(after=key)] == keys[number + 1 :]
    assert [one.key for one in listing.objects(after="patients/a/bb")] == keys[2:]
    assert [one.key for one in listing.objects("patients/a/")] == keys[1:3]


def test_deletions_are_written_down(place: str, caplog: pytest.LogCaptureFixture) -> None:
    store.put("patients/a/one", io.BytesIO(b"x"))
    store.put("patients/a/two", io.BytesIO(b"x"))
    with caplog.at_level("INFO"):
        store.remove("patients/a/one", why="for a test")
        store.remove_folder("patients/a", why="patient erased")
    assert "patients/a/one (for a test)" in caplog.text
    assert "patients/a/two (patient erased)" in caplog.text
