"""The ends of a screening's transitions: consent that is out of date, two at once, and in words."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from screening.errors import Conflict, DomainError, Invalid, NotFound, WrongState
from screening.models import Clip, Consent, Intake, Patient, Screening
from screening.services import consents, protocols, screenings
from screening.services.transitions import (
    TAKEN_BACK,
    consent_stands,
    lock_screening,
    move,
    try_move,
)
from tests.screening import factories as make
from tests.screening.meanwhile import before

pytestmark = pytest.mark.django_db


def refused(patient: Patient) -> str:
    with pytest.raises(WrongState, match="accept the consent") as error:
        screenings.start(patient=patient)
    return error.value.code


def new_text() -> None:
    admin = make.AdminFactory()
    form = protocols.new_form_version(by=admin, form=consents.current_form())
    protocols.publish(by=admin, form=form)


def test_a_newer_text_is_asked_for_before_a_session_begins() -> None:
    patient = make.PatientFactory()
    make.consent(patient)
    new_text()
    assert refused(patient) == "consent_missing"
    make.consent(patient)
    assert screenings.start(patient=patient).state == "draft"


def test_somebody_who_was_erased_starts_nothing() -> None:
    """Whatever else their rows still say."""
    patient = make.PatientFactory()
    make.consent(patient)
    patient.erased_at = timezone.now()
    assert refused(patient) == "consent_missing"


def test_two_tabs_that_start_at_once_share_one_session() -> None:
    patient = make.PatientFactory()
    make.consent(patient)
    first: list[Screening] = []
    with before("SAVEPOINT", lambda: first.append(screenings.start(patient=patient))):
        second = screenings.start(patient=patient)
    assert first == [second]
    assert Screening.objects.filter(patient=patient).count() == 1
    assert second.clips.count() == 2


def test_a_draft_is_ones_own_and_no_finished_session() -> None:
    site = make.SiteFactory()
    other = make.draft(make.PatientFactory(site=site))
    done = make.scored(make.PatientFactory(site=site))
    fresh = screenings.start(patient=done.patient)
    assert fresh not in (other, done)
    assert fresh.state == "draft"


def test_what_is_wrong_with_an_answer_is_said_in_words() -> None:
    screening = make.draft()
    by = make.person(screening)

    def words(**answers: object) -> str:
        with pytest.raises(Invalid) as wrong:
            screenings.save_intake(by=by, screening=screening, answers=answers)
        assert wrong.value.code == "intake"
        return str(wrong.value)

    assert words(shoe_size=43, hat=7) == "There is no such question: hat, shoe_size."
    said = words(age_years=7, hours_since_dose=99)
    age, hours = said.split(". ")
    assert age.startswith("Age years: ensure this value is greater than or equal to 18")
    assert hours.startswith("Hours since dose: ensure this value is less than or equal to 72")
    assert not Intake.objects.exists(), "nothing of it was kept"


@pytest.mark.parametrize("state", ["draft", "needs_rerecord"])
def test_answers_are_taken_while_the_patient_records(state: str) -> None:
    if state == "draft":
        screening = make.draft()
    else:
        screening = make.scored()
        clinician = make.ClinicianFactory(site=screening.site)
        screenings.request_rerecord(by=clinician, screening=screening, steps=["rest"])
    by = make.person(screening)
    first = screenings.save_intake(by=by, screening=screening, answers={"age_years": 70})
    second = screenings.save_intake(by=by, screening=screening, answers={"glasses": True})
    assert first.pk == second.pk
    assert (second.age_years, second.glasses, second.beard) == (70, True, None)


def test_what_was_handed_in_takes_no_more_answers() -> None:
    screening = make.submitted()
    with pytest.raises(DomainError) as late:
        screenings.save_intake(
            by=make.person(screening), screening=screening, answers={"age_years": 70}
        )
    assert late.value.code == "wrong_state"
    assert not Intake.objects.exists()


def test_without_a_standing_consent_nothing_is_handed_in() -> None:
    screening = make.draft()
    make.active_bundle()
    for clip in screenings.current_clips(screening):
        make.send(clip)
    Consent.objects.filter(patient=screening.patient).update(withdrawn_at=timezone.now())
    with pytest.raises(WrongState, match="accept the consent") as gone:
        screenings.submit(by=make.person(screening), screening=screening)
    assert gone.value.code == "consent_missing"
    screening.refresh_from_db()
    assert (screening.state, screening.bundle) == ("draft", None)


def test_a_take_is_replaced_once() -> None:
    screening = make.draft()
    clip = make.send(make.clip_of(screening, "smile"))
    again = Clip.objects.get(pk=clip.pk)
    fresh = screenings.supersede(clip)
    assert (clip.state, fresh.take, fresh.state) == ("superseded", 2, "expected")
    with pytest.raises(WrongState, match="replaced already"):
        screenings.supersede(again)
    another = lambda: Clip.objects.create(screening=screening, step=clip.step, take=3)  # noqa: E731
    with (
        pytest.raises(Conflict),
        transaction.atomic(),
        before('INSERT INTO "screening_clip"', another),
    ):
        screenings.supersede(fresh)


def test_a_row_moves_only_from_where_it_was_expected() -> None:
    screening, other = make.draft(), make.draft()
    assert not try_move(screening, expected=["scored"], rerecord_note="x")
    with pytest.raises(WrongState, match=r"^No\.$"):
        move(screening, expected=["scored"], detail="No.", rerecord_note="x")
    assert screening.rerecord_note == ""
    move(screening, expected=["scored", "draft"], rerecord_note="Seen.")
    for row, note in ((screening, "Seen."), (other, "")):
        assert row.rerecord_note == note
        row.refresh_from_db()
        assert row.rerecord_note == note
    bundle = make.BundleFactory()
    assert try_move(bundle, expected=[bundle.status], path="elsewhere")
    assert not try_move(bundle, expected=["nothing"], path="x")
    assert bundle.path == "elsewhere"


def test_a_sum_that_the_database_makes_is_not_put_into_the_row() -> None:
    screening = make.draft()
    later = F("created_at") + timedelta(days=1)
    assert try_move(screening, expected=["draft"], assess_attempts=F("assess_attempts") + 2)
    assert try_move(screening, expected=["draft"], assess_after=later)
    assert (screening.assess_attempts, screening.assess_after) == (0, None)
    screening.refresh_from_db()
    assert (screening.assess_attempts, screening.assess_after) == (
        2,
        screening.created_at + timedelta(days=1),
    )


def test_a_screening_that_is_gone_is_not_found() -> None:
    with pytest.raises(NotFound):
        lock_screening(make.PatientFactory().pk)


def test_nobody_elses_consent_holds_a_session_open() -> None:
    screening, other = make.scored(), make.draft()
    Consent.objects.filter(patient=screening.patient).update(withdrawn_at=timezone.now())
    assert (consent_stands(screening), consent_stands(other)) == (False, True)


def test_what_was_taken_back_is_said_so() -> None:
    screening = make.scored()
    screenings.withdraw(by=make.person(screening), screening=screening)
    with pytest.raises(WrongState, match="taken back already"):
        screenings.withdraw(by=make.person(screening), screening=screening)
    assert TAKEN_BACK == "The patient took this screening back."


def test_each_act_that_comes_too_late_says_why() -> None:
    screening = make.scored(release_policy="at_once")
    clinician, by = make.ClinicianFactory(site=screening.site), make.person(screening)
    for act, words in (
        (lambda: screenings.submit(by=by, screening=screening), "submitted already"),
        (
            lambda: screenings.request_rerecord(by=clinician, screening=screening, steps=["rest"]),
            "Only a submitted screening that was not released",
        ),
        (lambda: screenings.release(by=clinician, screening=screening), "Only a scored screening"),
        (
            lambda: screenings.save_intake(by=by, screening=screening, answers={}),
            "submitted already",
        ),
    ):
        with pytest.raises(WrongState, match=words):
            act()
