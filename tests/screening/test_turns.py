"""Patients take turns at the measurers: nobody waits behind another's many clips."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from screening.models import Clip
from screening.services import consents, measuring
from tests.screening import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(request: pytest.FixtureRequest) -> Callable[..., list[Clip]]:
    """Clips of a new patient, received one second after the other from ``at`` on."""
    start = timezone.now() - timedelta(hours=1)

    def send(clips: int, *, at: float = 0.0) -> list[Clip]:
        protocol = make.ProtocolFactory(
            expressions=["rest", "smile", "disgust", "surprise"][:clips]
        )
        screening = make.draft(make.PatientFactory(site__protocol=protocol))
        rows = [make.send(clip) for clip in screening.clips.order_by("step__order")]
        for place, clip in enumerate(rows):
            came = start + timedelta(seconds=at + place)
            Clip.objects.filter(pk=clip.pk).update(received_at=came)
        return rows

    return send


def take(seconds: float = 60.0) -> Any:
    """The clip that a worker gets now."""
    claim = measuring.claim_next(seconds=seconds)
    return claim.clip_id if claim else None


def test_a_newcomer_waits_for_one_clip_of_everybody_not_for_all(
    sent: Callable[..., list[Clip]],
) -> None:
    many, few = sent(4), sent(2, at=100)
    order = [take() for _ in range(6)]
    named = {clip.pk: f"a{n}" for n, clip in enumerate(many)} | {
        clip.pk: f"b{n}" for n, clip in enumerate(few)
    }
    assert [named[pk] for pk in order] == ["a0", "b0", "a1", "b1", "a2", "a3"]
    assert take() is None


def test_newcomers_do_not_keep_somebody_waiting_for_ever(
    sent: Callable[..., list[Clip]],
) -> None:
    """The line never empties: whenever a clip is taken, another patient has come."""
    many = {clip.pk for clip in sent(4)}
    order = []
    for _ in range(8):
        order.append(take())
        (new,) = sent(1)
        Clip.objects.filter(pk=new.pk).update(received_at=timezone.now())
    assert many <= set(order), order


def test_a_clip_that_hangs_again_and_again_is_one_turn_each_time(
    sent: Callable[..., list[Clip]], settings: Settings
) -> None:
    settings.MEASURE_ATTEMPTS = 3
    (bad,), (good,) = sent(1), sent(1, at=10)
    assert take() == bad.pk
    Clip.objects.filter(pk=bad.pk).update(claimed_until=timezone.now() - timedelta(seconds=1))
    claim = measuring.claim_next(seconds=60)
    assert claim is not None
    assert claim.clip_id == good.pk, "its lease ran out, and it was its turn before"
    assert take() == bad.pk


def test_a_clip_whose_file_cannot_be_had_rests_and_loses_no_attempt(
    sent: Callable[..., list[Clip]],
) -> None:
    (clip,) = sent(1)
    claim = measuring.claim_next(seconds=60)
    assert claim is not None
    measuring.postpone(claim=claim, seconds=60)
    clip.refresh_from_db()
    assert (clip.state, clip.attempts) == ("received", 0)
    assert take() is None
    assert measuring.due() == []
    assert measuring.claim_clip(clip_id=clip.pk, seconds=60) is None
    Clip.objects.filter(pk=clip.pk).update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert measuring.due() == [("worker.measure_clip", str(clip.pk))]
    assert take() == clip.pk


def test_clips_of_somebody_who_took_consent_back_are_passed_over(
    sent: Callable[..., list[Clip]],
) -> None:
    gone, stays = sent(2), sent(1, at=50)
    patient = gone[0].screening.patient
    consents.withdraw(patient=patient, by=make.person(gone[0].screening))
    assert take() == stays[0].pk
    assert take() is None


def test_what_was_tried_too_often_makes_room_for_the_next(
    sent: Callable[..., list[Clip]], settings: Settings
) -> None:
    settings.MEASURE_ATTEMPTS = 1
    (bad,), (good,) = sent(1), sent(1, at=10)
    long_ago: datetime = timezone.now() - timedelta(days=2)
    Clip.objects.filter(pk=bad.pk).update(
        state="measuring", attempts=1, claimed_at=long_ago, claimed_until=long_ago
    )
    assert take() == good.pk
    bad.refresh_from_db()
    assert (bad.state, bad.reason) == ("failed", "attempts_used_up")
