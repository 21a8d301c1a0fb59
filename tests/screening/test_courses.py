"""Courses: which sessions are read together, and what comes next."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from screening.models import (
    AuditEntry,
    Course,
    Patient,
    Protocol,
    Screening,
)
from screening.services import (
    courses,
    protocols,
    screenings,
)
from tests.screening import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def patient() -> Patient:
    made: Patient = make.PatientFactory()
    return made


def session(patient: Patient, index: float = 70.0, **intake: Any) -> Screening:
    """One more scored session of this patient."""
    screening = make.draft(patient)
    by = make.person(screening)
    if intake:
        screenings.save_intake(by=by, screening=screening, answers=intake)
    make.active_bundle()
    for clip in screenings.current_clips(screening):
        make.measure(make.send(clip))
    screenings.submit(by=by, screening=screening)
    make.assess(screening, hypomimia_index=index)
    return screening


def days_ago(course: Course, days: float) -> None:
    """As if the course had begun so many days before."""
    course.refresh_from_db()
    shift = timedelta(days=days)
    Course.objects.filter(pk=course.pk).update(
        opened_at=course.opened_at - shift, closes_at=course.closes_at - shift
    )


# --- which are read together --------------------------------------------------------------------
def test_sessions_within_some_days_are_one_course_and_later_ones_another(patient: Patient) -> None:
    first, second = session(patient), session(patient)
    assert first.course == second.course
    length = first.course.closes_at - first.course.opened_at
    assert length == timedelta(days=patient.site.course_days)
    days_ago(first.course, patient.site.course_days)
    third = session(patient)
    assert third.course != first.course
    assert AuditEntry.objects.filter(action="course.opened").count() == 2


def test_a_site_says_how_long_a_course_is(patient: Patient) -> None:
    type(patient.site).objects.filter(pk=patient.site_id).update(course_days=2)
    first = session(patient)
    days_ago(first.course, 1.9)
    assert session(patient).course == first.course
    days_ago(first.course, 0.2)
    assert session(patient).course != first.course


def test_a_course_of_nothing_but_taken_back_sessions_begins_anew(patient: Patient) -> None:
    first = make.draft(patient)
    screenings.withdraw(by=make.person(first), screening=first)
    days_ago(first.course, 10)
    second = make.draft(patient)
    assert second.course == first.course
    assert second.course.closes_at - timezone.now() > timedelta(days=13)


def test_a_draft_handed_in_after_its_course_belongs_to_todays(patient: Patient) -> None:
    old = session(patient).course
    draft = make.draft(patient)
    assert draft.course == old
    days_ago(old, 20)
    for clip in screenings.current_clips(draft):
        make.measure(make.send(clip))
    screenings.submit(by=make.person(draft), screening=Screening.objects.get(pk=draft.pk))
    draft.refresh_from_db()
    assert draft.course != old


def test_what_is_recorded_again_stays_in_its_course(patient: Patient) -> None:
    first = session(patient)
    clinician = make.ClinicianFactory(site=patient.site)
    screenings.request_rerecord(by=clinician, screening=first, steps=["smile"])
    days_ago(first.course, 20)
    make.measure(make.send(make.clip_of(first, "smile")))
    first.refresh_from_db()
    screenings.submit(by=make.person(first), screening=first)
    assert Screening.objects.get(pk=first.pk).course == first.course


# --- what comes next ----------------------------------------------------------------------------
@pytest.fixture
def planned(patient: Patient) -> Patient:
    """Of a clinic whose course begins with two expressions and goes on with one."""
    short = make.ProtocolFactory(expressions=["smile"])
    Protocol.objects.filter(pk=patient.site.protocol_id).update(
        follow_up=short, least_sessions=2, most_sessions=3
    )
    return Patient.objects.get(pk=patient.pk)


def test_the_first_session_is_whole_and_the_further_ones_short(planned: Patient) -> None:
    now = courses.next_session(patient=planned)
    assert (now.done, now.least, now.most, now.is_further) == (0, 2, 3, False)
    first = session(planned)
    assert first.protocol == planned.site.protocol
    now = courses.next_session(patient=planned)
    assert (now.done, now.is_further, now.is_enough) == (1, True, False)
    assert now.protocol == planned.site.protocol.follow_up
    assert now.since is not None
    assert now.until == first.course.closes_at
    assert timedelta(days=2) < now.since - timezone.now() < timedelta(days=4)
    assert session(planned).protocol == now.protocol
    assert courses.next_session(patient=planned).is_enough
    session(planned)
    assert courses.next_session(patient=planned).is_full


def test_after_its_days_a_course_is_over_and_a_whole_session_comes_next(planned: Patient) -> None:
    days_ago(session(planned).course, 30)
    now = courses.next_session(patient=planned)
    assert (now.course, now.done, now.protocol) == (None, 0, planned.site.protocol)


def test_a_released_session_without_a_result_is_made_up_for(planned: Patient) -> None:
    screening = make.submitted(planned)
    make.assess(screening, abstained="no_usable_expression")
    assert courses.next_session(patient=planned).done == 1, "not said before it is released"
    type(planned.site).objects.filter(pk=planned.site_id).update(release_policy="at_once")
    released = Screening.objects.get(pk=screening.pk)
    screenings.release(by=make.ClinicianFactory(site=planned.site), screening=released)
    assert courses.next_session(patient=planned).done == 0


def test_a_plan_goes_with_the_next_version_of_its_protocol(planned: Patient) -> None:
    old = planned.site.protocol
    new = protocols.new_version(by=make.AdminFactory(), protocol=old)
    assert (new.follow_up, new.least_sessions, new.most_sessions) == (old.follow_up, 2, 3)
