"""Courses: which sessions of a patient are read together, and what comes next.

A screening joins the patient's open course when it is started, or opens one; so many days later the
course is over by itself. Whatever changes a session that counts says so here (``changed``,
``closed``): the person's result is then due (``course_results``).

Lock order: screening → patient → course → event streams.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, QuerySet
from django.utils import timezone

from screening import queue
from screening.models import Assessment, Course, CourseResult, Patient, Protocol, Screening
from screening.permissions import stands
from screening.services import events

State = Screening.State
#: Sessions that were handed in, whatever became of them since.
HANDED_IN = (State.SUBMITTED, State.NEEDS_RERECORD, State.SCORED, State.RELEASED)


def join(*, patient: Patient) -> Course:
    """The patient's open course, or a new one. In a transaction: the patient's row is locked.

    A course that holds nothing but what was taken back begins anew, today.
    """
    locked = Patient.objects.select_for_update().select_related("site").get(pk=patient.pk)
    now = timezone.now()
    closes_at = now + timedelta(days=locked.site.course_days)
    newest = locked.courses.order_by("-opened_at").first()
    if newest is not None and newest.closes_at > now:
        if newest.screenings.filter(stands()).exists():
            return newest
        plan = {"opened_at": now, "closes_at": closes_at, "protocol": locked.site.protocol}
        Course.objects.filter(pk=newest.pk).update(**plan)
        newest.refresh_from_db()
        return newest
    course = Course.objects.create(
        patient=locked, protocol=locked.site.protocol, opened_at=now, closes_at=closes_at
    )
    events.audit(by=patient.user, action="course.opened", target=course)
    return course


def settle(locked: Screening) -> None:
    """A draft that is handed in after its course was over belongs to the course of today."""
    if locked.course.closes_at <= timezone.now():
        course = join(patient=locked.patient)
        Screening.objects.filter(pk=locked.pk).update(course=course)
        locked.course = course


def protocol_for(course: Course) -> Protocol:
    """What the next session of this course follows: the first one its protocol, the further ones
    what that protocol says."""
    return (course.protocol.follow_up or course.protocol) if _done(course) else course.protocol


def changed(screening: Screening) -> None:
    """Something about a session that counts, or may count now: the person's result is due. So are
    those of later courses, which are compared with the first one.

    In the transaction that makes the change, after its rows and before its events. A session that
    was never handed in counts nowhere.
    """
    if screening.submitted_at is None:
        return
    for course in _from(screening.course).select_for_update().order_by("pk"):
        Course.objects.filter(pk=course.pk).update(revision=F("revision") + 1, **Course.UNTRIED)
        queue.enqueue_on_commit(queue.UPDATE_COURSE, str(course.pk))


def closed(screening: Screening) -> None:
    """As ``changed``, of a session that nobody may read any more: what was computed with it goes
    at once. One that was never handed in was in none."""
    if screening.submitted_at is None:
        return
    changed(screening)
    CourseResult.objects.filter(course__in=_from(screening.course)).delete()


def forget(*, patient: Patient) -> None:
    """Delete every result of a patient none of whose sessions may be read any more, once nobody is
    just storing one. Nothing is due then."""
    rows = Course.objects.filter(patient=patient)
    for course in rows.select_for_update().order_by("pk"):
        after = course.revision + 1
        rows.filter(pk=course.pk).update(revision=after, computed=after, **Course.UNTRIED)
    CourseResult.objects.filter(course__patient=patient).delete()


@dataclass(frozen=True)
class Next:
    """What comes next for a patient. ``done`` sessions of the open course (none: a new one begins),
    which has ``least`` to ``most``; ``protocol`` of the next session. ``since``: when it is best
    begun; ``until``: when the course is over."""

    course: Course | None
    done: int
    least: int
    most: int
    protocol: Protocol
    since: datetime | None
    until: datetime | None

    @property
    def is_further(self) -> bool:
        """Whether it is a further session, which asks for less than the first."""
        return self.done > 0

    @property
    def is_enough(self) -> bool:
        return self.done >= self.least

    @property
    def is_full(self) -> bool:
        return self.done >= self.most


def next_session(*, patient: Patient) -> Next:
    """What the patient's own page says comes next."""
    protocol = patient.site.protocol
    course = patient.courses.select_related("protocol__follow_up").order_by("-opened_at").first()
    done = _done(course) if course is not None and course.closes_at > timezone.now() else 0
    if course is None or not done:
        least, most = protocol.least_sessions, protocol.most_sessions
        return Next(None, 0, least, most, protocol, None, None)
    plan = course.protocol
    # Spread over the course: what makes one day differ from another is to be averaged out.
    days = max((course.closes_at - course.opened_at).days // (plan.most_sessions + 1), 1)
    last = max(row.submitted_at or course.opened_at for row in _handed_in(course))
    return Next(
        course=course,
        done=done,
        least=plan.least_sessions,
        most=plan.most_sessions,
        protocol=protocol_for(course),
        since=min(last + timedelta(days=days), course.closes_at),
        until=course.closes_at,
    )


def _done(course: Course) -> int:
    """Sessions that were handed in and, as far as the patient knows, can be used."""
    rows = _handed_in(course)
    released = [row.pk for row in rows if row.state == State.RELEASED]
    said = Assessment.objects.filter(screening__in=released, is_shadow=False)
    newest = dict(said.order_by("created_at").values_list("screening", "abstained"))
    return sum(not newest.get(row.pk, "") for row in rows)


def _handed_in(course: Course) -> list[Screening]:
    return list(course.screenings.filter(stands(), state__in=HANDED_IN))


def _from(course: Course) -> QuerySet[Course]:
    """This course and the later ones of the same patient."""
    return Course.objects.filter(patient=course.patient_id, opened_at__gte=course.opened_at)
