"""The survey of the store: quarantine first, deletion late and little, and never in silence."""

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.core.files.storage import default_storage
from django.db.models import CharField
from django.test import Client as Browser
from django.utils import timezone
from pytest_django import Settings

from screening.models import Installation, QuarantinedObject, StoreSurvey, Upload
from screening.services import known, listing, store, uploads
from screening.services import survey as surveys
from tests.screening import factories as make

pytestmark = pytest.mark.django_db
Stored = Callable[[], list[str]]
NOW = timedelta(0)


def look(**changes: Any) -> StoreSurvey:
    survey = surveys.advance(**{"anew": True, "age": NOW, **changes})
    assert survey is not None
    return survey


def wait(days: float) -> None:
    """Let this time pass for what is in quarantine."""
    for row in QuarantinedObject.objects.all():
        row.first_seen_at -= timedelta(days=days)
        row.save()


def orphan() -> str:
    """What a crash between storing and counting leaves beside an upload that goes on."""
    clip = make.clip_of(make.draft(), "smile")
    by = make.person(clip.screening)
    upload = uploads.create(by=by, clip=clip)
    uploads.append(by=by, upload=upload, offset=0, data=b"some of it")
    key = store.chunk_key(upload, 10)
    store.put(key, io.BytesIO(b"not counted"))
    return key


def test_a_leftover_is_listed_waits_and_is_deleted(
    place: str, stored: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    key = orphan()
    kept = [one for one in stored() if one != key]
    assert look(age=surveys.ORPHAN_AGE).unknown == 0
    survey = look()
    assert (survey.objects_seen, survey.unknown, survey.deleted, survey.held) == (2, 1, 0, "")
    row = QuarantinedObject.objects.get()
    assert (row.key, row.size) == (key, len(b"not counted"))
    wait(29.9)
    assert look().deleted == 0
    assert key in stored()
    wait(0.2)
    with caplog.at_level("INFO"):
        assert look().deleted == 1
    assert stored() == kept
    assert f"{key} (without a row for 30 days)" in caplog.text
    assert QuarantinedObject.objects.get().deleted_at is not None
    assert look().unknown == 0
    upload = Upload.objects.get()
    uploads.append(by=make.person(upload.clip.screening), upload=upload, offset=10, data=b"rest")


def test_what_gets_its_row_after_all_is_no_leftover(stored: Stored) -> None:
    key = orphan()
    look()
    upload = Upload.objects.get()
    upload.chunks.create(offset=10, size=11, storage_key=key)
    wait(40)
    assert surveys.delete(surveys.in_quarantine(), why="test") == 0
    look()
    assert key in stored()
    assert not QuarantinedObject.objects.exists()


def test_a_database_that_changes_under_a_survey_stops_its_deletions(stored: Stored) -> None:
    key = orphan()
    look()
    Installation.objects.update(identity=uuid4())
    assert surveys.delete(surveys.in_quarantine(), why="test") == 0
    assert key in stored()
    assert QuarantinedObject.objects.get().deleted_at is None


def test_what_is_gone_is_not_listed_any_more() -> None:
    default_storage.delete(key := orphan())
    store.put(key, io.BytesIO(b"x"))
    look()
    store.remove(key, why="test")
    assert look().unknown == 0
    assert not QuarantinedObject.objects.exists()


def test_too_many_are_held_and_said(
    stored: Stored, settings: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: Any
) -> None:
    """A share or a number that no fault of ours could leave: somebody has to look."""
    monkeypatch.setattr(surveys, "ALWAYS_ALLOWED", 2)
    settings.CLEANER_MAX_SHARE = 0.5
    orphan()
    for number in range(3):
        store.put(f"patients/x/{number}", io.BytesIO(b"x"))
    look()
    wait(40)
    before = stored()
    survey = look()
    assert survey.deleted == 0
    assert "4 of 5 stored objects have no row (at most 2" in survey.held
    assert "nothing is deleted" in caplog.text
    assert stored() == before
    answer = Browser().get("/readyz").json()
    assert answer["checks"]["cleaner"] == survey.held

    settings.CLEANER_MAX_SHARE, settings.CLEANER_MAX_OBJECTS = 1.0, 3
    assert "at most 3" in look().held
    settings.CLEANER_MAX_OBJECTS = 4
    assert look().deleted == 4
    assert Browser().get("/readyz").json()["checks"]["cleaner"] == "ok"


def test_it_goes_on_where_it_stopped(place: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(known, "PAGE", 2)
    for number in range(5):
        store.put(f"patients/x/{number}", io.BytesIO(b"x"))
    first = look(seconds=-1.0)
    assert (first.finished_at, first.objects_seen, first.position) == (None, 2, "patients/x/1")
    assert surveys.is_due()
    second = look(seconds=-1.0)
    assert (second.pk, second.objects_seen) == (first.pk, 4)
    third = look()
    assert (third.pk, third.objects_seen, third.unknown) == (first.pk, 5, 5)
    assert third.finished_at is not None


def test_one_process_at_a_time_once_a_day(settings: Settings) -> None:
    assert surveys.is_due()
    other = StoreSurvey.objects.create(lease_until=timezone.now() + surveys.LEASE)
    assert not surveys.is_due()
    assert surveys.advance() is None
    StoreSurvey.objects.update(lease_until=timezone.now())
    assert surveys.is_due()
    taken_up = surveys.advance()
    assert taken_up is not None
    assert taken_up.pk == other.pk
    assert surveys.advance() is None
    StoreSurvey.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert surveys.is_due()


def test_a_page_costs_few_questions(django_assert_max_num_queries: Any) -> None:
    """However many objects: three questions and a few writes for each five hundred."""
    make.send(make.clip_of(make.draft(), "smile"))
    page = [*listing.objects()] * 400
    with django_assert_max_num_queries(6):
        surveys.compare(page, age=NOW)


def test_every_column_that_names_an_object_is_known() -> None:
    """Fails when a model gains a file that the survey would take for a leftover."""
    named = {
        (model, field.name)
        for model in apps.get_app_config("screening").get_models()
        for field in model._meta.get_fields()
        if isinstance(field, CharField) and field.name.endswith("_key")
    }
    assert named == set(known.COLUMNS), "list it in services.known.COLUMNS, with an index"
    for model, column in known.COLUMNS:
        indexed = {name for index in model._meta.indexes for name in index.fields[:1]}
        assert column in indexed, f"{model.__name__}.{column} has no index"
