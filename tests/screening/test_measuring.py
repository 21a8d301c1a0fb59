"""Claims, leases, attempts: a worker that dies costs one attempt of one clip."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from screening.errors import Invalid, NotAllowed
from screening.models import Clip, Screening
from screening.services import assessing, bundles, clips, measuring, screenings
from tests.screening import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def clip() -> Clip:
    return make.send(make.clip_of(make.draft(), "smile"), seconds=10.0)


def claim(clip: Clip) -> measuring.ClaimedClip | None:
    return measuring.claim_clip(clip_id=clip.pk, seconds=60)


def lease_ends(clip: Clip) -> None:
    Clip.objects.filter(pk=clip.pk).update(claimed_until=timezone.now() - timedelta(seconds=1))


def test_one_claim_at_a_time(clip: Clip) -> None:
    mine = claim(clip)
    assert mine is not None
    assert (mine.expression, mine.attempt, mine.announced) == ("smile", 1, {"seconds": 10.0})
    assert claim(clip) is None
    assert measuring.due() == []


def test_a_dead_workers_claim_runs_out(clip: Clip) -> None:
    dead = claim(clip)
    lease_ends(clip)
    assert measuring.due() == [("worker.measure_clip", str(clip.pk))]
    alive = claim(clip)
    assert dead is not None
    assert alive is not None
    assert alive.attempt == 2
    body = make.measurement("smile")
    # The first one was not dead after all: it comes too late.
    assert measuring.store_measurement(claim=dead, measurement=body) is None
    measuring.give_back(claim=dead, why="measuring_fault")
    measuring.fail(claim=dead, code="measuring_fault")
    assert measuring.store_measurement(claim=alive, measurement=body)
    clip.refresh_from_db()
    assert (clip.state, clip.measurements.count()) == ("measured", 1)


def test_attempts_are_counted(clip: Clip, settings: Settings) -> None:
    settings.MEASURE_ATTEMPTS = 2
    for left in ("received", "failed"):
        mine = claim(clip)
        assert mine is not None
        measuring.give_back(claim=mine, why="took_too_long")
        clip.refresh_from_db()
        assert clip.state == left
    assert clip.reason == "took_too_long"
    assert claim(clip) is None


def test_attempts_end_when_the_worker_never_says_anything(clip: Clip, settings: Settings) -> None:
    settings.MEASURE_ATTEMPTS = 1
    assert claim(clip)
    lease_ends(clip)
    assert claim(clip) is None
    clip.refresh_from_db()
    assert (clip.state, clip.reason) == ("failed", "attempts_used_up")


def test_a_copy_to_play_of_a_clip_that_is_gone_is_not_kept(
    clip: Clip, tmp_path: Path, stored: Callable[[], list[str]]
) -> None:
    mine, copy = claim(clip), tmp_path / "copy.mp4"
    assert mine is not None
    copy.write_bytes(b"a copy")
    before = stored()
    clip.delete()
    assert not measuring.store_playback(claim=mine, source=copy)
    assert stored() == before


def test_unusable_is_a_result(clip: Clip) -> None:
    make.measure(clip, "unusable", "too_dark")
    clip.refresh_from_db()
    assert (clip.state, clip.reason) == ("unusable", "too_dark")
    by = make.person(clip.screening)
    assert clips.rerecord(by=by, clip=clip).state == "expected"


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"state": "measured"},
        {"state": "unusable", "measurer": {"digest": "m"}},
        {"state": "fine", "measurer": {"digest": "m"}},
    ],
)
def test_measurement_without_what_it_needs(clip: Clip, broken: dict[str, object]) -> None:
    mine = claim(clip)
    assert mine is not None
    with pytest.raises(Invalid):
        measuring.store_measurement(claim=mine, measurement=broken)


def test_only_administrators_measure_again(clip: Clip) -> None:
    mine = claim(clip)
    assert mine is not None
    measuring.fail(claim=mine, code="measuring_fault")
    for by in (make.person(clip.screening), make.ClinicianFactory(site=clip.screening.site)):
        with pytest.raises(NotAllowed):
            measuring.requeue_failed(by=by, clip=clip)
    measuring.requeue_failed(by=make.AdminFactory(), clip=clip)
    again = claim(clip)
    assert again is not None
    assert again.attempt == 1


def test_failed_and_skipped_clips_are_missing_not_imputed() -> None:
    screening = make.draft()
    make.active_bundle()
    by = make.person(screening)
    make.measure(make.send(make.clip_of(screening, "rest")))
    failing = claim(make.send(make.clip_of(screening, "smile")))
    assert failing is not None
    screenings.submit(by=by, screening=screening)
    assert measuring.claim_assessment(screening_id=screening.pk) is None
    measuring.fail(claim=failing, code="measuring_fault")
    assert measuring.due() == [("worker.assess_screening", str(screening.pk))]
    found = measuring.claim_assessment(screening_id=screening.pk)
    assert found is not None
    assert list(found.targets[0].measurements) == ["rest"]


def failed_and_scored() -> tuple[Screening, Clip]:
    """Scored without the smile, by a fault of ours, where results are released at once."""
    screening = make.draft(make.PatientFactory(site__release_policy="at_once"))
    make.active_bundle()
    make.measure(make.send(make.clip_of(screening, "rest")))
    clip = make.send(make.clip_of(screening, "smile"))
    failing = claim(clip)
    assert failing is not None
    measuring.fail(claim=failing, code="measuring_fault")
    screenings.submit(by=make.person(screening), screening=screening)
    make.assess(screening, hypomimia_index=1.0)
    return screening, clip


def measured_again(screening: Screening, clip: Clip) -> None:
    measuring.requeue_failed(by=make.AdminFactory(), clip=clip)
    make.measure(clip)
    screening.refresh_from_db()


def test_a_result_that_a_fault_of_ours_made_poorer_is_not_released_by_itself() -> None:
    screening, _ = failed_and_scored()
    assert screening.state == "scored"


def test_a_failed_clip_that_is_measured_again_counts() -> None:
    screening, clip = failed_and_scored()
    measured_again(screening, clip)
    assert screening.state == "submitted"
    make.read_together()
    assert measuring.due() == [("worker.assess_screening", str(screening.pk))]
    make.assess(screening, hypomimia_index=2.0)
    assert screening.state == "released"
    newest = assessing.latest(screening)
    assert newest is not None
    assert (newest.hypomimia_index, screening.assessments.count()) == (2.0, 2)


def test_a_released_result_does_not_change_any_more() -> None:
    screening, clip = failed_and_scored()
    clinician = make.ClinicianFactory(site=screening.site)
    screenings.release(by=clinician, screening=screening)
    measured_again(screening, clip)
    assert screening.state == "released"
    make.read_together()
    assert measuring.due() == []
    assert measuring.claim_assessment(screening_id=screening.pk) is None
    bundles.set_shadow(by=None, bundle=make.BundleFactory())
    found = measuring.claim_assessment(screening_id=screening.pk)
    assert found is not None
    assert [one.is_shadow for one in found.targets] == [True]


def test_results_of_other_measurements_are_refused() -> None:
    screening = make.submitted()
    found = measuring.claim_assessment(screening_id=screening.pk)
    assert found is not None
    row = measuring.store_assessment(
        screening_id=screening.pk,
        bundle=found.targets[0].bundle_id,
        measurements_digest="0" * 64,
        result=make.result(),
    )
    assert row is None


def test_storing_twice_is_storing_once() -> None:
    screening = make.submitted()
    found = measuring.claim_assessment(screening_id=screening.pk)
    assert found is not None
    rows = [
        measuring.store_assessment(
            screening_id=screening.pk,
            bundle=found.targets[0].bundle_id,
            measurements_digest=found.targets[0].measurements_digest,
            result=make.result(hypomimia_index=index),
        )
        for index in (10.0, 20.0)
    ]
    assert rows[0] == rows[1]
    assert rows[0] is not None
    assert rows[0].hypomimia_index == 10.0
    assert measuring.claim_assessment(screening_id=screening.pk) is None
    make.read_together()
    assert measuring.due() == []
