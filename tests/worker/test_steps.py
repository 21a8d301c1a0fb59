"""Measuring and assessing through the services: once, whatever happens on the way."""

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from itertools import pairwise
from typing import Any

import av
import pytest
from django.core.files.storage import default_storage
from django.db import connections
from django.utils import timezone

from screening.models import (
    Assessment,
    Clip,
    ClipMeasurement,
    Course,
    CourseResult,
    Event,
    ModelBundle,
    Screening,
)
from screening.services import bundles as bundle_rows
from screening.services import clips, consents, course_results, measuring, screenings
from tests.patience import PATIENCE
from tests.worker.conftest import wait_for
from tests.worker.people import Session, make_patient
from webapp import health
from worker import bundles, process, steps
from worker.errors import MeasuringError, MeasuringFault
from worker.pool import MeasuringPool, Urgency

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def at_once(*works: Callable[[], object]) -> list[object]:
    """Runs them in threads of their own, as separate workers would; their results in order."""
    results: list[object] = [None] * len(works)

    def run(place: int, work: Callable[[], object]) -> None:
        try:
            results[place] = work()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=item) for item in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=PATIENCE)
    return results


def kill_when_measuring(clip: Clip, pool: MeasuringPool, number: signal.Signals) -> None:
    """Sends the signal to the measuring process for as long as the clip is being measured."""
    wait_for(lambda: Clip.objects.get(pk=clip.pk).state == Clip.State.MEASURING)
    while Clip.objects.get(pk=clip.pk).state == Clip.State.MEASURING:
        for pid in pool.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def kinds(clip: Clip) -> list[str]:
    """What the site's stream says of this clip, in order."""
    rows = Event.objects.filter(stream__key__startswith="site:").order_by("number")
    return [row.kind for row in rows if row.data.get("clip") == str(clip.pk)]


def test_a_received_clip_is_measured(session: Session, pool: MeasuringPool) -> None:
    clip = session.send("smile")
    assert steps.measure(clip.pk) is True
    clip.refresh_from_db()
    row = clip.measurements.get()
    assert (clip.state, clip.attempts, row.state) == ("measured", 1, "measured")
    assert row.measurement["expression"] == "smile"
    assert kinds(clip) == ["clip.uploading", "clip.received", "clip.measuring", "clip.measured"]


def test_what_is_no_video_is_a_result(session: Session, pool: MeasuringPool) -> None:
    clip = session.send("smile", content=b"this is not a video" * 100)
    assert steps.measure(clip.pk) is True
    clip.refresh_from_db()
    assert (clip.state, clip.reason) == ("unusable", "not_a_video")


def test_a_task_that_is_delivered_twice_measures_once(
    session: Session, pool: MeasuringPool
) -> None:
    clip = session.send("smile")
    assert [steps.measure(clip.pk), steps.measure(clip.pk)] == [True, False]
    assert ClipMeasurement.objects.count() == 1


def test_two_workers_at_once_measure_once(session: Session, pool: MeasuringPool) -> None:
    clip = session.send("smile")
    results = at_once(lambda: steps.measure(clip.pk), lambda: steps.measure(clip.pk))
    assert sorted(map(bool, results)) == [False, True]
    clip.refresh_from_db()
    assert (clip.state, clip.attempts, clip.measurements.count()) == ("measured", 1, 1)


def test_a_measuring_process_killed_in_mid_clip_costs_one_attempt(
    session: Session, pool: MeasuringPool
) -> None:
    clip = session.send("smile")
    killing = at_once(
        lambda: steps.measure(clip.pk), lambda: kill_when_measuring(clip, pool, signal.SIGKILL)
    )
    clip.refresh_from_db()
    assert killing[0] is False
    assert (clip.state, clip.attempts) == ("received", 1)
    assert steps.measure(clip.pk) is True
    clip.refresh_from_db()
    assert (clip.state, clip.attempts, clip.measurements.count()) == ("measured", 2, 1)


def test_a_clip_that_hangs_every_time_fails_and_the_next_one_is_measured(
    session: Session, pool: MeasuringPool, settings: Any
) -> None:
    settings.MEASURE_SECONDS = 0.3
    settings.MEASURE_ATTEMPTS = 1
    clip = session.send("smile")
    at_once(lambda: steps.measure(clip.pk), lambda: kill_when_measuring(clip, pool, signal.SIGSTOP))
    clip.refresh_from_db()
    assert (clip.state, clip.reason, clip.attempts) == ("failed", "took_too_long", 1)
    settings.MEASURE_SECONDS = 60
    assert steps.measure(session.send("rest").pk) is True


