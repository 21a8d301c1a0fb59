"""``/readyz`` names what is missing, and does not stand in the way of itself."""

from typing import Any

import pytest
from django.test import Client

from screening.models import ModelBundle
from webapp import health

pytestmark = pytest.mark.django_db


def test_without_a_worker_or_a_bundle_it_is_not_ready(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    found = answer.json()["checks"]
    assert found["worker"] == "no worker answers"
    assert "register_bundle" in found["bundle"]
    assert found["database"] == found["storage"] == found["queue"] == "ok"


def test_a_store_that_cannot_be_written_is_named_without_its_address(
    client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    from django.core.files.storage import FileSystemStorage

    (tmp_path / "file").write_text("in the way")
    broken = FileSystemStorage(location=tmp_path / "file" / "clips")
    monkeypatch.setattr(health, "default_storage", broken)
    found = client.get("/readyz").json()["checks"]
    assert found["storage"].startswith("failed: ")
    assert str(tmp_path) not in found["storage"]


def test_an_active_bundle_is_enough_for_its_check() -> None:
    ModelBundle.objects.create(name="b", version="1", digest="d", path="p", status="active")
    health._bundle()
