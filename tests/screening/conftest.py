"""Clients that commit as the site does."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import TestCase
from rest_framework.test import APIClient

from screening.models import User
from screening.services import listing


class Client(APIClient):
    """Runs what was to happen after the commit, as every request of the real site does."""

    def request(self, **kwargs: Any) -> Any:
        with TestCase.captureOnCommitCallbacks(execute=True):
            return super().request(**kwargs)


@pytest.fixture
def stored() -> Callable[[], list[str]]:
    """What lies in the store, by listing it."""
    return lambda: [one.key for one in listing.objects()]


@pytest.fixture
def client_of() -> Callable[[User | None], Client]:
    """A client that is logged in as this user; None for nobody."""

    def make(user: User | None) -> Client:
        client = Client(raise_request_exception=True)
        if user is not None:
            client.force_login(user)
        return client

    return make