def test_stopping_the_worker_costs_no_attempt(session: Session, pool: MeasuringPool) -> None:
    clip = session.send("smile")

    def stop() -> None:
        wait_for(lambda: Clip.objects.get(pk=clip.pk).state == Clip.State.MEASURING)
        pool.close()

    at_once(lambda: steps.measure(clip.pk), stop)
    clip.refresh_from_db()
    assert (clip.state, clip.attempts) == ("received", 0)


def test_a_worker_that_lives_renews_its_claim(
    session: Session, pool: MeasuringPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "TICK_SECONDS", 0.02)
    clip = session.send("smile")
    held_until: set[object] = set()

    def watch() -> None:
        while (now := Clip.objects.get(pk=clip.pk)).state in ("received", "measuring"):
            held_until.add(now.claimed_until)

    at_once(lambda: steps.measure(clip.pk), watch)
    assert len(held_until - {None}) > 2


@pytest.mark.parametrize("harm", ["gone", "changed"])
def test_a_file_that_the_store_lost_or_changed_is_said_so(
    session: Session, pool: MeasuringPool, harm: str
) -> None:
    clip = session.send("smile")
    if harm == "gone":
        default_storage.delete(clip.storage_key)
    else:
        with open(default_storage.path(clip.storage_key), "r+b") as file:
            file.write(b"other")
    assert steps.measure(clip.pk) is False
    clip.refresh_from_db()
    assert (clip.state, clip.reason) == ("failed", "file_missing")


def test_consent_withdrawn_in_mid_clip_keeps_no_measurement(
    session: Session, pool: MeasuringPool
) -> None:
    clip = session.send("smile")

    def withdraw() -> None:
        wait_for(lambda: Clip.objects.get(pk=clip.pk).state == Clip.State.MEASURING)
        consents.withdraw(patient=session.patient, by=session.user)

    at_once(lambda: steps.measure(clip.pk), withdraw)
    assert ClipMeasurement.objects.count() == 0


def test_a_clip_recorded_again_in_mid_measure_is_left_alone(
    session: Session, pool: MeasuringPool
) -> None:
    clip = session.send("smile")

    def rerecord() -> None:
        wait_for(lambda: Clip.objects.get(pk=clip.pk).state == Clip.State.MEASURING)
        clips.rerecord(by=session.user, clip=Clip.objects.get(pk=clip.pk))

    at_once(lambda: steps.measure(clip.pk), rerecord)
    clip.refresh_from_db()
    assert clip.state == "superseded"
    assert session.clip("smile").state == "expected"


@pytest.fixture
def submitted(session: Session, pool: MeasuringPool) -> Session:
    """Both clips measured and the session submitted, with the bundle that ships."""
    bundles.ensure_active()
    for expression in ("rest", "smile"):
        steps.measure(session.send(expression).pk)
    session.submit()
    return session


def test_a_submitted_session_is_assessed_once(submitted: Session) -> None:
    assert [steps.assess(submitted.screening.pk), steps.assess(submitted.screening.pk)] == [1, 0]
    assessment = Assessment.objects.get()
    submitted.screening.refresh_from_db()
    assert submitted.screening.state == Screening.State.SCORED
    assert assessment.result["bundle"]["digest"] == assessment.bundle.digest
    assert [clip["expression"] for clip in assessment.result["clips"]] == ["rest", "smile"]


def test_raced_assessments_leave_one(submitted: Session) -> None:
    at_once(*(lambda: steps.assess(submitted.screening.pk) for _ in range(3)))
    rows = Event.objects.filter(kind="screening.scored", stream__key__startswith="site:")
    assert (Assessment.objects.count(), rows.count()) == (1, 1)


def test_nothing_is_assessed_before_every_clip_is_done(
    session: Session, pool: MeasuringPool
) -> None:
    bundles.ensure_active()
    steps.measure(session.send("rest").pk)
    session.send("smile")
    session.submit()
    assert steps.assess(session.screening.pk) == 0


def test_a_failed_clip_does_not_hold_the_session_up(session: Session, pool: MeasuringPool) -> None:
    bundles.ensure_active()
    steps.measure(session.send("rest").pk)
    broken = session.send("smile")
    session.submit()
    default_storage.delete(broken.storage_key)
    steps.measure(broken.pk)
    assert steps.assess(session.screening.pk) == 1
    assert "smile" in Assessment.objects.get().result["missing"]


