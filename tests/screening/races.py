"""Races, run for real: threads with connections of their own on the database of DATABASE_URL.

Run by ``test_races`` in a process of its own, once per kind of database; prints one JSON object,
``{race: null, or what went wrong}``.
"""

import hashlib
import json
import sys
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import Any, TypeVar

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, connections, transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from screening import queue  # noqa: E402
from screening.errors import DomainError, OffsetConflict, WrongState  # noqa: E402
from screening.models import (  # noqa: E402
    AccessEvent,
    Assessment,
    Clip,
    CourseResult,
    Event,
    Invitation,
    Screening,
    Upload,
    UploadChunk,
    User,
    Viewing,
)
from screening.services import (  # noqa: E402
    access,
    bundles,
    course_results,
    erasure,
    events,
    invitations,
    listing,
    measuring,
    screenings,
    store,
    uploads,
)
from tests.patience import PATIENCE  # noqa: E402
from tests.screening import factories as make  # noqa: E402

T = TypeVar("T")
SECONDS = PATIENCE
#: How often a race without a way to hold its runners at the line is repeated.
ROUNDS = 5


def together(*runners: Callable[[], T]) -> list[T | DomainError]:
    """Start all at once, each in a thread of its own; their answers or typed errors, in order."""
    line = threading.Barrier(len(runners), timeout=SECONDS)

    def run(runner: Callable[[], T]) -> T | DomainError:
        try:
            line.wait()
            return runner()
        except DomainError as refused:
            return refused
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(runners)) as pool:
        return [one.result(SECONDS) for one in [pool.submit(run, runner) for runner in runners]]


class Held:
    """A chunk whose last byte waits until the other one has been read as well."""

    def __init__(self, data: bytes, line: threading.Barrier) -> None:
        self.blocks, self.line = [data], line

    def read(self, size: int = -1, /) -> bytes:
        if self.blocks:
            return self.blocks.pop()
        self.line.wait()
        return b""


def folder(screening: Screening) -> list[str]:
    return [one.key for one in listing.objects(store.patient_folder(screening.patient_id))]


def two_chunks_at_one_offset() -> None:
    screening = make.draft()
    by, clip = make.person(screening), make.clip_of(screening, "smile")
    upload = uploads.create(by=by, clip=clip, mime_type="video/webm")
    line = threading.Barrier(2, timeout=SECONDS)

    def send(data: bytes) -> Upload:
        mine = Upload.objects.get(pk=upload.pk)
        return uploads.append(by=by, upload=mine, offset=0, data=Held(data, line))

    answers = together(lambda: send(b"a" * 100), lambda: send(b"b" * 60))
    lost = [one for one in answers if isinstance(one, DomainError)]
    won = [one for one in answers if isinstance(one, Upload)]
    assert len(won) == len(lost) == 1, answers
    assert isinstance(lost[0], OffsetConflict)
    assert lost[0].offset == won[0].offset
    chunk = UploadChunk.objects.get(upload=upload)
    assert chunk.size == won[0].offset
    assert folder(screening) == [chunk.storage_key]


def chunk_and_termination() -> None:
    """Whoever comes first, no chunk is left of an upload that was given up."""
    for _ in range(ROUNDS):
        screening = make.draft()
        by, clip = make.person(screening), make.clip_of(screening, "smile")
        upload = uploads.create(by=by, clip=clip)

        def send(upload: Upload = upload, by: Any = by) -> object:
            return uploads.append(by=by, upload=upload, offset=0, data=b"a" * 100)

        def drop(upload: Upload = upload, by: Any = by) -> object:
            mine = Upload.objects.get(pk=upload.pk)
            return uploads.terminate(by=by, upload=mine)

        together(send, drop)
        assert not UploadChunk.objects.filter(upload=upload).exists()
        assert folder(screening) == []
        assert Clip.objects.get(pk=clip.pk).state == "expected"


def parts_of_one_film() -> None:
    """A player asks for many parts at once: one line says who viewed it."""
    for _ in range(ROUNDS):
        screening = make.draft()
        clip, viewer = make.clip_of(screening, "smile"), make.UserFactory()
        now = timezone.now()

        def ask(clip: Clip = clip, viewer: User = viewer, now: datetime = now) -> None:
            access.record_view(
                user=viewer, action=Viewing.VIDEO, screening=clip.screening, clip=clip, at=now
            )

        assert together(*[ask] * 8) == [None] * 8
        assert AccessEvent.objects.filter(user=viewer).count() == 1


def two_completions() -> None:
    for _ in range(ROUNDS):
        screening = make.draft()
        by, clip = make.person(screening), make.clip_of(screening, "smile")
        upload = uploads.create(by=by, clip=clip, mime_type="video/webm")
        uploads.append(by=by, upload=upload, offset=0, data=make.VIDEO)
        digest = hashlib.sha256(make.VIDEO).hexdigest()

        def finish(upload: Upload = upload, by: Any = by, digest: str = digest) -> Clip:
            mine = Upload.objects.select_related("clip__screening").get(pk=upload.pk)
            return uploads.complete(
                by=by, upload=mine, size=len(make.VIDEO), sha256=digest, announced={}
            )

        answers = together(finish, finish)
        assert all(isinstance(one, Clip) for one in answers), answers
        now = Clip.objects.get(pk=clip.pk)
        assert (now.state, now.sha256) == ("received", digest)
        assert folder(screening) == [now.storage_key]
        received = Event.objects.filter(kind="clip.received", data__clip=str(clip.pk))
        assert received.count() == 2, "once on each of the two streams"


