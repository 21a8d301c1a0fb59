"""How long events are kept, and what a reader is told who asks for those that are gone."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from screening.models import Event, Screening
from screening.services import events
from tests.worker import people
from worker import sweeper

pytestmark = pytest.mark.django_db


@pytest.fixture
def screening() -> Screening:
    return people.make_screening(people.make_patient(people.make_site()))


@pytest.fixture
def patient(screening: Screening) -> Client:
    client = Client()
    client.force_login(
        people.the_user(screening.patient), "django.contrib.auth.backends.ModelBackend"
    )
    return client


def append(screening: Screening, many: int) -> None:
    for _ in range(many):
        events.append(screening=screening, kind="k")


def grow_old(screening: Screening, upto: int) -> None:
    """Everything up to this number of the patient's stream, in both streams."""
    long_ago = timezone.now() - timedelta(days=91)
    Event.objects.filter(number__lte=upto).update(created_at=long_ago)


def read(patient: Client, after: int) -> tuple[bool, list[int]]:
    told = patient.get(f"/api/v1/events/?stream=patient&after={after}").json()
    return told["complete"], [event["number"] for event in told["events"]]


def test_old_events_go_with_the_sweep_and_numbers_go_on(
    screening: Screening, patient: Client, settings: Any
) -> None:
    append(screening, 5)
    grow_old(screening, 3)
    events.prune()
    assert read(patient, 0) == (False, [4, 5, 6])
    assert read(patient, 2) == (False, [4, 5, 6])
    assert read(patient, 3) == (True, [4, 5, 6])
    assert read(patient, 6) == (True, [])
    grow_old(screening, 6)
    events.prune()
    assert Event.objects.count() == 0
    assert read(patient, 5) == (False, [])
    append(screening, 1)
    assert read(patient, 6) == (True, [7])


def test_a_number_that_the_stream_never_reached_is_not_complete(
    screening: Screening, patient: Client
) -> None:
    assert read(patient, 1) == (True, [])
    assert read(patient, 2) == (False, [])


def test_a_backlog_goes_a_little_at_a_time_oldest_first(
    screening: Screening, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(screening, 5)
    grow_old(screening, 4)
    monkeypatch.setattr(events, "PRUNED_AT_ONCE", 4)
    key = events.patient_stream(screening.patient_id)
    left = [6]
    while events.prune():
        numbers = list(events.after(stream=key, number=0))
        left.append(len(numbers))
        assert [one.number for one in numbers] == list(range(7 - len(numbers), 7))
    assert left == [6, 4, 2]


def test_the_sweep_prunes(screening: Screening, monkeypatch: pytest.MonkeyPatch) -> None:
    grow_old(screening, 1)
    monkeypatch.setattr(sweeper, "_enqueue_due", lambda: 0)
    sweeper.sweep()
    assert not Event.objects.exists()
