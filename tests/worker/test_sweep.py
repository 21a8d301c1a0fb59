"""``manage.py sweep``: enqueues what is due from a console, where that can reach the queue."""

from typing import Any

import pytest
from celery import current_app
from django.core.management import CommandError, call_command

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