def two_workers_claim_one_clip() -> None:
    for _ in range(ROUNDS):
        clip = make.send(make.clip_of(make.draft(), "smile"))
        answers = together(*[lambda pk=clip.pk: measuring.claim_clip(clip_id=pk, seconds=60)] * 3)
        assert sum(one is not None for one in answers) == 1, answers
        assert Clip.objects.get(pk=clip.pk).attempts == 1


def last_clip_measured_while_submitting() -> None:
    """Whichever commits last sees that everything is there and asks for the assessment."""
    for _ in range(ROUNDS):
        screening = make.draft()
        make.active_bundle()
        clips = [make.send(clip) for clip in screenings.current_clips(screening)]
        make.measure(clips[0])
        claim = measuring.claim_clip(clip_id=clips[1].pk, seconds=60)
        assert claim is not None
        asked = Sent(queue.ASSESS_SCREENING)
        together(
            lambda c=claim: measuring.store_measurement(
                claim=c, measurement=make.measurement(c.expression)
            ),
            lambda s=screening: screenings.submit(by=make.person(s), screening=s),
        )
        assert asked.new() == 1
        assert measuring.claim_assessment(screening_id=screening.pk) is not None


class Sent:
    """How many messages of a task came into the queue since this was made."""

    def __init__(self, task: str) -> None:
        self.task = task
        self.new()

    def new(self) -> int:
        from celery import current_app

        found = 0
        with current_app.connection_for_read() as broker:
            taken = broker.SimpleQueue(queue.of(self.task))
            while taken.qsize():
                message = taken.get(block=False)
                found += message.headers["task"] == self.task
                message.ack()
            taken.close()
        return found


def two_workers_assess_one_screening() -> None:
    screening = make.submitted()

    def work() -> object:
        found = measuring.claim_assessment(screening_id=screening.pk)
        return found and measuring.store_assessment(
            screening_id=screening.pk,
            bundle=found.targets[0].bundle_id,
            measurements_digest=found.targets[0].measurements_digest,
            result=make.result(),
        )

    together(work, work, work)
    assert Assessment.objects.filter(screening=screening).count() == 1
    told = Event.objects.filter(kind="screening.scored", data__screening=str(screening.pk))
    assert told.count() == 2


def two_sessions_scored_at_once() -> None:
    """Whichever commits last leaves the course due with both."""
    patient = make.PatientFactory()
    first, second = make.submitted(patient), make.submitted(patient)
    together(lambda: make.assess(first), lambda: make.assess(second))
    make.read_together()
    shown = course_results.shown(first.course, released_only=False)
    assert shown.result is not None
    assert len(shown.result["groups"][0]["sessions"]) == 2


def a_session_scored_while_the_person_is_computed() -> None:
    """What is stored is of the sessions that count; where it is not, the course stays due."""
    for _ in range(ROUNDS):
        patient = make.PatientFactory()
        first = make.scored(patient)
        second = make.submitted(patient)
        given = course_results.claim(course_id=first.course_id)
        assert given is not None

        def store(given: course_results.CourseInput = given) -> object:
            found = [{"person": make.person_of(50.0, 1), "signs": [], "change": None}]
            kept = course_results.store(
                course_id=given.course_id, wanted=given.wanted[0], found=found
            )
            course_results.finish(given)
            return kept

        together(store, lambda second=second: make.assess(second))
        assert course_results.due(limit=9) == [first.course_id]
        make.read_together()
        shown = course_results.shown(first.course, released_only=False)
        assert shown.result is not None
        assert len(shown.result["groups"][0]["sessions"]) == 2
        assert course_results.due(limit=9) == []


def two_workers_compute_one_person() -> None:
    first = make.scored()

    def work() -> None:
        make.read_together()

    together(work, work, work)
    assert CourseResult.objects.filter(course=first.course).count() == 1
    told = Event.objects.filter(kind="course.result", data__course=str(first.course_id))
    assert told.count() == 2


def erased_while_the_person_is_computed() -> None:
    for _ in range(ROUNDS):
        first = make.scored()
        given = course_results.claim(course_id=first.course_id)
        assert given is not None

        def store(given: course_results.CourseInput = given) -> object:
            found = [{"person": make.person_of(50.0, 1), "signs": [], "change": None}]
            return course_results.store(
                course_id=given.course_id, wanted=given.wanted[0], found=found
            )

        def erase(first: Screening = first) -> object:
            return erasure.erase_patient(by=make.person(first), patient=first.patient)

        together(store, erase)
        assert not CourseResult.objects.filter(course=first.course).exists()


