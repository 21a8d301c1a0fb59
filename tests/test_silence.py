"""Nothing waits without end: store, mail, database and queue that take a call and never answer."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from celery import Celery
from django.core import mail
from django.db import OperationalError, transaction
from django.db.utils import ConnectionHandler
from django.test import Client as Browser
from django.utils import timezone
from pytest_django import Settings

from screening import queue
from screening.errors import StoreAway
from screening.models import Invitation, User
from screening.services import measuring, store, uploads
from tests.screening import factories as make
from tests.screening.conftest import Client
from tests.servers import free_port, wait_for
from tests.silence import within
from webapp import health, outward
from worker import steps
from worker.process import MeasuringProcess

ROOT = Path(__file__).resolve().parents[1]
#: Short limits, so that the tests are quick; that there are any is what counts.
SHORT = 0.5
S3 = outward.STORE_TRIES * SHORT


@pytest.fixture
def silent_store(
    silent: int, settings: Settings, clips_folder: Path
) -> Iterator[Callable[[], Any]]:
    """Until it is called everything is in a folder; then the store falls silent."""
    options = {
        "bucket_name": "clips",
        "endpoint_url": f"http://127.0.0.1:{silent}",
        "access_key": "key",
        "secret_key": "secret",
        "region_name": "us-east-1",
        "file_overwrite": True,
        **outward.s3(SHORT),
    }

    def fall_silent() -> None:
        settings.STORAGES = {
            **settings.STORAGES,
            "default": {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options},
        }

    return fall_silent


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@contextmanager
def silent_mail(port: int, settings: Settings) -> Iterator[None]:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.EMAIL_TIMEOUT = SHORT
    yield
    assert not getattr(mail, "outbox", [])


@pytest.mark.django_db
class TestStore:
    def test_each_call_ends(self, silent_store: Callable[[], None], tmp_path: Path) -> None:
        silent_store()
        calls: list[Callable[[], Any]] = [
            lambda: store.fetch("patients/a", tmp_path / "file"),
            lambda: store.size("patients/a"),
            lambda: store.read_range("patients/a", 0, 10),
            lambda: store.put("patients/a", (tmp_path / "new").open("w+b")),
        ]
        for call in calls:
            with within(S3), pytest.raises(StoreAway):
                call()

    def test_a_chunk_is_answered_in_words_and_can_be_sent_again(
        self, silent_store: Callable[[], None]
    ) -> None:
        clip = make.clip_of(make.draft(), "smile")
        by = make.person(clip.screening)
        upload = uploads.create(by=by, clip=clip, mime_type="video/webm")
        silent_store()
        with within(S3):
            answer = client_of(by).patch(
                f"/api/v1/uploads/{upload.pk}/",
                b"film",
                content_type="application/offset+octet-stream",
                headers={"Tus-Resumable": "1.0.0", "Upload-Offset": "0"},
            )
        assert answer.status_code == 503
        assert answer.json()["code"] == "store_away"
        assert int(answer["Retry-After"]) > 0
        upload.refresh_from_db()
        assert (upload.state, upload.offset) == ("open", 0)

    def test_measuring_is_no_attempt_of_the_clip(self, silent_store: Callable[[], None]) -> None:
        clip = make.send(make.clip_of(make.draft(), "smile"))
        claim = measuring.claim_clip(clip_id=clip.pk, seconds=60)
        assert claim is not None
        silent_store()
        with within(S3):
            assert steps._attempt(MeasuringProcess(), claim) is None
        clip.refresh_from_db()
        assert (clip.state, clip.attempts) == ("received", 0)
        assert clip.claimed_until is not None
        assert clip.claimed_until > timezone.now()

    def test_deleting_waits_once(self, silent_store: Callable[[], None]) -> None:
        silent_store()
        with within(S3):
            store.remove(*(f"patients/{n}" for n in range(50)), why="a test")


@pytest.mark.django_db
class TestMail:
    def test_an_invitation_is_made_and_says_that_it_was_not_mailed(
        self, silent: int, settings: Settings
    ) -> None:
        site = make.SiteFactory()
        client = client_of(make.ClinicianFactory(site=site))
        fields = {"site": str(site.pk), "name": "Ada", "email": "ada@example.org"}
        with silent_mail(silent, settings), within(SHORT):
            page = client.post("/clinic/invite/", fields)
        assert Invitation.objects.count() == 1
        assert "could not be sent" in page.content.decode()

    def test_a_new_password_is_asked_for(self, silent: int, settings: Settings) -> None:
        user = make.UserFactory()
        with silent_mail(silent, settings), within(SHORT):
            page = Browser().post("/accounts/password/reset/", {"email": user.email})
            unknown = Browser().post("/accounts/password/reset/", {"email": "no@example.org"})
        assert page.status_code == unknown.status_code == 302, "who has an account is not told"

    def test_by_default_there_is_a_limit(self, settings: Settings) -> None:
        assert 0 < settings.EMAIL_TIMEOUT <= 10


@pytest.mark.django_db
def test_a_database_connection(silent: int) -> None:
    database = {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": "127.0.0.1",
        "PORT": silent,
        "NAME": "mimia",
        "USER": "mimia",
        "OPTIONS": outward.postgresql(),
    }
    connection = ConnectionHandler({"default": database})["default"]
    with within(outward.CONNECT_SECONDS), pytest.raises(OperationalError):
        connection.ensure_connection()


@pytest.mark.distributed
def test_statements_of_the_site_are_bounded(postgresql: Any) -> None:
    url = postgresql.create_database("bounded")
    code = (
        "import webapp.asgi\nfrom django.db import connection\n"
        "cursor = connection.cursor()\n"
        "names = ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout')\n"
        "print([cursor.execute(f'show {n}').fetchone()[0] for n in names])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url, "MIMIA_STATEMENT_SECONDS": "8"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "['8s', '4s', '16s']"


@pytest.mark.django_db
def test_a_hint_is_given_up_soon_and_the_next_one_at_once(
    silent: int, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = Celery("silent", broker=f"redis://127.0.0.1:{silent}/0", set_as_current=False)
    app.conf.broker_transport_options = outward.redis(SHORT)
    app.conf.task_publish_retry_policy = settings.CELERY_TASK_PUBLISH_RETRY_POLICY
    app.conf.broker_connection_timeout = settings.CELERY_BROKER_CONNECTION_TIMEOUT
    monkeypatch.setattr(queue, "current_app", app)
    monkeypatch.setattr(queue, "_silent_until", 0.0)
    with within(3 * SHORT), make.committed(), transaction.atomic():
        queue.enqueue_on_commit(queue.MEASURE_CLIP, "1")
    assert queue._silent_until > 0
    with make.committed(), transaction.atomic(), within(0.0):
        for number in range(200):
            queue.enqueue_on_commit(queue.MEASURE_CLIP, str(number))


class TestReadiness:
    def test_a_check_that_hangs_is_named_and_asked_once(self) -> None:
        go_on, asked = threading.Event(), []

        def hang() -> None:
            asked.append(1)
            go_on.wait(60)

        probe = health.Probe("store", hang)
        for _ in range(5):
            probe.begin()
            assert "no answer within" in probe.result(deadline=0.0)
        assert asked == [1]
        go_on.set()
        wait_for(probe._answered.is_set, "the check has ended")
        probe.begin()
        assert probe.result(deadline=float("inf")) == "ok"

    @pytest.mark.distributed
    def test_the_site_with_everything_silent(self, silent: int, tmp_path: Path) -> None:
        port = free_port()
        environment = {
            **os.environ,
            "MIMIA_VAR": str(tmp_path),
            "DATABASE_URL": f"postgres://mimia@127.0.0.1:{silent}/mimia",
            "REDIS_URL": f"redis://127.0.0.1:{silent}/0",
            "MIMIA_S3_BUCKET": "clips",
            "MIMIA_S3_ENDPOINT": f"http://127.0.0.1:{silent}",
            "MIMIA_S3_ACCESS_KEY": "key",
            "MIMIA_S3_SECRET_KEY": "secret",
        }
        command = [sys.executable, "manage.py", "serve", "--port", str(port)]
        with (tmp_path / "log").open("w") as log:
            site = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        url = f"http://127.0.0.1:{port}"

        def threads() -> int:
            status = Path(f"/proc/{site.pid}/status").read_text()
            return int(status.split("Threads:")[1].split()[0])

        def alive() -> bool:
            assert site.poll() is None, (tmp_path / "log").read_text()
            try:
                return requests.get(f"{url}/healthz", timeout=30).ok
            except requests.RequestException:
                return False

        try:
            wait_for(alive, "the site is up")
            found: dict[str, str] = {}
            counts = []
            for _ in range(4):
                with within(health.ANSWER_SECONDS):
                    answer = requests.get(f"{url}/readyz", timeout=120)
                found = answer.json()["checks"]
                counts.append(threads())
            assert answer.status_code == 503
            assert set(found) == set(health.CHECKS)
            # There is room on the disk of this machine.
            assert [name for name, said in found.items() if said == "ok"] == ["room"], found
            assert counts[-1] <= counts[0] + len(health.CHECKS), counts
            with within(2 * outward.CONNECT_SECONDS):
                page = requests.get(f"{url}/accounts/login/", timeout=120)
            assert page.status_code in (200, 503)
            with within(2 * outward.CONNECT_SECONDS):
                told = requests.get(
                    f"{url}/api/v1/me/", cookies={"sessionid": "x" * 32}, timeout=120
                )
            assert told.status_code == 503, told.text
            assert told.headers["Retry-After"]
        finally:
            site.kill()
            site.wait()
