"""What each act of a worker leaves behind: events of the clip, tasks after the commit, the rows."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from screening import queue
from screening.models import Clip, Screening
from screening.services import measuring, screenings
from tests.screening import factories as make
from tests.screening.trail import is_as_stored, named, of, of_clip, what_is_left

pytestmark = pytest.mark.django_db


@pytest.fixture
def clip() -> Clip:
    """The last one of a handed-in screening that is not measured."""
    screening = make.draft()
    make.active_bundle()
    for one in screenings.current_clips(screening):
        make.send(one)
    screenings.submit(by=make.person(screening), screening=screening)
    make.measure(make.clip_of(screening, "rest"))
    return make.clip_of(screening, "smile")


def claim(clip: Clip, seconds: float = 60) -> measuring.ClaimedClip:
    found = measuring.claim_clip(clip_id=clip.pk, seconds=seconds)
    assert found is not None
    return found


def about(at: datetime | None, seconds: float) -> bool:
    """Whether ``at`` is so many seconds from now."""
    return at is not None and abs((at - timezone.now()).total_seconds() - seconds) < 20


def failed(clip: Clip, reason: str) -> tuple[str, dict[str, object]]:
    kind, data = of_clip(clip, "failed")
    return kind, data | {"reason": reason}


def assessing_of(clip: Clip) -> list[tuple[str, tuple[str, ...]]]:
    return [(queue.ASSESS_SCREENING, (str(clip.screening_id),))]


def measuring_of(clip: Clip) -> list[tuple[str, tuple[str, ...]]]:
    return [(queue.MEASURE_CLIP, (str(clip.pk),))]


def test_a_clip_is_claimed_and_kept(clip: Clip) -> None:
    with what_is_left(clip.screening.patient) as left:
        held = claim(clip, seconds=100)
    assert (left.trail, left.told, left.asked) == ([], [of_clip(clip, "measuring")], [])
    clip.refresh_from_db()
    told = (held.clip_id, held.screening_id, held.size, held.sha256, held.storage_key)
    assert told == (clip.pk, clip.screening_id, len(make.VIDEO), clip.sha256, clip.storage_key)
    assert (held.mime_type, held.has_playback, held.attempt) == ("video/webm", False, 1)
    assert clip.state == "measuring"
    assert about(clip.claimed_at, 0)
    assert about(clip.claimed_until, 100)
    assert measuring.renew(claim=held, seconds=500)
    clip.refresh_from_db()
    assert about(clip.claimed_until, 500)
    other = make.send(make.clip_of(make.draft(), "smile"))
    other_claim = claim(other)
    Clip.objects.filter(pk=clip.pk).update(attempts=2)
    assert not measuring.renew(claim=held, seconds=500), "another has it since"
    measuring.fail(claim=other_claim, code="x")
    assert not measuring.renew(claim=other_claim, seconds=500), "it has ended"


@pytest.mark.parametrize("state", ["measured", "unusable"])
def test_a_clip_is_measured(clip: Clip, state: str) -> None:
    reason = "" if state == "measured" else "too_dark"
    held = claim(clip)
    with what_is_left(clip.screening.patient) as left:
        row = measuring.store_measurement(
            claim=held, measurement=make.measurement("smile", state, reason or None)
        )
    kind, data = of_clip(clip, state)
    assert left.told == [(kind, data | {"reason": reason or None})]
    assert left.asked == assessing_of(clip)
    assert row is not None
    kept = (row.clip, row.clip_sha256, row.measurer_digest, row.state, row.reason, row.encoder)
    assert kept == (clip, held.sha256, "m" * 64, state, reason, "")
    clip.refresh_from_db()
    assert (clip.state, clip.reason, clip.claimed_until) == (state, reason, None)
    assert about(clip.measured_at, 0)


def test_the_result_waits_for_the_last_clip_and_for_the_patient() -> None:
    screening = make.draft()
    clips = [make.send(one) for one in screenings.current_clips(screening)]
    with what_is_left(screening.patient) as left:
        make.measure(clips[0])
    assert left.asked == []
    with what_is_left(screening.patient) as left:
        make.measure(clips[1])
    assert left.asked == [], "the patient has not handed it in"


@pytest.mark.parametrize("is_attempt", [True, False])
def test_a_clip_is_given_back(clip: Clip, is_attempt: bool) -> None:
    held = claim(clip)
    with what_is_left(clip.screening.patient) as left:
        measuring.give_back(claim=held, why="took_too_long", is_attempt=is_attempt)
    assert left.told == [of_clip(clip, "received")]
    assert left.asked == measuring_of(clip)
    clip.refresh_from_db()
    assert (clip.state, clip.claimed_until, clip.attempts) == ("received", None, int(is_attempt))


@pytest.mark.parametrize("is_attempt", [True, False])
def test_the_last_attempt(clip: Clip, is_attempt: bool, settings: Settings) -> None:
    settings.MEASURE_ATTEMPTS = 1
    held = claim(clip)
    with what_is_left(clip.screening.patient) as left:
        measuring.give_back(claim=held, why="took_too_long", is_attempt=is_attempt)
    if is_attempt:
        assert left.told == [failed(clip, "took_too_long")]
        assert left.asked == assessing_of(clip)
    else:
        assert left.told == [of_clip(clip, "received")]


def test_a_clip_rests(clip: Clip) -> None:
    held = claim(clip)
    with what_is_left(clip.screening.patient) as left:
        measuring.postpone(claim=held, seconds=300)
    assert (left.told, left.asked) == ([of_clip(clip, "received")], [])
    clip.refresh_from_db()
    assert (clip.state, clip.attempts) == ("received", 0)
    assert about(clip.claimed_until, 300)
    assert measuring.claim_clip(clip_id=clip.pk, seconds=60) is None
    with what_is_left(clip.screening.patient) as left:
        measuring.postpone(claim=held, seconds=300)
    assert left.told == [], "the claim has ended"


def test_a_clip_fails_and_is_measured_again(clip: Clip) -> None:
    held = claim(clip)
    with what_is_left(clip.screening.patient) as left:
        measuring.fail(claim=held, code="x" * 60)
    assert left.told == [failed(clip, "x" * 40)]
    assert left.asked == assessing_of(clip)
    clip.refresh_from_db()
    assert (clip.state, clip.reason, clip.claimed_until) == ("failed", "x" * 40, None)
    make.assess(clip.screening)
    Screening.objects.filter(pk=clip.screening_id).update(assess_attempts=3)
    by = make.AdminFactory()
    with what_is_left(clip.screening.patient) as left:
        row = measuring.requeue_failed(by=by, clip=clip)
    assert left.trail == [("clip.requeued", by, named(clip), {})]
    assert left.told == [
        of(clip.screening, "screening.submitted", "submitted"),
        of_clip(clip, "received"),
    ]
    of_course = (queue.UPDATE_COURSE, (str(clip.screening.course_id),))
    assert left.asked == [of_course, *measuring_of(clip)]
    assert is_as_stored(row)
    assert (row.state, row.reason, row.attempts, row.claimed_until) == ("received", "", 0, None)
    screening = Screening.objects.get(pk=clip.screening_id)
    assert (screening.state, screening.assess_attempts) == ("submitted", 0)
    with pytest.raises(make.WrongState):
        measuring.requeue_failed(by=by, clip=clip)


def test_nothing_is_measured_again_of_what_was_taken_back(clip: Clip) -> None:
    measuring.fail(claim=claim(clip), code="x")
    screenings.withdraw(by=make.person(clip.screening), screening=clip.screening)
    with pytest.raises(make.WrongState):
        measuring.requeue_failed(by=make.AdminFactory(), clip=clip)


def test_a_copy_to_play_is_kept_once(
    clip: Clip, tmp_path: Path, stored: Callable[[], list[str]]
) -> None:
    wanted = measuring.without_playback(clip_id=clip.pk)
    assert wanted is not None
    assert (wanted.clip_id, wanted.has_playback) == (clip.pk, False)
    film, before = tmp_path / "copy.mp4", stored()
    film.write_bytes(b"a copy")
    assert measuring.store_playback(claim=wanted, source=film)
    clip.refresh_from_db()
    assert clip.playback_key in stored()
    assert claim(clip).has_playback
    assert measuring.without_playback(clip_id=clip.pk) is None
    assert len(stored()) == len(before) + 1
    assert not measuring.store_playback(claim=wanted, source=film), "there is one already"


@pytest.mark.parametrize("change", [{"sha256": "0" * 64}, {"withdrawn_at": timezone.now()}])
def test_a_copy_that_nobody_needs_is_thrown_away(
    clip: Clip, tmp_path: Path, stored: Callable[[], list[str]], change: dict[str, object]
) -> None:
    wanted = measuring.without_playback(clip_id=clip.pk)
    assert wanted is not None
    rows = Clip.objects if "sha256" in change else Screening.objects
    rows.filter(pk=clip.pk if "sha256" in change else clip.screening_id).update(**change)
    film, before = tmp_path / "copy.mp4", stored()
    film.write_bytes(b"a copy")
    assert not measuring.store_playback(claim=wanted, source=film)
    assert stored() == before
    clip.refresh_from_db()
    assert clip.playback_key == ""


def test_a_lease_that_ends_now_is_over(clip: Clip) -> None:
    claim(clip)
    Clip.objects.filter(pk=clip.pk).update(claimed_until=timezone.now())
    assert claim(clip).attempt == 2
    Clip.objects.filter(pk=clip.pk).update(claimed_until=timezone.now() + timedelta(minutes=1))
    assert measuring.claim_clip(clip_id=clip.pk, seconds=60) is None


def test_who_asks_for_the_next_clip_gets_one_that_can_be_had(settings: Settings) -> None:
    settings.MEASURE_ATTEMPTS = 1
    used_up, whole = (make.send(make.clip_of(make.draft(), "smile")) for _ in range(2))
    Clip.objects.filter(pk=used_up.pk).update(attempts=1)
    held = measuring.claim_next(seconds=60)
    assert held is not None
    assert held.clip_id == whole.pk
    used_up.refresh_from_db()
    assert (used_up.state, used_up.reason) == ("failed", "attempts_used_up")
    assert measuring.claim_next(seconds=60) is None


def test_what_is_due(clip: Clip) -> None:
    assert measuring.due() == [(queue.MEASURE_CLIP, str(clip.pk))]
    other = make.send(make.clip_of(make.draft(), "smile"))
    assert measuring.due() == [(queue.MEASURE_CLIP, str(one.pk)) for one in (clip, other)]
    assert measuring.due(limit=1) == [(queue.MEASURE_CLIP, str(clip.pk))]
    patient = other.screening.patient
    for erased, is_proven, is_due in ((True, False, 1), (True, True, 0)):
        patient.erased_at = timezone.now() if erased else None
        patient.erasure_proven_at = timezone.now() if is_proven else None
        patient.save()
        found = [one for task, one in measuring.due() if task == queue.ERASE_PATIENT_FILES]
        assert found == [str(patient.pk)] * is_due
