"""Store and database carry one id: together from the start, adopted at an update, else refused."""

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.test import Client as Browser

from screening.errors import StoreRefused
from screening.models import Clip, Installation, QuarantinedObject, Screening, Upload, UploadChunk
from screening.services import (
    erased,
    erasure,
    installation,
    listing,
    mark,
    measuring,
    store,
    uploads,
)
from screening.services import survey as surveys
from tests.screening import factories as make

pytestmark = pytest.mark.django_db
Stored = Callable[[], list[str]]


def another_database() -> None:
    """What is left when the database was removed and made anew: the tables, and another id."""
    for model in (UploadChunk, Upload, Clip, Screening):
        model._default_manager.all().delete()
    Installation.objects.all().delete()
    installation._last.clear()


def from_before_there_were_ids() -> None:
    """The same pair as code without ids left it."""
    default_storage.delete(mark.KEY)
    Installation.objects.update(bound_at=None)
    installation._last.clear()


def ready(name: str) -> str:
    return str(Browser().get("/readyz").json()["checks"][name])


def test_a_new_pair_is_bound_by_its_first_recording(place: str) -> None:
    assert mark.read() is None
    make.send(make.clip_of(make.draft(), "smile"))
    found = mark.read()
    assert found is not None
    assert found.identity == installation.this().identity
    assert installation.this().bound_at is not None
    assert installation.check_now() is installation.ONE
    assert ready("installation") == "ok"


def test_a_new_database_deletes_nothing_of_an_old_store(
    place: str, stored: Stored, caplog: pytest.LogCaptureFixture, settings: Any
) -> None:
    """Seen: the database removed, the site started, and every clip was gone within seconds."""
    settings.QUARANTINE_DAYS = 0
    make.send(make.clip_of(make.draft(), "smile"))
    before = stored()
    for forget_ids in (False, True):
        if forget_ids:
            default_storage.delete(mark.KEY)
        another_database()
        for _ in range(3):
            assert surveys.advance(anew=True, age=timedelta(0)) is None
            assert uploads.sweep() == 0
        assert stored() == before
        assert "store" in ready("installation")
        assert "adopt_store" in ready("installation")
        assert any(one.levelname == "ERROR" for one in caplog.records)
        caplog.clear()


def test_a_site_whose_store_is_anothers_takes_no_recordings(stored: Stored) -> None:
    make.send(make.clip_of(make.draft(), "smile"))
    another_database()
    before = stored()
    screening = make.draft()
    by, clip = make.person(screening), make.clip_of(screening, "smile")
    with pytest.raises(StoreRefused) as refused:
        uploads.create(by=by, clip=clip)
    assert (refused.value.status, refused.value.code) == (503, "store_refused")
    with pytest.raises(StoreRefused):
        store.put("patients/x", io.BytesIO(b"x"))
    store.remove(*before, why="nobody should")
    erasure.erase_patient(by=make.AdminFactory(), patient=screening.patient)
    with pytest.raises(StoreRefused):
        erasure.erase_files(patient_id=screening.patient_id)
    assert stored() == before


def test_the_patient_is_told_to_wait(client_of: Callable[..., Any]) -> None:
    make.send(make.clip_of(make.draft(), "smile"))
    another_database()
    screening = make.draft()
    clip = make.clip_of(screening, "smile")
    answer = client_of(make.person(screening)).post(
        f"/api/v1/clips/{clip.pk}/uploads/", HTTP_TUS_RESUMABLE="1.0.0", HTTP_UPLOAD_LENGTH="5"
    )
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert "kept safe" in answer.json()["detail"]


def test_a_store_that_is_not_mounted_fails_no_clip(clips_folder: Any) -> None:
    clip = make.send(make.clip_of(make.draft(), "smile"))
    away = clips_folder.rename(clips_folder.with_name("elsewhere"))
    installation._last.clear()
    assert measuring.claim_clip(clip_id=clip.pk, seconds=60) is None
    assert "mounted" in installation.check_now().words
    with pytest.raises(StoreRefused):
        store.put("patients/x", io.BytesIO(b"x"))
    away.rename(clips_folder)
    installation._last.clear()
    assert measuring.claim_clip(clip_id=clip.pk, seconds=60) is not None


def test_an_update_adopts_the_pair_it_finds(place: str, stored: Stored) -> None:
    make.send(make.clip_of(make.draft(), "smile"))
    from_before_there_were_ids()
    assert installation.check_now() is installation.ONE
    assert mark.read() is not None


