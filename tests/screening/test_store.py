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
from pytest_django import Settings

from screening.errors import NotFound
from screening.services import erasure, store, uploads
from tests.screening import factories as make
from tests.screening.conftest import Client
from tests.servers import ObjectStore

#: More than one part of a multipart upload, in chunks that do not end where the parts do.
LARGE = b"".join(bytes([n]) * 3_000_000 for n in range(4))


def use_s3(object_store: ObjectStore, settings: Settings) -> None:
    given = object_store.create_bucket(f"clips-{timezone.now():%H%M%S%f}")
    options = {
        "bucket_name": given["MIMIA_S3_BUCKET"],
        "endpoint_url": given["MIMIA_S3_ENDPOINT"],
        "access_key": given["MIMIA_S3_ACCESS_KEY"],
        "secret_key": given["MIMIA_S3_SECRET_KEY"],
        "region_name": "us-east-1",
        "addressing_style": "path",
        "file_overwrite": True,
        "default_acl": None,
    }
    backend = "storages.backends.s3.S3Storage"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": backend, "OPTIONS": options},
    }


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.distributed)])
def place(request: pytest.FixtureRequest, settings: Settings) -> str:
    if request.param == "s3":
        use_s3(request.getfixturevalue("object_store"), settings)
    return str(request.param)


def test_put_range_list_and_remove(place: str, tmp_path: Path) -> None:
    store.put("patients/a/one", io.BytesIO(b"0123456789"))
    store.put("patients/a/b/two", io.BytesIO(b"x"))
    store.put("patients/c", io.BytesIO(b"y"))
    assert sorted(store.listing()) == ["patients/a/b/two", "patients/a/one", "patients/c"]
    assert store.size("patients/a/one") == 10
    assert store.read_range("patients/a/one", 2, 3) == b"234"
    assert store.read_range("patients/a/one", 8, 5) == b"89"
    store.fetch("patients/a/one", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"0123456789"
    written = store.modified("patients/a/one")
    assert written is not None
    assert abs(timezone.now() - written) < timedelta(minutes=1)
    assert store.remove_folder("patients/a") == []
    assert sorted(store.listing()) == ["patients/c"]
    store.remove("patients/c", "patients/c", "")
    assert list(store.listing()) == []
    with pytest.raises(NotFound):
        store.size("patients/c")


@pytest.mark.django_db
def test_a_recording_is_joined_as_a_stream(place: str, client_of: Callable[..., Client]) -> None:
    screening = make.draft()
    by, clip = make.person(screening), make.clip_of(screening, "smile")
    upload = uploads.create(by=by, clip=clip, mime_type="video/webm")
    for start in range(0, len(LARGE), 5_000_000):
        part = LARGE[start : start + 5_000_000]
        uploads.append(by=by, upload=upload, offset=start, data=io.BytesIO(part))
    digest = hashlib.sha256(LARGE).hexdigest()
    clip = uploads.complete(by=by, upload=upload, size=len(LARGE), sha256=digest, announced={})
    assert list(store.listing()) == [clip.storage_key]
    with default_storage.open(clip.storage_key) as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == digest

    video = client_of(by).get(f"/api/v1/clips/{clip.pk}/video/", HTTP_RANGE="bytes=2999999-3000000")
    assert (video.status_code, video.content) == (206, b"\x00\x01")
    erasure.erase_patient(by=make.AdminFactory(), patient=screening.patient)
    assert erasure.erase_files(patient_id=screening.patient.pk)
    assert list(store.listing()) == []


@pytest.mark.django_db
def test_a_wrong_hash_leaves_nothing(place: str) -> None:
    screening = make.draft()
    by, clip = make.person(screening), make.clip_of(screening, "smile")
    upload = uploads.create(by=by, clip=clip)
    uploads.append(by=by, upload=upload, offset=0, data=b"some")
    with pytest.raises(make.Invalid):
        uploads.complete(by=by, upload=upload, size=4, sha256="0" * 64, announced={})
    assert list(store.listing()) == []


def test_a_taken_key_is_not_overwritten_in_silence(clips_folder: Path) -> None:
    store.put("patients/k", io.BytesIO(b"first"))
    with pytest.raises(FileExistsError):
        store.put("patients/k", io.BytesIO(b"second"))
    assert list(store.listing()) == ["patients/k"]
    assert store.read_range("patients/k", 0, 9) == b"first"


def test_storages_are_per_test() -> None:
    default_storage.save("patients/x", ContentFile(b""))
    assert list(storages["default"].listdir("patients")[1]) == ["x"]
