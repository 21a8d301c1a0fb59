"""Each sign alone that a screening is closed closes it; and one that comes in mid-act is seen."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from screening.errors import DomainError
from screening.models import AuditEntry, Consent, Event, Patient, Review, Screening, Site, User
from screening.permissions import (
    ReviewClip,
    ReviewScreening,
    ViewAssessment,
    ViewClip,
    stands,
)
from screening.services import consents, erasure, measuring, reviews, screenings
from screening.services.transitions import consent_stands
from tests.screening import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def screening() -> Screening:
    """Scored and not released; its clinic has since ceased to ask for a review before that."""
    made = make.scored()
    Site.objects.filter(pk=made.site_id).update(release_policy="at_once")
    return made


@pytest.fixture
def clinician(screening: Screening) -> User:
    made: User = make.ClinicianFactory(site=screening.site)
    return made


def only(sign: str, screening: Screening) -> None:
    """One sign alone: the site's own acts set several at once, and any of them must do."""
    now = timezone.now()
    rows = Screening.objects.filter(pk=screening.pk)
    if sign == "taken back":
        rows.update(withdrawn_at=now)
    elif sign == "its state":
        rows.update(state=Screening.State.WITHDRAWN)
    elif sign == "erased":
        Patient.objects.filter(pk=screening.patient_id).update(erased_at=now)
    elif sign == "consent withdrawn":
        Consent.objects.filter(patient=screening.patient_id).update(withdrawn_at=now)
    elif sign == "somebody else's consent":
        make.consent(make.PatientFactory(site=screening.site))
        only("consent withdrawn", screening)
    screening.refresh_from_db()


SIGNS = ["taken back", "its state", "erased", "consent withdrawn", "somebody else's consent"]


def test_without_any_sign_it_is_open(screening: Screening, clinician: User) -> None:
    assert consent_stands(screening)
    assert ReviewScreening.allows(clinician, screening)


@pytest.mark.parametrize("sign", SIGNS)
def test_each_sign_alone_closes_it(screening: Screening, clinician: User, sign: str) -> None:
    only(sign, screening)
    clip = screening.clips.all()[0]
    assessment = screening.assessments.get()
    assert not consent_stands(screening)
    for permission, row in (
        (ReviewScreening, screening),
        (ReviewClip, clip),
        (ViewClip, clip),
        (ViewAssessment, assessment),
    ):
        assert not permission.allows(clinician, row), permission.name
        assert not permission.filter(clinician, permission.model._default_manager.all()).exists()
    assert not assessment._meta.default_manager.filter(stands("screening__")).exists()
    with pytest.raises(DomainError):
        reviews.sign_off(by=clinician, screening=screening, grade=1)


@pytest.mark.parametrize("sign", SIGNS)
def test_each_sign_alone_ends_the_work(sign: str) -> None:
    screening = make.submitted()
    found = measuring.claim_assessment(screening_id=screening.pk)
    assert found is not None
    only(sign, screening)
    assert measuring.claim_assessment(screening_id=screening.pk) is None
    (target,) = found.targets
    stored = measuring.store_assessment(
        screening_id=screening.pk,
        bundle=target.bundle_id,
        measurements_digest=target.measurements_digest,
        result=make.result(),
    )
    assert stored is None
    assert not screening.assessments.exists()


@contextmanager
def after_the_check(act: Callable[[], object]) -> Iterator[None]:
    """Lets ``act`` happen after the next statement: between who may and the transaction's lock."""
    waiting = [act]

    def run(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        answer = execute(sql, params, many, context)
        if waiting:
            waiting.pop()()
        return answer

    with connection.execute_wrapper(run):
        yield
    assert not waiting


def erased(screening: Screening) -> None:
    erasure.erase_patient(by=make.AdminFactory(), patient=screening.patient)


def withdrawn(screening: Screening) -> None:
    screenings.withdraw(by=make.person(screening), screening=screening)


def consent_withdrawn(screening: Screening) -> None:
    consents.withdraw(patient=screening.patient, by=make.person(screening))


ACTS: list[Callable[..., object]] = [
    lambda by, screening: reviews.sign_off(by=by, screening=screening, grade=0, note="seen"),
    lambda by, screening: screenings.release(by=by, screening=screening),
    lambda by, screening: screenings.request_rerecord(by=by, screening=screening, steps=["smile"]),
]


NAMES = ["review", "release", "rerecord"]


@pytest.mark.parametrize("act", ACTS, ids=NAMES)
def test_nothing_ends_and_each_act_is_done(
    screening: Screening, clinician: User, act: Callable[..., object]
) -> None:
    with after_the_check(lambda: None):
        act(clinician, screening)


@pytest.mark.parametrize("act", ACTS, ids=NAMES)
@pytest.mark.parametrize("end", [erased, withdrawn, consent_withdrawn])
def test_what_ends_in_mid_act_is_not_acted_on(
    screening: Screening, clinician: User, act: Callable[..., object], end: Callable[..., None]
) -> None:
    """Erased, taken back or withdrawn while a clinician's click is under way."""
    with pytest.raises(DomainError), after_the_check(lambda: end(screening)):
        act(clinician, screening)
    screening.refresh_from_db()
    assert screening.withdrawn_at is not None
    assert (screening.rerecord_note, screening.released_at) == ("", None)
    assert not Review.objects.filter(screening=screening).exists()
    acted = ["review.signed", "screening.released", "screening.needs_rerecord"]
    assert not AuditEntry.objects.filter(action__in=acted).exists()
    assert not Event.objects.filter(kind__in=acted).exists()


@pytest.mark.parametrize("end", [erased, withdrawn, consent_withdrawn])
def test_a_released_result_that_is_taken_back_in_mid_act_is_not_reviewed(
    screening: Screening, clinician: User, end: Callable[..., None]
) -> None:
    """It stays *released* to its patient when the consent goes: the state alone says nothing."""
    screenings.release(by=clinician, screening=screening)
    with pytest.raises(DomainError), after_the_check(lambda: end(screening)):
        reviews.sign_off(by=clinician, screening=screening, grade=0)
    assert not Review.objects.filter(screening=screening).exists()
