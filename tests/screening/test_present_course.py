"""A course over the API and on the pages: what its readers see, and what a further session asks."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from screening.models import CourseResult, ModelBundle, Patient, Screening, User
from screening.services import bundles, protocols, screenings
from tests.screening import factories as make
from tests.screening.test_courses import days_ago, session

pytestmark = pytest.mark.django_db
DOSE = {"age_years": 67, "known_pd": True, "pd_medication": True}


@pytest.fixture
def patient() -> Patient:
    made: Patient = make.PatientFactory(site__release_policy="at_once")
    return made


@pytest.fixture
def get() -> Callable[[User | None, str], Any]:
    def ask(user: User | None, path: str) -> Any:
        assert user is not None
        client = Client()
        client.force_login(user)
        return client.get(path)

    return ask


def course_of(get: Any, user: User | None, screening: Screening) -> Any:
    return get(user, f"/api/v1/screenings/{screening.pk}/course/").json()


def text_of(response: Any) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


# --- the API ------------------------------------------------------------------------------------
def test_one_session_and_then_two(get: Any, patient: Patient) -> None:
    clinician = make.ClinicianFactory(site=patient.site)
    first = session(patient, 60.0)
    alone = course_of(get, clinician, first)
    assert (alone["is_due"], alone["result"], alone["courses"]) == (True, None, [])
    session(patient, 80.0, **DOSE, hours_since_dose=2)
    make.read_together()
    both = course_of(get, clinician, first)
    assert [one["hypomimia_index"] for one in both["sessions"]] == [60.0, 80.0]
    assert [one["is_this"] for one in both["sessions"]] == [True, False]
    assert [one["medication_words"] for one in both["sessions"]] == [
        "medication not clear",
        "on medication",
    ]
    assert [one["value"] for one in both["courses"]] == [70.0]
    assert both["sentences"] == []


def test_the_statement_is_of_the_person_once_there_is_one(get: Any, patient: Patient) -> None:
    first = session(patient, 60.0)
    make.read_together()
    session(patient, 80.0)
    path = f"/api/v1/screenings/{first.pk}/"
    assert get(patient.user, path).json()["result"]["statement"]["index"]["value"] == 60
    make.read_together()
    index = get(patient.user, path).json()["result"]["statement"]["index"]
    assert index == {"value": 70, "low": 50, "high": 90, "sessions": 2}
    clinician = make.ClinicianFactory(site=patient.site)
    said = get(clinician, f"{path}assessment/").json()["statement"]
    assert said["index"] == index


def test_a_result_by_another_model_says_nothing_of_the_person_by_this_one(
    get: Any, patient: Patient
) -> None:
    first = session(patient, 60.0)
    bundles.activate(by=None, bundle=make.BundleFactory())
    session(patient, 80.0)
    make.read_together()
    path = f"/api/v1/screenings/{first.pk}/"
    assert get(patient.user, path).json()["result"]["statement"]["index"]["sessions"] == 1
    assert course_of(get, patient.user, first)["sessions"][0]["why_not"] != ""


def test_change_is_told_to_each_in_their_words(get: Any, patient: Patient) -> None:
    days_ago(session(patient, 40.0).course, 20)
    now = session(patient, 90.0)
    change = {"first": 40.0, "second": 90.0, "low": 10.0, "high": 70.0, "is_shown": True}
    make.read_together(change=change)
    clinician = make.ClinicianFactory(site=patient.site)
    (told,) = course_of(get, clinician, now)["sentences"]
    assert told["code"] == "change_shown"
    assert "moves less than in the first course: the index went from 40 to 90" in told["text"]
    (own,) = course_of(get, patient.user, now)["sentences"]
    assert "Your face moved less than in your first sessions" in own["text"]
    assert not re.search(r"\d", own["text"])
    # Nor does the statement say that nothing need be done.
    path = f"/api/v1/screenings/{now.pk}/"
    codes = {
        one["code"] for one in get(patient.user, path).json()["result"]["statement"]["sentences"]
    }
    assert "next_doctor" in codes
    assert "next_nothing" not in codes


def test_a_patient_gets_neither_grade_nor_signs_of_the_course(get: Any, patient: Patient) -> None:
    first = session(patient, 60.0)
    make.read_together()
    for row in CourseResult.objects.all():
        row.result["groups"][0]["person"]["severity_expected"]["value"] = 1.8
        CourseResult.objects.filter(pk=row.pk).update(result=row.result)
    clinician = make.ClinicianFactory(site=patient.site)
    (whole,) = course_of(get, clinician, first)["result"]["groups"]
    assert whole["person"]["severity_expected"]["value"] is not None
    (own,) = course_of(get, patient.user, first)["result"]["groups"]
    assert own["person"]["severity_expected"]["value"] is None
    assert own["signs"] == []
    assert own["person"]["hypomimia_index"] == whole["person"]["hypomimia_index"]


@pytest.mark.parametrize("who", ["patient", "clinician"])
def test_below_it_nothing_is_shown_to_have_changed(get: Any, patient: Patient, who: str) -> None:
    days_ago(session(patient, 40.0).course, 20)
    now = session(patient, 50.0)
    change = {"first": 40.0, "second": 50.0, "low": 10.0, "high": 70.0, "is_shown": False}
    make.read_together(change=change)
    user = patient.user if who == "patient" else make.ClinicianFactory(site=patient.site)
    (told,) = course_of(get, user, now)["sentences"]
    assert told["text"].startswith("Nothing is shown to have changed since")


def test_medication_apart_is_said_and_the_newest_comes_first(get: Any, patient: Patient) -> None:
    session(patient, 80.0, **DOSE, hours_since_dose=14)
    now = session(patient, 40.0, **DOSE, hours_since_dose=1)
    make.read_together()
    found = course_of(get, patient.user, now)
    assert [one["code"] for one in found["sentences"]] == ["certainty_apart"]
    assert [one["medication"] for one in found["courses"]] == ["on", "off"]


def test_a_result_that_cannot_be_read_leaves_the_sessions(get: Any, patient: Patient) -> None:
    now = session(patient)
    make.read_together()
    CourseResult.objects.update(result={"schema": 99})
    found = course_of(get, patient.user, now)
    assert (len(found["sessions"]), found["result"], found["is_due"]) == (1, None, False)
    assert get(patient.user, f"/api/v1/screenings/{now.pk}/").json()["result"]["statement"]["index"]


# --- the patient's own page ---------------------------------------------------------------------
def begin(patient: Patient) -> Any:
    client = Client()
    assert patient.user is not None
    client.force_login(patient.user)
    return client, client.post(reverse("screenings"))


def test_the_home_page_says_what_comes_next(get: Any, patient: Patient) -> None:
    home = reverse("screenings")
    make.consent(patient)
    assert "3 sessions on different days belong together" in text_of(get(patient.user, home))
    session(patient)
    assert "Next: a short session" in text_of(get(patient.user, home))
    for _ in range(2):
        session(patient)
    assert "You have done what was asked of you" in text_of(get(patient.user, home))
    for _ in range(2):
        session(patient)
    assert "These sessions are complete" in text_of(get(patient.user, home))


def test_a_further_session_asks_for_the_dose_alone(patient: Patient) -> None:
    session(patient, **DOSE, hours_since_dose=2, glasses=True)
    client, answer = begin(patient)
    page = client.get(answer.url)
    asked = re.findall(r'<(?:input|select)[^>]* name="(\w+)"', text_of(page))
    assert set(asked) == {"csrfmiddlewaretoken", "hours_since_dose"}
    client.post(answer.url, {"hours_since_dose": "3"})
    intake = Screening.objects.get(patient=patient, state="draft").intake
    assert (intake.age_years, intake.glasses, intake.hours_since_dose) == (67, True, 3.0)
    whole = text_of(client.get(f"{answer.url}?all"))
    assert 'name="glasses"' in whole


def test_a_dose_that_is_not_said_is_not_that_of_last_time(patient: Patient) -> None:
    session(patient, **DOSE, hours_since_dose=2)
    client, answer = begin(patient)
    client.post(answer.url, {"hours_since_dose": ""})
    assert Screening.objects.get(patient=patient, state="draft").intake.hours_since_dose is None


def test_who_takes_no_medicine_goes_to_the_camera_at_once(patient: Patient) -> None:
    session(patient, pd_medication=False, age_years=70)
    _, answer = begin(patient)
    assert answer.url.endswith("/record/")
    assert Screening.objects.get(patient=patient, state="draft").intake.age_years == 70


def test_the_first_session_of_a_course_asks_everything(patient: Patient) -> None:
    days_ago(session(patient, **DOSE).course, 30)
    client, answer = begin(patient)
    assert 'name="glasses"' in text_of(client.get(answer.url))


# --- what is asked for --------------------------------------------------------------------------
def reading(*expressions: str) -> ModelBundle:
    made = make.BundleFactory(metadata={"expressions": list(expressions)})
    return bundles.activate(by=None, bundle=made)


def asks(protocol: Any) -> list[str]:
    return [step.expression for step in protocol.steps.all()]


def test_a_new_site_asks_for_what_the_active_model_reads(get: Any, patient: Patient) -> None:
    assert protocols.default().slug == "quick"
    reading("smile", "disgust", "surprise")
    assert (protocols.default().version, len(asks(protocols.default()))) == (1, 4)
    reading("fear", "smile")
    default = protocols.default()
    assert (default.version, asks(default)) == (2, ["rest", "smile", "fear"])
    assert default.least_sessions == 3
    reading("surprise", "disgust", "smile")
    assert protocols.default().version == 1


def test_what_is_for_research_only_is_said(get: Any, patient: Patient) -> None:
    make.consent(patient)
    home = reverse("screenings")
    assert "for research only" not in text_of(get(patient.user, home)), "nobody knows yet"
    reading("disgust")
    assert protocols.for_research(patient.site.protocol) == ["smile"]
    assert "1 of the recordings are for research only" in text_of(get(patient.user, home))


def test_earlier_answers_are_those_of_a_session_that_was_handed_in(patient: Patient) -> None:
    first = make.draft(patient)
    screenings.save_intake(by=make.person(first), screening=first, answers={"age_years": 70})
    screenings.withdraw(by=make.person(first), screening=first)
    assert screenings.earlier_answers(make.draft(patient)) is None
