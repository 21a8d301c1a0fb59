"""What passes by itself is answered 503 or 507, in words and with Retry-After: API, tus and pages.

The faults are real: a database that another connection holds, one that may not grow, a full device.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import OperationalError, connection, connections
from django.http import HttpRequest, HttpResponse
from django.urls import path
from pytest_django import Settings

from screening import faults
from screening.errors import NoRoom, StoreAway, Unavailable
from screening.models import Clip, Event, Upload
from screening.services import uploads
from tests.screening import factories as make
from tests.screening.conftest import Client
from tests.servers import free_port

TUS = {"HTTP_TUS_RESUMABLE": "1.0.0"}
OCTETS = "application/offset+octet-stream"


def touch_the_session(request: HttpRequest) -> HttpResponse:
    """The view succeeds; the session's middleware has something to save."""
    request.session["seen"] = True
    return HttpResponse("fine")


urlpatterns = [path("touch/", touch_the_session)]


@contextmanager
def held_by_another() -> Iterator[None]:
    """Somebody else writes, for longer than anybody here is ready to wait."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 20")
    with closing(sqlite3.connect(connection.settings_dict["NAME"])) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
    connection.close()


@contextmanager
def without_room() -> Iterator[None]:
    """The database file may not grow by a page."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA page_count")
        pages = cursor.fetchone()[0]
        cursor.execute(f"PRAGMA max_page_count = {pages}")
    yield
    connection.close()


@contextmanager
def answer_lost(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The next commit is done, and its answer never comes: the line to the database was cut."""
    with monkeypatch.context() as cut:

        def commit() -> None:
            cut.undo()
            connection.commit()
            raise OperationalError("server closed the connection unexpectedly")

        cut.setattr(connection, "commit", commit)
        yield
    assert "commit" not in vars(connection), "something was committed"


@pytest.fixture
def clip() -> Clip:
    return make.clip_of(make.draft(), "smile")


@pytest.fixture
def patient(clip: Clip, client_of: Callable[..., Client]) -> Client:
    client = client_of(make.person(clip.screening))
    client.raise_request_exception = False
    return client


def create(client: Client, clip: Clip) -> Any:
    return client.post(f"/api/v1/clips/{clip.pk}/uploads/", HTTP_UPLOAD_DEFER_LENGTH="1", **TUS)


def check_json(answer: Any, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    assert answer.json()["detail"].endswith(".")
    assert int(answer["Retry-After"]) > 0
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_busy_database_is_503_for_api_and_tus(patient: Client, clip: Clip) -> None:
    upload = uploads.create(by=make.person(clip.screening), clip=clip)
    before = Event.objects.count()
    with held_by_another():
        check_json(patient.post("/api/v1/consents/withdraw/"), 503, "unavailable")
        for answer in (
            create(patient, clip),
            patient.patch(
                f"/api/v1/uploads/{upload.pk}/",
                make.VIDEO,
                content_type=OCTETS,
                HTTP_UPLOAD_OFFSET="0",
                **TUS,
            ),
        ):
            check_json(answer, 503, "unavailable")
            assert answer["Tus-Resumable"] == "1.0.0"
        assert patient.get("/api/v1/me/").status_code == 200, "reading goes on"
    assert Event.objects.count() == before
    assert Upload.objects.get().offset == 0
    assert create(patient, clip).status_code == 201, "it recovers by itself"


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.parametrize("debug", [False, True])
def test_busy_database_is_503_for_pages_and_their_middlewares(
    patient: Client, settings: Settings, debug: bool
) -> None:
    settings.DEBUG = debug
    with held_by_another():
        view = patient.post("/consent/withdraw/")
    settings.ROOT_URLCONF = __name__
    with held_by_another():
        saved_late = patient.get("/touch/")
    for answer in (view, saved_late):
        assert answer.status_code == 503
        assert int(answer["Retry-After"]) > 0
        assert "Nothing is lost by waiting" in answer.content.decode()
        assert "locked" not in answer.content.decode()
    assert patient.get("/touch/").status_code == 200


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_full_database_is_507_and_reading_goes_on(patient: Client, clip: Clip) -> None:
    with without_room():
        answers = [create(patient, clip) for _ in range(30)]
        full = [answer for answer in answers if answer.status_code != 201]
        assert full, "thirty uploads fitted into pages that were there"
        for answer in full:
            check_json(answer, 507, "no_room")
        assert patient.get("/api/v1/screenings/").status_code == 200
    assert create(patient, clip).status_code == 201


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_commit_whose_answer_is_lost_loses_no_file(
    clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    by = make.person(clip.screening)
    upload = uploads.create(by=by, clip=clip)
    with answer_lost(monkeypatch), pytest.raises(OperationalError):
        uploads.append(by=by, upload=upload, offset=0, data=make.VIDEO)
    sha256 = hashlib.sha256(make.VIDEO).hexdigest()
    with answer_lost(monkeypatch):
        received = uploads.complete(
            by=by, upload=upload, size=len(make.VIDEO), sha256=sha256, announced={}
        )
    with default_storage.open(received.storage_key) as file:
        assert file.read() == make.VIDEO


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_wrong_statement_stays_our_own_fault() -> None:
    with pytest.raises(OperationalError) as raised, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM no_such_table")
    assert faults.passing(raised.value) is None


def test_database_that_is_away(settings: Settings) -> None:
    away = {
        **connections["default"].settings_dict,
        "ENGINE": "django.db.backends.postgresql",
        "HOST": "127.0.0.1",
        "PORT": str(free_port()),
        "NAME": "away",
        "OPTIONS": {},
    }
    connections.settings["away"] = away
    try:
        with (
            pytest.raises(OperationalError) as raised,
            connections["away"].wrap_database_errors,
        ):
            connections["away"].connect()
    finally:
        del connections["away"], connections.settings["away"]
    assert type(faults.passing(raised.value)) is Unavailable


def test_disk_and_connection_faults() -> None:
    with pytest.raises(OSError, match="No space left") as full:
        Path("/dev/full").write_bytes(b"x")
    assert isinstance(faults.passing(full.value), NoRoom)
    assert type(faults.passing(ConnectionResetError())) is Unavailable
    assert type(faults.passing(TimeoutError())) is Unavailable
    for ours in (FileNotFoundError(), PermissionError(), ValueError(), KeyError("x")):
        assert faults.passing(ours) is None


def test_store_faults() -> None:
    from botocore.exceptions import ClientError, ConnectTimeoutError

    def said(status: int, code: str) -> ClientError:
        metadata: Any = {"HTTPStatusCode": status}
        return ClientError({"Error": {"Code": code}, "ResponseMetadata": metadata}, "PutObject")

    assert isinstance(faults.passing(said(507, "InsufficientStorage")), NoRoom)
    assert isinstance(faults.passing(said(403, "QuotaExceeded")), NoRoom)
    assert type(faults.passing(said(503, "SlowDown"))) is StoreAway
    assert type(faults.passing(ConnectTimeoutError(endpoint_url="x"))) is StoreAway
    assert faults.passing(said(404, "NoSuchKey")) is None
    assert faults.passing(said(403, "AccessDenied")) is None
