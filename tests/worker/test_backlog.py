"""A line of other people's clips: what matters goes first, and what can wait waits."""

import os
import signal
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from screening.models import Clip, Screening, Upload
from screening.services import uploads
from tests.worker.conftest import wait_for
from tests.worker.people import Session
from worker.inprocess import InProcessWorker
from worker.pool import copying_pool, measuring_pool
from worker.sweeper import SweepTimer

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
OTHERS = 6


def waiting() -> int:
    return Clip.objects.filter(state__in=["received", "measuring"]).count()


def measured_meanwhile(session: Session) -> int:
    """How many clips of others were measured while this session waited for its result."""
    row = Screening.objects.get(pk=session.screening.pk)
    others = Clip.objects.exclude(screening=row)
    return others.filter(measured_at__gt=row.submitted_at, measured_at__lt=row.scored_at).count()


def test_results_and_sweeps_do_not_wait_for_other_peoples_clips(
    session: Session, worker: InProcessWorker
) -> None:
    for expression in ("rest", "smile"):
        session.send(expression)
    wait_for(lambda: not waiting())
    others = [session.beside(f"patient{number}@example.org") for number in range(OTHERS)]
    left = uploads.create(by=others[0].user, clip=others[0].clip("rest"))
    Upload.objects.filter(pk=left.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    for other in others[1:]:
        for expression in ("rest", "smile"):
            other.send(expression)

    wait_for(lambda: Clip.objects.filter(state="measuring").exists())
    for pid in measuring_pool().pids():
        os.kill(pid, signal.SIGKILL)
    session.submit()
    timer = SweepTimer()
    timer.start()
    wait_for(lambda: others[0].clip("rest").state == "expected")
    assert waiting(), "the sweep came when all was done"
    timer.stop()
    wait_for(lambda: Screening.objects.get(pk=session.screening.pk).state == "scored")
    assert measured_meanwhile(session) <= settings.MEASURING_PROCESSES, "it waited behind others"

    wait_for(lambda: not waiting())
    states = Clip.objects.exclude(screening=others[0].screening).values_list("state", "attempts")
    assert {state for state, _ in states} == {"measured"}
    assert sum(attempts for _, attempts in states) <= len(states) + 1
    missing = Clip.objects.filter(playback_key="", state="measured")
    wait_for(lambda: not missing.exists())
    assert not set(copying_pool().pids()) & set(measuring_pool().pids())