def test_a_shadow_assesses_beside_and_stays_unseen(submitted: Session, settings: Any) -> None:
    active = ModelBundle.objects.get()
    shadow = ModelBundle.objects.create(
        name="shadow", version="1", digest="0" * 64, path="nowhere", status="shadow"
    )
    assert steps.assess(submitted.screening.pk) == 1, "a shadow that is broken is left out"
    shadow.refresh_from_db()
    assert shadow.failures == 1
    folder = (settings.ROOT / active.path).resolve()
    ModelBundle.objects.filter(pk=active.pk).update(digest="1" * 64)
    ModelBundle.objects.filter(pk=shadow.pk).update(path=str(folder), digest=active.digest)
    events_before = Event.objects.count()
    assert steps.assess(submitted.screening.pk) == 1
    assert Assessment.objects.get(bundle=shadow).is_shadow is True
    assert Event.objects.count() == events_before
    assert screenings.current_clips(submitted.screening).count() == 2


def test_a_changed_bundle_is_refused_and_the_work_stays_due(submitted: Session) -> None:
    ModelBundle.objects.update(digest="2" * 64)
    with pytest.raises(MeasuringFault, match="register it anew"):
        steps.assess(submitted.screening.pk)
    assert measuring.due() == [], "it waits a while, and longer each time"
    Screening.objects.update(assess_after=timezone.now())
    assert measuring.due() == [("worker.assess_screening", str(submitted.screening.pk))]


def test_registering_twice_is_one_bundle_and_a_new_default_replaces_a_lost_one(
    db: None, pool: MeasuringPool
) -> None:
    first = bundles.ensure_active()
    assert bundles.ensure_active() == first == bundles.register()
    ModelBundle.objects.filter(pk=first.pk).update(path="gone", digest="3" * 64, version="0")
    second = bundles.ensure_active()
    assert second != first
    assert bundle_rows.active() == second


def test_a_bundle_of_ones_own_that_cannot_be_read_is_not_replaced_but_named(
    db: None, pool: MeasuringPool
) -> None:
    shipped = bundles.ensure_active()
    ModelBundle.objects.filter(pk=shipped.pk).update(status="retired")
    own = ModelBundle.objects.create(
        name="our-own", version="1", digest="4" * 64, path="gone", status="active"
    )
    assert bundles.ensure_active() == own == bundle_rows.active()
    with pytest.raises(health.NotReady, match="our-own 1"):
        health._bundle()
    bundle_rows.activate(by=None, bundle=shipped)
    assert bundles.ensure_active() == shipped
    health._bundle()


def test_reviewers_play_a_copy_at_a_constant_rate_and_the_original_stays(
    session: Session, pool: MeasuringPool
) -> None:
    clip = session.send("smile")
    original = default_storage.open(clip.storage_key).read()
    steps.measure(clip.pk)
    assert [steps.make_playback(clip.pk), steps.make_playback(clip.pk)] == [True, False]
    clip.refresh_from_db()
    assert default_storage.open(clip.storage_key).read() == original
    content = default_storage.open(clip.playback_key).read()
    assert content.index(b"moov") < content.index(b"mdat"), "seekable before it has all arrived"
    with av.open(default_storage.path(clip.playback_key)) as copy:
        times = [picture.pts or 0 for picture in copy.decode(video=0)]
    assert len({after - before for before, after in pairwise(times)}) == 1


def test_a_clip_that_cannot_be_copied_keeps_none(session: Session, pool: MeasuringPool) -> None:
    clip = session.send("smile", content=b"not a video" * 50)
    steps.measure(clip.pk)
    assert steps.make_playback(clip.pk) is False
    clip.refresh_from_db()
    assert (clip.state, clip.playback_key) == ("unusable", "")


