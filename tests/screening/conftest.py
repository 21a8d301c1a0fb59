"""A store of its own for each test, and clients that commit as the site does."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.test import TestCase
from pytest_django import Settings
from rest_framework.test import APIClient

from screening.models import User
from screening.services import store


class Client(APIClient):
    """Runs what was to happen after the commit, as every request of the real site does."""

    def request(self, **kwargs: Any) -> Any:
        with TestCase.captureOnCommitCallbacks(execute=True):
            return super().request(**kwargs)


@pytest.fixture(autouse=True)
def clips_folder(tmp_path: Path, settings: Settings) -> Iterator[Path]:
    """Clips go to the test's own folder."""
    folder = tmp_path / "clips"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(folder), "base_url": None},
        },
    }
    yield folder
    assert default_storage is not None


@pytest.fixture
def stored() -> Callable[[], list[str]]:
    """What lies in the store, by listing it."""
    return lambda: sorted(store.listing())


@pytest.fixture
def client_of() -> Callable[[User | None], Client]:
    """A client that is logged in as this user; None for nobody."""

    def make(user: User | None) -> Client:
        client = Client(raise_request_exception=True)
        if user is not None:
            client.force_login(user)
        return client

    return make
