"""Courses: which sessions are read together, what comes next, and what they say of the person."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from screening.errors import Invalid, UnreadableResult
from screening.models import (
    AuditEntry,
    Course,
    CourseResult,
    Event,
    ModelBundle,
    Patient,
    Protocol,
    Screening,
)
from screening.services import (
    bundles,
    consents,
    course_results,
    courses,
    erasure,
    measuring,
    protocols,
    screenings,
)
from screening.services.course_results import Shown
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


def of(course: Course, *, released_only: bool = False) -> Shown:
    return course_results.shown(course, released_only=released_only)


def indexes(shown: Shown) -> list[float | None]:
    assert shown.result is not None
    return [one["person"]["hypomimia_index"]["value"] for one in shown.result["groups"]]


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


# --- which count --------------------------------------------------------------------------------
def test_each_further_session_updates_the_persons_result(patient: Patient) -> None:
    course = session(patient, 60.0).course
    assert of(course).is_due
    make.read_together()
    assert indexes(of(course)) == [60.0]
    session(patient, 80.0)
    assert of(course).result is None, "the result of one session is not that of two"
    make.read_together()
    assert indexes(of(course)) == [70.0]
    make.read_together()
    assert CourseResult.objects.filter(course=course).count() == 2
    told = Event.objects.filter(kind="course.result", data__course=str(course.pk))
    assert told.count() == 4, "twice, on each of the two streams"


def test_the_patient_sees_released_sessions_only(patient: Patient) -> None:
    first, _ = session(patient, 60.0), session(patient, 80.0)
    make.read_together()
    assert of(first.course, released_only=True).result is None
    type(patient.site).objects.filter(pk=patient.site_id).update(release_policy="at_once")
    clinician = make.ClinicianFactory(site=patient.site)
    screenings.release(by=clinician, screening=Screening.objects.get(pk=first.pk))
    make.read_together()
    assert indexes(of(first.course, released_only=True)) == [60.0]
    assert indexes(of(first.course)) == [70.0]
    waiting = of(first.course, released_only=True).sessions[1]
    assert (waiting.why_not, waiting.assessment) == ("waits", None)


def test_an_abstained_session_does_not_count(patient: Patient) -> None:
    course = session(patient, 60.0).course
    make.assess(make.submitted(patient), abstained="no_usable_expression", hypomimia_index=99.0)
    make.read_together()
    assert indexes(of(course)) == [60.0]
    assert [one.why_not for one in of(course).sessions] == ["", "abstained"]


def test_another_models_sessions_are_not_mixed(patient: Patient) -> None:
    course = session(patient, 60.0).course
    bundles.activate(by=None, bundle=make.BundleFactory())
    session(patient, 80.0)
    make.read_together()
    assert indexes(of(course)) == [80.0]
    assert [one.why_not for one in of(course).sessions] == ["other_model", ""]


def test_a_session_taken_back_goes_from_the_result_at_once(patient: Patient) -> None:
    first, second = session(patient, 60.0), session(patient, 80.0)
    make.read_together()
    screenings.withdraw(by=make.person(second), screening=second)
    assert not CourseResult.objects.exists()
    make.read_together()
    assert indexes(of(first.course)) == [60.0]


def test_a_draft_that_is_discarded_takes_nothing_along(patient: Patient) -> None:
    first = session(patient)
    make.read_together()
    screenings.withdraw(by=make.person(first), screening=make.draft(patient))
    assert indexes(of(first.course)) == [70.0]
    assert course_results.due(limit=9) == []


def test_answers_of_what_was_taken_back_are_not_asked_about_again() -> None:
    patient = make.PatientFactory(site__release_policy="at_once")
    first = session(patient, age_years=67, known_pd=True)
    assert Screening.objects.get(pk=first.pk).state == "released"
    opened = first.course.opened_at
    consents.withdraw(patient=patient, by=make.person(first))
    make.consent(patient, "care")
    again = make.draft(patient)
    assert again.course.opened_at > opened
    assert screenings.earlier_answers(again) is None


def test_what_is_recorded_again_counts_anew(patient: Patient) -> None:
    first = session(patient, 60.0)
    session(patient, 80.0)
    make.read_together()
    clinician = make.ClinicianFactory(site=patient.site)
    screenings.request_rerecord(by=clinician, screening=first, steps=["smile"])
    make.read_together()
    assert indexes(of(first.course)) == [80.0]
    make.measure(make.send(make.clip_of(first, "smile"), data=make.VIDEO + b"anew"))
    first.refresh_from_db()
    screenings.submit(by=make.person(first), screening=first)
    make.assess(first, hypomimia_index=40.0)
    make.read_together()
    assert indexes(of(first.course)) == [60.0]


@pytest.mark.parametrize("way", ["consent", "erased"])
def test_nothing_is_left_of_who_goes(patient: Patient, way: str) -> None:
    course = session(patient).course
    make.read_together()
    if way == "consent":
        consents.withdraw(patient=patient, by=make.person(course.screenings.get()))
    else:
        erasure.erase_patient(by=make.AdminFactory(), patient=patient)
    assert not CourseResult.objects.exists()
    assert (of(course).sessions, of(course).result) == ((), None)
    assert course_results.due(limit=9) == []


# --- medication ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("intake", "medication"),
    [
        ({}, "unclear"),
        ({"pd_medication": False}, "none"),
        ({"known_pd": False}, "none"),
        ({"known_pd": True}, "unclear"),
        ({"pd_medication": True, "hours_since_dose": 4}, "on"),
        ({"known_pd": False, "pd_medication": True, "hours_since_dose": 1}, "on"),
        ({"pd_medication": True, "hours_since_dose": 4.5}, "unclear"),
        ({"pd_medication": True, "hours_since_dose": 12}, "off"),
    ],
)
def test_the_medication_is_that_of_the_intake(
    patient: Patient, intake: dict[str, Any], medication: str
) -> None:
    screening = session(patient, **intake)
    (one,) = of(screening.course).sessions
    assert one.medication == medication


def test_on_and_off_are_read_apart_and_the_newest_comes_first(patient: Patient) -> None:
    dose = {"pd_medication": True}
    course = session(patient, 80.0, hours_since_dose=14, **dose).course
    session(patient, 70.0)
    make.read_together()
    assert indexes(of(course)) == [75.0], "what was not said is no contrast"
    session(patient, 40.0, hours_since_dose=1, **dose)
    make.read_together()
    shown = of(course)
    assert shown.result is not None
    assert [one["medication"] for one in shown.result["groups"]] == ["on", "off", "unclear"]
    assert indexes(shown) == [40.0, 80.0, 70.0]


# --- from course to course ----------------------------------------------------------------------
def test_a_course_is_compared_with_the_first_under_the_same_medication(patient: Patient) -> None:
    dose = {"pd_medication": True}
    on = session(patient, 50.0, hours_since_dose=1, **dose)
    days_ago(on.course, 40)
    off = session(patient, 90.0, hours_since_dose=14, **dose)
    days_ago(off.course, 20)
    now = session(patient, 55.0, hours_since_dose=2, **dose)
    wanted = claimed(now.course).wanted[0]
    (group,) = wanted.groups
    assert [one["hypomimia_index"] for one in group["first"]] == [50.0]
    assert [one["hypomimia_index"] for one in group["sessions"]] == [55.0]
    assert claimed(off.course).wanted[0].groups[0]["first"] == []


def test_what_changes_an_earlier_course_changes_the_later_ones(patient: Patient) -> None:
    first = session(patient)
    days_ago(first.course, 20)
    second = session(patient)
    make.read_together()
    screenings.withdraw(by=make.person(first), screening=first)
    assert second.course_id in course_results.due(limit=9)
    assert not CourseResult.objects.filter(course=second.course).exists()


# --- the clinic's own repeats -------------------------------------------------------------------
def test_the_clinics_own_people_with_two_sessions_are_its_repeats(patient: Patient) -> None:
    session(patient, 60.0)
    course = session(patient, 80.0).course
    once = make.PatientFactory(site=patient.site)
    session(once, 10.0)
    elsewhere = make.PatientFactory()
    session(elsewhere, 1.0)
    session(elsewhere, 2.0)
    # Change is not noise: neither a later course nor another medication makes a repeat.
    apart = make.PatientFactory(site=patient.site)
    session(apart, 30.0, pd_medication=False)
    session(apart, 30.0, pd_medication=True, hours_since_dose=1)
    drawn = make.PatientFactory(site=patient.site)
    session(drawn, 5.0)
    session(drawn, 6.0)
    Screening.objects.filter(patient=drawn).update(is_phantom=True)
    repeats = claimed(course).wanted[0].repeats
    assert [sorted(index for index, _ in one if index is not None) for one in repeats] == [
        [60.0, 80.0]
    ]


def claimed(course: Course) -> course_results.CourseInput:
    given = course_results.claim(course_id=course.pk)
    assert given is not None
    return given


# --- the work -----------------------------------------------------------------------------------
def stored(given: course_results.CourseInput, index: float = 50.0) -> list[bool]:
    found = [{"person": make.person_of(index, 1), "signs": [], "change": None}]
    return [
        course_results.store(course_id=given.course_id, wanted=wanted, found=found)
        for wanted in given.wanted
    ]


def test_a_session_that_comes_while_it_is_computed_makes_it_due_again(patient: Patient) -> None:
    course = session(patient, 60.0).course
    given = claimed(course)
    session(patient, 80.0)
    assert stored(given) == [False]
    course_results.finish(given)
    assert not CourseResult.objects.exists()
    assert course_results.due(limit=9) == [course.pk]
    make.read_together()
    assert indexes(of(course)) == [70.0]
    assert course_results.due(limit=9) == []


def test_storing_twice_is_storing_once(patient: Patient) -> None:
    course = session(patient, 60.0).course
    first, second = claimed(course), claimed(course)
    assert [stored(first, 10.0), stored(second, 20.0)] == [[True], [True]]
    course_results.finish(first)
    assert indexes(of(course)) == [10.0]
    assert course_results.claim(course_id=course.pk) is None


def test_a_worker_that_dies_leaves_it_due_after_a_while(patient: Patient) -> None:
    course = session(patient).course
    claimed(course)
    assert course_results.due(limit=9) == []
    Course.objects.update(attempt_after=timezone.now())
    assert measuring.due() == [("worker.update_course", str(course.pk))]


def test_attempts_end_and_begin_anew_with_the_next_session(patient: Patient) -> None:
    course = session(patient).course
    Course.objects.update(attempts=20)
    assert course_results.due(limit=9) == []
    assert course_results.claim(course_id=course.pk) is None
    session(patient)
    assert course_results.due(limit=9) == [course.pk]


def test_a_model_whose_files_are_gone_is_not_asked(patient: Patient) -> None:
    course = session(patient).course
    assert of(course).is_due
    ModelBundle.objects.update(path="")
    assert not of(course).is_due, "nobody waits for what does not come"
    assert course_results.claim(course_id=course.pk) is None
    assert course_results.due(limit=9) == []


def test_what_has_not_the_shape_is_not_kept_and_a_newer_one_is_said_so(patient: Patient) -> None:
    course = session(patient).course
    given = claimed(course)
    with pytest.raises(Invalid, match="no result"):
        course_results.store(course_id=course.pk, wanted=given.wanted[0], found=[{"person": 1}])
    assert stored(given) == [True]
    row = CourseResult.objects.get()
    CourseResult.objects.update(result={**row.result, "schema": 99})
    with pytest.raises(UnreadableResult, match="newer version"):
        of(course)
    CourseResult.objects.update(result={"schema": 1})
    with pytest.raises(UnreadableResult):
        of(course)
