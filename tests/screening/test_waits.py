"""How long it is tried and how long it rests: the numbers that patients and workers wait by."""

import logging
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from screening import queue
from screening.errors import WrongState
from screening.models import Event, ModelBundle, Screening
from screening.services import bundles, retries, screenings
from tests.screening import factories as make
from tests.screening.test_retries import fail, wait_is_over, waits
from tests.screening.trail import is_as_stored, named, what_is_left

pytestmark = pytest.mark.django_db

HOUR = 3600
#: A busy machine needs some of it.
CLOSE = 12.0


@pytest.fixture(autouse=True)
def swept_twice_a_minute(settings: Settings) -> None:
    settings.SWEEP_SECONDS = 30


def test_a_result_is_tried_for_half_a_day(caplog: pytest.LogCaptureFixture) -> None:
    screening = make.submitted()
    waited, delayed = [], []
    with caplog.at_level(logging.ERROR, logger=retries.__name__):
        while fail(screening):
            waited.append(waits(screening).total_seconds())
            delayed.append(retries.is_delayed(screening))
            wait_is_over(screening)
    assert waited == pytest.approx([30 * 2**n for n in range(7)] + [HOUR] * 13, abs=CLOSE)
    assert delayed == [False] * 3 + [True] * 17
    told = [line.args for line in caplog.records if line.name == retries.__name__]
    assert told == [(screening.pk, 4), (screening.pk, 20)]
    assert Event.objects.filter(kind="screening.delayed").count() == 2, "patient and site, once"


def test_a_long_sweep_waits_no_longer_than_an_hour(settings: Settings) -> None:
    settings.SWEEP_SECONDS = 2 * HOUR
    screening = make.submitted()
    assert fail(screening)
    assert waits(screening).total_seconds() == pytest.approx(HOUR, abs=CLOSE)


def test_only_the_clinics_own_result_is_counted() -> None:
    """A shadow's work at what is scored already is no attempt of this screening."""
    screening = make.scored()
    before = screening.assess_attempts
    assert retries.may_assess(screening.pk)
    screening.refresh_from_db()
    assert screening.assess_attempts == before
    assert not retries.is_delayed(screening)
    Screening.objects.filter(pk=screening.pk).update(assess_attempts=20)
    assert retries.may_assess(screening.pk)
    screening.refresh_from_db()
    assert not retries.is_delayed(screening), "the result is there"


def test_an_administrator_gives_all_attempts_back() -> None:
    screening, admin = make.submitted(), make.AdminFactory()
    Screening.objects.filter(pk=screening.pk).update(
        assess_attempts=20, assess_after=timezone.now()
    )
    with what_is_left(screening.patient) as left:
        retries.assess_again(by=admin, screening=screening)
    assert left.trail == [("screening.requeued", admin, named(screening), {})]
    assert left.asked == [(queue.ASSESS_SCREENING, (str(screening.pk),))]
    screening.refresh_from_db()
    assert (screening.assess_attempts, screening.assess_after) == (0, None)


def test_what_waits_for_a_clip_is_not_assessed_again() -> None:
    screening = make.draft()
    make.active_bundle()
    for clip in screenings.current_clips(screening):
        make.send(clip)
    admin = make.AdminFactory()
    with pytest.raises(WrongState, match="all clips done"):
        retries.assess_again(by=admin, screening=screening)
    screening = screenings.submit(by=make.person(screening), screening=screening)
    make.measure(make.clip_of(screening, "rest"))
    with pytest.raises(WrongState, match="all clips done"):
        retries.assess_again(by=admin, screening=screening)
    make.measure(make.clip_of(screening, "smile"))
    assert is_as_stored(retries.assess_again(by=admin, screening=screening))


def test_a_shadow_rests_from_its_third_failure_on_and_six_hours_at_most() -> None:
    shadow = bundles.set_shadow(by=None, bundle=make.BundleFactory())
    other = make.BundleFactory()
    rests = []
    for _ in range(14):
        retries.shadow_failed(bundle_id=shadow.pk)
        shadow.refresh_from_db()
        until = shadow.retry_after
        rests.append(until and (until - timezone.now()).total_seconds())
        asked = [one.pk for one in retries.shadows_to_ask()]
        assert asked == ([] if until else [shadow.pk])
    assert rests[:2] == [None, None]
    assert rests[2:] == pytest.approx([30 * 2**n for n in range(10)] + [6 * HOUR] * 2, abs=CLOSE)
    assert shadow.failures == 14
    other.refresh_from_db()
    assert (other.failures, other.retry_after) == (0, None)
    ModelBundle.objects.filter(pk=other.pk).update(failures=2)
    retries.shadow_worked(shadow.pk)
    shadow.refresh_from_db()
    other.refresh_from_db()
    assert (shadow.failures, shadow.retry_after, other.failures) == (0, None, 2)


@pytest.mark.parametrize(
    ("act", "seconds"),
    [
        (lambda pk: retries.passed_on(screening_id=pk), 5 * 60),
        (lambda pk: retries.goes_on(screening_id=pk, seconds=900), 900),
        (lambda pk: retries.rest(screening_id=pk, seconds=900), 900),
    ],
    ids=["passed on", "goes on", "rests"],
)
def test_it_is_due_again_after_so_long_and_only_what_is_handed_in(
    act: Callable[..., None], seconds: float
) -> None:
    screening, other, done = make.submitted(), make.submitted(), make.scored()
    for one in (screening, other):
        assert fail(one)
    for one in (other, done):
        one.refresh_from_db()
    before = [(one.assess_attempts, one.assess_after) for one in (other, done)]
    for one in (screening, done):
        act(one.pk)
    assert waits(screening).total_seconds() == pytest.approx(seconds, abs=CLOSE)
    for one in (other, done):
        one.refresh_from_db()
    assert [(one.assess_attempts, one.assess_after) for one in (other, done)] == before


def test_a_rest_is_no_attempt() -> None:
    screening, other, done = make.submitted(), make.submitted(), make.scored()
    assert fail(other)
    for _ in range(2):
        assert fail(screening)
        wait_is_over(screening)
    for left in (1, 0, 0):
        retries.rest(screening_id=screening.pk, seconds=60)
        screening.refresh_from_db()
        assert screening.assess_attempts == left
    assert waits(screening).total_seconds() == pytest.approx(60, abs=CLOSE)
    wait_is_over(screening)
    retries.rest(screening_id=screening.pk, seconds=60)
    assert waits(screening) < timedelta(), "without an attempt there is none to take back"
    assert fail(screening)
    before = done.assess_attempts
    for one in (screening, done):
        retries.got_on(screening_id=one.pk)
    for one in (screening, other, done):
        one.refresh_from_db()
    left = (screening.assess_attempts, other.assess_attempts, done.assess_attempts)
    assert left == (0, 1, before), "another's, and one that is scored already"


def test_a_lease_is_for_as_long_as_was_asked() -> None:
    shadow = bundles.set_shadow(by=None, bundle=make.BundleFactory())
    held = retries.lease_shadow(bundle_id=shadow.pk, seconds=600)
    assert held is not None
    shadow.refresh_from_db()
    assert shadow.measuring_until == held
    assert held - timezone.now() == pytest.approx(timedelta(seconds=600), abs=timedelta(seconds=12))
    assert retries.lease_shadow(bundle_id=make.BundleFactory().pk, seconds=60), "another's is free"
    retries.end_lease(bundle_id=shadow.pk, held=held)
    shadow.refresh_from_db()
    assert shadow.measuring_until is None
