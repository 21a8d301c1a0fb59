"""A store of clips for one test alone: a folder, or a bucket on the S3 server of the session."""

from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from tests.servers import ObjectStore
from webapp import outward


@pytest.fixture(autouse=True)
def clips_folder(tmp_path: Path, settings: Settings) -> Path:
    """Clips go to the test's own folder, as its rows go when it ends: the two belong together."""
    folder = tmp_path / "clips"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(folder), "base_url": None},
        },
    }
    return folder


def use_s3(object_store: ObjectStore, settings: Settings) -> None:
    given = object_store.create_bucket(f"clips-{timezone.now():%H%M%S%f}")
    options = {
        "bucket_name": given["MIMIA_S3_BUCKET"],
        "endpoint_url": given["MIMIA_S3_ENDPOINT"],
        "access_key": given["MIMIA_S3_ACCESS_KEY"],
        "secret_key": given["MIMIA_S3_SECRET_KEY"],
        "region_name": "us-east-1",
        "file_overwrite": True,
        "default_acl": None,
        **outward.s3(8.0),
    }
    backend = "storages.backends.s3.S3Storage"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": backend, "OPTIONS": options},
    }


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.distributed)])
def place(request: pytest.FixtureRequest, settings: Settings) -> str:
    """The test runs twice: on a local folder and on S3."""
    if request.param == "s3":
        use_s3(request.getfixturevalue("object_store"), settings)
    return str(request.param)
