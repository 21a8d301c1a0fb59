"""The site's own worker thread: from a received clip to a result, and through every fault."""

import os
import signal
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.core.files.storage import default_storage
from django.utils import timezone

from screening import queue
from screening.models import Assessment, Clip, ClipMeasurement, Event, Screening, Upload
from screening.services import measuring, uploads
from tests.worker.conftest import wait_for
from tests.worker.people import Session
from worker import sweeper
from worker.inprocess import InProcessWorker
from worker.pool import copying_pool, measuring_pool

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def scored(session: Session) -> bool:
    return Screening.objects.get(pk=session.screening.pk).state == Screening.State.SCORED


def state(clip: Clip) -> str:
    return Clip.objects.get(pk=clip.pk).state


def assert_one_result(session: Session) -> None:
    """The whole session, once: a measurement for each clip, one assessment, one event of it."""
    assert ClipMeasurement.objects.count() == 2
    assert Assessment.objects.count() == 1
    told = Event.objects.filter(kind="screening.scored", stream__key__startswith="site:")
    assert told.count() == 1
    numbers = list(Event.objects.filter(stream=told.get().stream).values_list("number", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))


def test_uploads_become_a_result_by_themselves(session: Session, worker: InProcessWorker) -> None:
    session.send("rest")
    clip = session.send("smile")
    session.submit()
    wait_for(lambda: scored(session))
    assert_one_result(session)
    wait_for(lambda: Clip.objects.get(pk=clip.pk).playback_key)
    assert default_storage.exists(Clip.objects.get(pk=clip.pk).playback_key)


def test_the_measuring_process_killed_in_mid_clip_loses_nothing(
    session: Session, worker: InProcessWorker
) -> None:
    clip = session.send("rest")
    wait_for(lambda: state(clip) == "measuring")
    for pid in measuring_pool().pids():
        os.kill(pid, signal.SIGKILL)
    session.send("smile")
    session.submit()
    wait_for(lambda: scored(session))
    assert_one_result(session)


def test_tasks_delivered_twice_give_one_result(session: Session, worker: InProcessWorker) -> None:
    clips = [session.send("rest"), session.send("smile")]
    session.submit()
    for clip in clips * 2:
        current_app.send_task(queue.MEASURE_CLIP, args=[str(clip.pk)])
    wait_for(lambda: scored(session))
    for _ in range(3):
        current_app.send_task(queue.ASSESS_SCREENING, args=[str(session.screening.pk)])
    current_app.send_task(queue.MEASURE_CLIP, args=[str(clips[0].pk)])
    wait_for(lambda: sweeper.waiting() == 0)
    assert_one_result(session)


def test_hints_that_were_lost_are_swept_up(session: Session, worker: InProcessWorker) -> None:
    """The broker was down after the commit: rows are there, and nobody was told."""
    clip = session.send("rest")
    wait_for(lambda: state(clip) == "measured")
    other = session.send("smile")
    wait_for(lambda: state(other) == "measured")
    Clip.objects.filter(pk=other.pk).update(state="received")
    ClipMeasurement.objects.filter(clip=other).delete()
    session.submit()
    assert sweeper.sweep() == 1
    wait_for(lambda: scored(session))
    assert_one_result(session)


def test_what_a_killed_worker_held_is_taken_over(session: Session, worker: InProcessWorker) -> None:
    """A worker killed in mid-clip leaves a claim; once its lease is over the clip is due again."""
    first = session.send("rest")
    wait_for(lambda: state(first) == "measured")
    clip = session.send("smile")
    wait_for(lambda: state(clip) == "measured")
    ClipMeasurement.objects.filter(clip=clip).delete()
    Clip.objects.filter(pk=clip.pk).update(state="received", attempts=0)
    assert measuring.claim_clip(clip_id=clip.pk, seconds=-1) is not None
    session.submit()
    assert state(clip) == "measuring"
    assert sweeper.sweep() == 1
    wait_for(lambda: scored(session))
    assert_one_result(session)


def test_a_playback_copy_whose_hint_was_lost_is_made_up_for(
    session: Session, worker: InProcessWorker
) -> None:
    clip = session.send("rest")
    wait_for(lambda: Clip.objects.get(pk=clip.pk).playback_key)
    an_hour_ago = timezone.now() - timedelta(hours=1)
    Clip.objects.filter(pk=clip.pk).update(playback_key="", measured_at=an_hour_ago)
    assert sweeper.sweep() == 1
    wait_for(lambda: Clip.objects.get(pk=clip.pk).playback_key)


def test_a_stopped_worker_leaves_no_process_and_its_clip_for_the_next_one(
    session: Session, worker: InProcessWorker, running: list[InProcessWorker]
) -> None:
    pids = [*measuring_pool().pids(), *copying_pool().pids()]
    clip = session.send("rest")
    session.send("smile")
    session.submit()
    wait_for(lambda: state(clip) == "measuring")
    running.pop().stop()
    assert not any(os.path.exists(f"/proc/{pid}") for pid in pids)
    running.append(InProcessWorker())
    running[0].start()
    sweeper.sweep()
    wait_for(lambda: scored(session))
    assert_one_result(session)


def test_the_sweep_adds_nothing_while_hints_are_waiting(
    session: Session, running: list[InProcessWorker]
) -> None:
    while running:
        running.pop().stop()
    session.send("rest")
    session.send("smile")
    before = sweeper.waiting()
    assert before >= 2
    assert sweeper.sweep() == 0
    assert sweeper.waiting() == before
    with current_app.connection_for_write() as broker:
        broker.default_channel.queue_purge("measure")
    assert sweeper.sweep() == 2


def test_an_upload_that_nobody_went_on_with_is_ended(session: Session) -> None:
    upload = uploads.create(by=session.user, clip=session.clip("rest"))
    Upload.objects.filter(pk=upload.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    sweeper.sweep()
    assert session.clip("rest").state == "expected"


def test_every_task_has_limits_that_the_broker_outlasts(settings: Any) -> None:
    ours = [task for name, task in current_app.tasks.items() if name.startswith("worker.")]
    assert ours
    for task in ours:
        assert task.soft_time_limit, task.name
        assert task.soft_time_limit < task.time_limit < settings.VISIBILITY_SECONDS
        assert task.acks_late
        assert task.reject_on_worker_lost


def test_the_tasks_that_the_site_sends_exist() -> None:
    sent = {name for name in vars(queue).values() if str(name).startswith("worker.")}
    ours = {name for name in current_app.tasks if name.startswith("worker.")}
    assert sent == ours == set(current_app.conf.task_routes)