def test_a_lost_store_is_not_taken_for_a_new_one(clips_folder: Any) -> None:
    clip = make.send(make.clip_of(make.draft(), "smile"))
    from_before_there_were_ids()
    default_storage.delete(clip.storage_key)
    assert installation.check_now() is installation.EMPTY
    assert mark.read() is None


def test_a_mark_that_cannot_be_read_is_said(clips_folder: Any) -> None:
    make.send(make.clip_of(make.draft(), "smile"))
    for content in ("", "[]", "{}", '{"installation": "x", "generation": 1}'):
        (clips_folder / mark.KEY).write_text(content)
        assert installation.check_now() is installation.MARK_UNREADABLE


def test_an_operator_may_say_that_they_go_together(
    place: str, stored: Stored, capsys: pytest.CaptureFixture[str], settings: Any
) -> None:
    settings.QUARANTINE_DAYS = 30
    make.send(make.clip_of(make.draft(), "smile"))
    before = stored()
    another_database()
    with pytest.raises(SystemExit) as ended:
        call_command("adopt_store")
    assert ended.value.code == 1
    assert installation.check_now() is installation.OTHER
    call_command("adopt_store", "--yes")
    assert installation.check_now() is installation.ONE
    assert "1 objects without a row stay where they are" in capsys.readouterr().out
    surveys.advance(anew=True, age=timedelta(0))
    assert stored() == before
    call_command("adopt_store")
    assert "nothing to do" in capsys.readouterr().out


def test_both_count_up_the_database_first(place: str) -> None:
    make.send(make.clip_of(make.draft(), "smile"))
    installation.count_up()
    installation.count_up()
    found = mark.read()
    assert found is not None
    assert found.generation == installation.this().generation == 1


def test_who_counts_up_while_another_looks_makes_no_alarm(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.send(make.clip_of(make.draft(), "smile"))
    read = mark.read

    def meanwhile() -> mark.Mark | None:
        monkeypatch.undo()
        installation.count_up()
        return read()

    monkeypatch.setattr(mark, "read", meanwhile)
    assert installation.check_now() is installation.ONE
    found = mark.read()
    assert found is not None
    assert found.generation == 1


def test_an_older_database_is_known_and_deletes_nothing(
    place: str, stored: Stored, settings: Any
) -> None:
    """An old backup, or one that lost its last transactions, in front of a newer store."""
    settings.QUARANTINE_DAYS = 0
    screening = make.draft()
    make.send(make.clip_of(screening, "smile"))
    installation.count_up()
    Installation.objects.update(generation_at=None)
    old = installation.this().generation
    installation.count_up()
    make.send(make.clip_of(screening, "rest"))
    before = stored()

    Installation.objects.update(generation=old, generation_at=None)
    forgotten = make.clip_of(screening, "rest")
    forgotten.uploads.all().delete()
    forgotten.delete()
    installation._last.clear()
    for _ in range(3):
        surveys.advance(anew=True, age=timedelta(0))
        installation.count_up()
    assert installation.check_now() is installation.BEHIND
    assert stored() == before
    assert list(QuarantinedObject.objects.values_list("key", flat=True)) == [forgotten.storage_key]
    assert "older than its store" in ready("installation")
    # Recordings are still taken in: their keys are new, nothing is overwritten.
    make.send(make.clip_of(make.draft(), "smile"))

    settings.QUARANTINE_DAYS = 30
    call_command("adopt_store", "--yes")
    assert installation.check_now() is installation.ONE
    surveys.advance(anew=True, age=timedelta(0))
    assert forgotten.storage_key in stored()


def test_an_older_database_erases_whom_its_store_remembers(place: str) -> None:
    """A backup put in place by hand brings back people who were erased since."""
    screening, other = make.draft(), make.draft()
    make.send(make.clip_of(screening, "smile"))
    erased.mark(screening.patient_id)
    default_storage.save(f"{erased.FOLDER}/.left-by-a-file-manager", ContentFile(b"?"))
    again = erasure.catch_up()
    assert [one.pk for one in again] == [screening.patient_id]
    screening.patient.refresh_from_db()
    other.patient.refresh_from_db()
    assert screening.patient.name == ""
    assert other.patient.name != ""
    assert erasure.catch_up() == []


def test_listing_never_meets_the_mark(place: str) -> None:
    mark.write(mark.Mark(uuid4(), 0))
    assert list(listing.objects()) == []