def one_invitation_two_people() -> None:
    site = make.SiteFactory()
    by = make.ClinicianFactory(site=site)
    _, token = invitations.invite(by=by, site=site, name="Ada")

    def come(email: str) -> object:
        return invitations.accept(token=token, email=email, password=make.PASSWORD)

    answers = together(lambda: come("a@example.org"), lambda: come("b@example.org"))
    assert sum(isinstance(one, DomainError) for one in answers) == 1, answers
    assert Invitation.objects.get(site=site).patient.user in answers


def two_tabs_start_one_screening() -> None:
    patient = make.PatientFactory()
    make.consent(patient)
    answers = together(*[lambda: screenings.start(patient=patient)] * 3)
    assert len({one.pk for one in answers if isinstance(one, Screening)}) == 1, answers
    assert Clip.objects.filter(screening__patient=patient).count() == 2
    assert patient.courses.count() == 1


def two_bundles_activated() -> None:
    first, second = make.BundleFactory(), make.BundleFactory()
    together(
        lambda: bundles.activate(by=None, bundle=first),
        lambda: bundles.activate(by=None, bundle=second),
    )
    assert bundles.active() in (first, second)


def numbers_are_visible_in_order() -> None:
    """The writer that took the smaller number commits last, and no reader skips it."""
    screening = make.draft()
    stream = events.site_stream(screening.site_id)
    start = events.last_number(stream=stream)
    took, may_commit, second_waits = threading.Event(), threading.Event(), threading.Event()

    def first() -> None:
        with transaction.atomic():
            events.append(screening=screening, kind="test.first")
            took.set()
            assert may_commit.wait(SECONDS)

    def second() -> None:
        assert took.wait(SECONDS)
        second_waits.set()
        with transaction.atomic():
            events.append(screening=screening, kind="test.second")

    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(closing(first)), pool.submit(closing(second))]
        assert second_waits.wait(SECONDS)
        until_blocked(runs[1])
        # The second writer has begun, and could commit, had it not to wait for the first one.
        assert not runs[1].done()
        assert events.after(stream=stream, number=start) == []
        assert events.last_number(stream=stream) == start
        may_commit.set()
        for run in runs:
            run.result(SECONDS)
    seen = events.after(stream=stream, number=start)
    assert [(one.number - start, one.kind) for one in seen] == [
        (1, "test.first"),
        (2, "test.second"),
    ]


def a_rolled_back_number_leaves_no_gap() -> None:
    screening = make.draft()
    stream = events.patient_stream(screening.patient_id)
    start = events.last_number(stream=stream)
    try:
        with transaction.atomic():
            events.append(screening=screening, kind="test.never")
            raise WrongState
    except WrongState:
        events.append(screening=screening, kind="test.kept")
    seen = events.after(stream=stream, number=start)
    assert [(one.number - start, one.kind) for one in seen] == [(1, "test.kept")]


def reader_among_many_writers() -> None:
    """Two patients of one site write at once; a reader that polls all the while sees 1, 2, 3 …"""
    first = make.draft()
    second = make.draft(make.PatientFactory(site=first.site))
    stream = events.site_stream(first.site_id)
    start = events.last_number(stream=stream)
    done, seen = threading.Event(), []
    deadline = time.monotonic() + SECONDS

    def read() -> None:
        while not done.is_set() or events.last_number(stream=stream) > start + len(seen):
            assert time.monotonic() < deadline, "a number never became readable"
            for one in events.after(stream=stream, number=start + len(seen), limit=3):
                seen.append(one.number - start)

    def write(screening: Screening) -> None:
        for _ in range(10):
            with transaction.atomic():
                events.append(screening=screening, kind="test.many")

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(closing(read))
        together(*[lambda s=s: write(s) for s in (first, second, first, second)])
        done.set()
        reading.result(SECONDS)
    assert seen == list(range(1, 41))


def closing(runner: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        try:
            runner()
        finally:
            connections.close_all()

    return run


def until_blocked(other: "Future[None]") -> None:
    """PostgreSQL says when a session waits for a lock. SQLite lets no second writer begin."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        while not other.done():
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return


RACES = [
    two_chunks_at_one_offset,
    chunk_and_termination,
    parts_of_one_film,
    two_completions,
    two_workers_claim_one_clip,
    last_clip_measured_while_submitting,
    two_workers_assess_one_screening,
    two_sessions_scored_at_once,
    a_session_scored_while_the_person_is_computed,
    two_workers_compute_one_person,
    erased_while_the_person_is_computed,
    one_invitation_two_people,
    two_tabs_start_one_screening,
    two_bundles_activated,
    numbers_are_visible_in_order,
    a_rolled_back_number_leaves_no_gap,
    reader_among_many_writers,
]


def main() -> None:
    call_command("migrate", verbosity=0)
    found: dict[str, str | None] = {}
    for race in RACES:
        try:
            race()
            found[race.__name__] = None
        except Exception:
            found[race.__name__] = traceback.format_exc()
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
