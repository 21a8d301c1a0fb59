"""``manage.py sweep``: enqueues what is due from a console, where that can reach the queue."""

from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.contrib.sessions.models import Session as BrowserSession
from django.core.management import CommandError, call_command
from django.utils import timezone

from screening.errors import StoreAway
from screening.models import Clip
from tests.worker.people import Session
from worker import sweeper

pytestmark = pytest.mark.django_db


def test_what_is_due_is_enqueued_now(
    session: Session, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.WORKER_IN_PROCESS = False
    clip = session.send("smile")
    assert clip.state == Clip.State.RECEIVED
    with current_app.connection_for_write() as broker:
        broker.default_channel.queue_purge("measure")
        call_command("sweep")
        assert sweeper.waiting("measure") == 1
        broker.default_channel.queue_purge("measure")
    assert "1 enqueued" in capsys.readouterr().out


def test_on_one_machine_it_says_that_the_site_sweeps_by_itself(settings: Any) -> None:
    settings.WORKER_IN_PROCESS = True
    with pytest.raises(CommandError, match="by itself"):
        call_command("sweep")


def test_a_chore_that_fails_keeps_no_other_from_being_done(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With the store away, sessions that are over still go."""

    def store_is_away() -> None:
        raise StoreAway

    monkeypatch.setattr(sweeper, "CHORES", (store_is_away, *sweeper.CHORES))
    over = timezone.now() - timedelta(days=1)
    BrowserSession.objects.create(session_key="over", session_data="", expire_date=over)
    sweeper.sweep()
    assert not BrowserSession.objects.exists()
    assert "store_is_away failed" in caplog.text
