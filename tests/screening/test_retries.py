"""Assessing that fails is tried less and less often, and not for ever."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from screening import queue
from screening.errors import NotAllowed, WrongState
from screening.models import AuditEntry, Event, ModelBundle, Screening
from screening.services import bundles, measuring, retries
from tests.screening import factories as make
from tests.screening.conftest import Client

pytestmark = pytest.mark.django_db


def fail(screening: Screening) -> bool:
    """What a worker does that never comes back: it claims. False when there was no attempt left."""
    return measuring.claim_assessment(screening_id=screening.pk) is not None


def is_due(screening: Screening) -> bool:
    asks = (queue.ASSESS_SCREENING, queue.ASSESS_SHADOWS)
    return any((task, str(screening.pk)) in measuring.due() for task in asks)


def wait_is_over(screening: Screening) -> None:
    past = timezone.now() - timedelta(seconds=1)
    Screening.objects.filter(pk=screening.pk).update(assess_after=past)


def waits(screening: Screening) -> timedelta:
    screening.refresh_from_db()
    assert screening.assess_after is not None
    return screening.assess_after - timezone.now()


def test_the_wait_doubles_and_the_attempts_end() -> None:
    screening = make.submitted()
    assert is_due(screening), "its hint may be lost"
    previous = timedelta()
    for _ in range(4):
        assert fail(screening)
        assert not is_due(screening)
        assert waits(screening) > 1.9 * previous
        previous = waits(screening)
        wait_is_over(screening)
        assert is_due(screening)
    while fail(screening):
        assert waits(screening) <= retries.LONGEST_WAIT
    wait_is_over(screening)
    assert screening.assess_attempts == retries.MOST_ATTEMPTS
    assert not is_due(screening)


def test_people_read_that_it_is_delayed(client_of: Callable[..., Client]) -> None:
    screening = make.submitted()
    patient = client_of(make.person(screening))
    clinician = client_of(make.ClinicianFactory(site=screening.site))
    address = f"/api/v1/screenings/{screening.pk}/"

    def words() -> list[Any]:
        return [client.get(address).json()["state_words"] for client in (patient, clinician)]

    assert words() == ["being measured", "submitted"]
    for _ in range(retries.DELAYED_AT):
        fail(screening)
    assert words()[0] == "delayed; your clinic was told"
    assert words()[1] == "delayed: no result yet"
    assert "Delayed; your clinic was told" in patient.get(reverse("screenings")).content.decode()
    site = Event.objects.filter(kind="screening.delayed", stream__key__startswith="site:")
    assert site.count() == 1
    make.assess(screening)
    assert words() == ["in review at your clinic", "scored"]


def test_an_administrator_starts_it_again(client_of: Callable[..., Client]) -> None:
    screening, admin = make.submitted(), make.AdminFactory()
    Screening.objects.filter(pk=screening.pk).update(assess_attempts=retries.MOST_ATTEMPTS)
    assert not fail(screening)
    with pytest.raises(NotAllowed):
        retries.assess_again(by=make.person(screening), screening=screening)
    page = reverse("admin:screening_screening_changelist")
    chosen = {"action": "assess_again", "_selected_action": [screening.pk]}
    assert b"done" in client_of(admin).post(page, chosen, follow=True).content
    assert AuditEntry.objects.get(action="screening.requeued").actor == admin
    make.assess(screening)
    assert screening.state == "scored"
    with pytest.raises(WrongState):
        retries.assess_again(by=admin, screening=screening)


def test_a_broken_shadow_is_left_alone_for_a_while() -> None:
    make.active_bundle()
    screenings = [make.scored() for _ in range(2)]
    shadow = bundles.set_shadow(by=None, bundle=make.BundleFactory())
    assert all(is_due(one) for one in screenings)
    for _ in range(retries.SHADOW_FAILURES):
        assert all(is_due(one) for one in screenings), "it may be one screening's doing"
        retries.shadow_failed(bundle_id=shadow.pk)
    assert not any(is_due(one) for one in screenings)
    assert not fail(screenings[0]), "what was enqueued before is dropped"

    ModelBundle.objects.filter(pk=shadow.pk).update(retry_after=timezone.now())
    assert all(is_due(one) for one in screenings)
    make.assess(screenings[0])
    shadow.refresh_from_db()
    assert (shadow.failures, shadow.retry_after) == (0, None)


def test_one_task_of_all_workers_measures_for_a_shadow() -> None:
    shadow = bundles.set_shadow(by=None, bundle=make.BundleFactory())
    held = retries.lease_shadow(bundle_id=shadow.pk, seconds=60)
    assert held is not None
    assert retries.lease_shadow(bundle_id=shadow.pk, seconds=60) is None
    longer = retries.lease_shadow(bundle_id=shadow.pk, seconds=90, held=held)
    assert longer is not None
    assert longer > held
    assert retries.lease_shadow(bundle_id=shadow.pk, seconds=60, held=held) is None
    retries.end_lease(bundle_id=shadow.pk, held=held)
    assert retries.lease_shadow(bundle_id=shadow.pk, seconds=60) is None, "not its holder's"
    retries.end_lease(bundle_id=shadow.pk, held=longer)
    assert retries.lease_shadow(bundle_id=shadow.pk, seconds=-1)
    assert retries.lease_shadow(bundle_id=shadow.pk, seconds=60), "its holder was silent"


def test_measuring_for_the_result_is_no_failed_attempt_and_keeps_others_away() -> None:
    screening = make.submitted()
    assert fail(screening)
    retries.goes_on(screening_id=screening.pk, seconds=600)
    assert waits(screening) > timedelta(seconds=590)
    retries.goes_on(screening_id=screening.pk, seconds=5)
    assert waits(screening) > timedelta(seconds=590), "a longer wait stays"
    assert screening.assess_attempts == 1
    retries.got_on(screening_id=screening.pk)
    assert waits(screening) > timedelta(seconds=590)
    assert screening.assess_attempts == 0


def test_a_shadow_that_is_set_again_starts_afresh() -> None:
    make.active_bundle()
    shadow = bundles.set_shadow(by=None, bundle=make.BundleFactory())
    for _ in range(retries.SHADOW_FAILURES):
        retries.shadow_failed(bundle_id=shadow.pk)
    bundles.retire(by=make.AdminFactory(), bundle=shadow)
    bundles.set_shadow(by=None, bundle=shadow)
    assert retries.shadows_to_ask() == [shadow]
