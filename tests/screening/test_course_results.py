"""What the sessions of a course say of the person: which count, apart by medication, and since."""

from typing import Any

import pytest
from django.utils import timezone

from screening.errors import Invalid, UnreadableResult
from screening.models import (
    Course,
    CourseResult,
    Event,
    ModelBundle,
    Patient,
    Screening,
)
from screening.services import (
    bundles,
    consents,
    course_results,
    erasure,
    measuring,
    screenings,
)
from screening.services.course_results import Shown
from tests.screening import factories as make
from tests.screening.test_courses import days_ago, session

pytestmark = pytest.mark.django_db


@pytest.fixture
def patient() -> Patient:
    made: Patient = make.PatientFactory()
    return made


def of(course: Course, *, released_only: bool = False) -> Shown:
    return course_results.shown(course, released_only=released_only)


def indexes(shown: Shown) -> list[float | None]:
    assert shown.result is not None
    return [one["person"]["hypomimia_index"]["value"] for one in shown.result["groups"]]


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