def test_a_measuring_process_that_does_not_start_costs_nobody_an_attempt(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a broken installation would end the clips of all who wait, and release what is left."""
    broken = MeasuringPool([process.MeasuringProcess(operations="worker.no_such_module")])
    monkeypatch.setattr(steps, "measuring_pool", lambda: broken)
    waiting = [session.send("rest"), session.send("smile")]
    for _ in range(4):
        for clip in waiting:
            assert not steps.measure(clip.pk)
        Clip.objects.update(claimed_until=None)
    for clip in waiting:
        clip.refresh_from_db()
        assert (clip.state, clip.attempts) == (Clip.State.RECEIVED, 0)
    with pytest.raises(health.NotReady, match="does not start"):
        health.measuring()
    broken.close()


def test_it_is_ready_again_once_the_process_starts(pool: MeasuringPool) -> None:
    process.not_started = "it did not start before"
    with pool.lend(Urgency.MEASURE) as measurer:
        measurer.kill()
        measurer.ask("prepare", {}, seconds=PATIENCE)
    health.measuring()


# --- several sessions, one person ---------------------------------------------------------------
@pytest.fixture
def two(submitted: Session) -> Session:
    """Two assessed sessions of one person; the drawn face performed them alike."""
    steps.assess(submitted.screening.pk)
    submitted.screening = screenings.start(patient=submitted.patient)
    for expression in ("rest", "smile"):
        steps.measure(submitted.send(expression).pk)
    submitted.submit()
    steps.assess(submitted.screening.pk)
    # One smile is not enough for this model to stand behind.
    Assessment.objects.update(abstained="")
    return submitted


def of_the_person(session: Session) -> Any:
    session.screening.refresh_from_db()
    return course_results.shown(session.screening.course, released_only=False).result


def test_two_sessions_of_a_person_are_read_together_once(two: Session) -> None:
    course_id = two.screening.course_id
    assert [steps.update_course(course_id), steps.update_course(course_id)] == [1, 0]
    (group,) = of_the_person(two)["groups"]
    index, sessions = group["person"]["hypomimia_index"], Assessment.objects.all()
    assert (index["sessions"], len(group["sessions"]), group["change"]) == (2, 2, None)
    assert index["mean"] == pytest.approx(sessions[0].hypomimia_index, abs=0.05)
    assert index["low"] < index["value"] < index["high"]
    signs = {(one["expression"], one["name"]): one["percentile"] for one in group["signs"]}
    assert signs["smile", "mouth-width_var"]["low"] is not None
    assert "is_own" not in group["person"]["repeats"]


def test_a_course_read_by_three_workers_at_once_has_one_result(two: Session) -> None:
    at_once(*(lambda: steps.update_course(two.screening.course_id) for _ in range(3)))
    assert CourseResult.objects.count() == 1


def test_a_worker_killed_while_it_reads_a_course_leaves_it_due(
    two: Session, pool: MeasuringPool
) -> None:
    course_id = two.screening.course_id

    def kill() -> None:
        wait_for(lambda: Course.objects.get(pk=course_id).attempts)
        for pid in pool.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                os.kill(pid, signal.SIGKILL)

    def read() -> None:
        with suppress(MeasuringError):
            steps.update_course(course_id)

    at_once(read, kill)
    Course.objects.update(attempt_after=timezone.now())
    if not CourseResult.objects.exists():
        assert measuring.due() == [("worker.update_course", str(course_id))]
    steps.update_course(course_id)
    assert measuring.due() == []
    assert of_the_person(two) is not None


def test_a_later_course_is_compared_with_the_first(two: Session) -> None:
    old = timezone.now() - timedelta(days=40)
    Course.objects.update(opened_at=old, closes_at=old + timedelta(days=14))
    two.screening = screenings.start(patient=two.patient)
    for expression in ("rest", "smile"):
        steps.measure(two.send(expression).pk)
    two.submit()
    steps.assess(two.screening.pk)
    Assessment.objects.update(abstained="")
    steps.update_course(two.screening.course_id)
    change = of_the_person(two)["groups"][0]["change"]
    assert change["is_shown"] is False
    assert change["low"] < change["second"] < change["high"]


def test_a_clinics_own_repeats_take_the_place_of_the_public_ones(two: Session) -> None:
    """From thirty people on; all of whom are made up here, from one row."""
    row = Assessment.objects.filter(screening=two.screening).get()
    for number in range(30):
        patient = make_patient(two.site, f"own{number}@example.org")
        for index in (40.0 + number, 50.0 + number):
            screening = screenings.start(patient=patient)
            Screening.objects.filter(pk=screening.pk).update(
                state="scored", submitted_at=timezone.now(), bundle=row.bundle
            )
            Assessment.objects.create(
                screening=screening,
                bundle=row.bundle,
                measurements_digest="0" * 64,
                result={"severity_expected": 1.0 + index / 100},
                hypomimia_index=index,
            )
    steps.update_course(two.screening.course_id)
    repeats = of_the_person(two)["groups"][0]["person"]["repeats"]
    assert (repeats["is_own"], repeats["people"]) == (True, 31)
    assert repeats["expressions"] == ["smile", "disgust", "surprise"]
