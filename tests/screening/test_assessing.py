"""Who is asked about a screening, when, and what is kept of what they say."""

from uuid import uuid4

import pytest
from django.utils import timezone

from screening import queue
from screening.models import Assessment, Clip, Event, ModelBundle, Screening
from screening.services import assessing, bundles, measuring, retries
from screening.services.assessing import MEASURED_ANEW_AT_ONCE, AssessmentInput, Part
from tests.screening import factories as make

pytestmark = pytest.mark.django_db


def asked(screening: Screening, part: Part = Part.ALL) -> list[bool] | None:
    """For each bundle that is asked, whether it is a shadow; None where nobody is."""
    found = claimed(screening, part)
    return None if found is None else [target.is_shadow for target in found.targets]


def claimed(screening: Screening, part: Part = Part.ALL) -> AssessmentInput | None:
    # An attempt that was counted is not what is tried here.
    Screening.objects.filter(pk=screening.pk).update(assess_attempts=0, assess_after=None)
    return assessing.claim_assessment(screening_id=screening.pk, part=part)


def shadow(encoder: str = "") -> ModelBundle:
    return bundles.set_shadow(by=None, bundle=make.BundleFactory(encoder=encoder))


def with_another_source() -> Screening:
    """Submitted to a bundle that needs its clips measured once more."""
    bundles.activate(by=None, bundle=make.BundleFactory(encoder="e" * 64))
    screening: Screening = make.submitted(pd_prevalence=0.02)
    return screening


def queued(name: str) -> list[str]:
    return [one for task, one in measuring.due() if task == name]


PINNED, SHADOW = False, True
PARTS = {
    "submitted": {
        Part.ALL: [PINNED, SHADOW],
        Part.RESULT: [PINNED],
        Part.ANEW: [PINNED],
        Part.SHADOWS: None,
    },
    "scored": {Part.ALL: [SHADOW], Part.RESULT: None, Part.ANEW: None, Part.SHADOWS: [SHADOW]},
    "released": {Part.ALL: [SHADOW], Part.RESULT: None, Part.ANEW: None, Part.SHADOWS: [SHADOW]},
}


@pytest.mark.parametrize("state", PARTS)
@pytest.mark.parametrize("part", list(Part))
def test_who_is_asked_for_which_part(state: str, part: Part) -> None:
    screening = make.submitted(release_policy="at_once" if state == "released" else "after_review")
    if state != "submitted":
        make.assess(screening)
    assert screening.state == state
    shadow()
    assert asked(screening, part) == PARTS[state][part]


@pytest.mark.parametrize("part", list(Part))
def test_a_shadow_is_asked_once(part: Part) -> None:
    screening = make.scored()
    shadow()
    make.assess(screening)
    assert asked(screening, part) is None


def test_the_pinned_bundle_is_no_shadow_of_itself() -> None:
    screening = make.submitted()
    assert screening.bundle is not None
    ModelBundle.objects.filter(pk=screening.bundle_id).update(status="shadow")
    assert asked(screening) == [PINNED]
    assert asked(screening, Part.SHADOWS) is None


@pytest.mark.parametrize("state", [s for s in Screening.State if s.value not in PARTS])
def test_in_no_other_state_is_anybody_asked(state: str) -> None:
    screening = make.submitted()
    Screening.objects.filter(pk=screening.pk).update(state=state)
    assert asked(screening) is None


def test_nobody_is_asked_about_what_is_not_there_or_not_measured() -> None:
    assert assessing.claim_assessment(screening_id=uuid4()) is None
    screening = make.submitted()
    Clip.objects.filter(pk=make.clip_of(screening, "rest").pk).update(state="received")
    assert asked(screening) is None


def test_a_screening_is_asked_about_with_its_sites_prevalence() -> None:
    screening = make.submitted(pd_prevalence=0.02)
    found = claimed(screening)
    assert found is not None
    assert (found.screening_id, found.prevalence) == (screening.pk, 0.02)
    (target,) = found.targets
    assert screening.bundle is not None
    told = (target.bundle_id, target.path, target.digest, target.lack)
    assert told == (screening.bundle.pk, screening.bundle.path, screening.bundle.digest, ())
    assert list(target.measurements) == ["rest", "smile"]


def test_attempts_that_are_used_up_end_it() -> None:
    screening = make.submitted()
    Screening.objects.filter(pk=screening.pk).update(assess_attempts=99)
    assert assessing.claim_assessment(screening_id=screening.pk) is None


def test_what_must_be_measured_anew_is_passed_on_and_asked_there() -> None:
    screening = with_another_source()
    assert not queued(queue.ASSESS_ANEW)
    with make.committed() as after:
        assert asked(screening, Part.RESULT) is None
    assert len(after) == 1
    # It stands in that queue now: not every sweep puts one more there.
    assert screening.pk not in assessing.due_assessments(limit=9)
    for part in (Part.ALL, Part.ANEW):
        found = claimed(screening, part)
        assert found is not None
        (target,) = found.targets
        assert [clip.expression for clip in target.lack] == ["rest", "smile"]
        assert target.measurements == {}
        with make.committed() as after:
            claimed(screening, part)
        assert after == []


def test_what_was_measured_meanwhile_is_read() -> None:
    screening = with_another_source()
    found = claimed(screening, Part.ANEW)
    assert found is not None
    (target,) = found.targets
    for clip in target.lack:
        body = make.measurement(clip.expression)
        body["measurer"] |= {"digest": "n" * 64, "encoder": "e" * 64}
        assert measuring.store_beside(clip=clip, measurement=body)
    again = assessing.with_measurements(screening_id=screening.pk, target=target)
    assert (again.lack, again.is_shadow) == ((), False)
    assert list(again.measurements) == ["rest", "smile"]
    assert again.measurements_digest != target.measurements_digest
    assert asked(screening, Part.RESULT) == [PINNED]


# --- what is kept --------------------------------------------------------------------------------


def test_a_result_is_kept_as_it_was_said() -> None:
    screening = make.submitted()
    make.assess(screening, hypomimia_index=12.5, p_pd=0.25, abstained="a" * 60)
    row = screening.assessments.get()
    kept = (row.hypomimia_index, row.p_pd, row.abstained, row.is_shadow, row.bundle)
    assert kept == (12.5, 0.25, "a" * 40, False, screening.bundle)
    assert row.result == make.result(hypomimia_index=12.5, p_pd=0.25, abstained="a" * 60)
    assert screening.scored_at is not None
    assert timezone.now() >= screening.scored_at
    assert Event.objects.filter(kind="screening.scored").count() == 2  # the patient's, the site's


def test_a_result_of_another_bundle_scores_nothing() -> None:
    """Neither a shadow's nor a stranger's, were it stored as no shadow."""
    screening = make.submitted()
    found = claimed(screening)
    assert found is not None
    for is_shadow in (True, False):
        row = assessing.store_assessment(
            screening_id=screening.pk,
            bundle=make.BundleFactory().pk,
            measurements_digest=found.targets[0].measurements_digest,
            result=make.result(),
            is_shadow=is_shadow,
        )
        assert row is not None
        assert row.is_shadow == is_shadow
        screening.refresh_from_db()
        assert screening.state == "submitted"


@pytest.mark.parametrize("state", [s for s in Screening.State if s.value not in PARTS])
def test_what_was_taken_back_or_is_recorded_anew_keeps_no_result(state: str) -> None:
    screening = make.submitted()
    found = claimed(screening)
    assert found is not None
    Screening.objects.filter(pk=screening.pk).update(state=state)
    row = assessing.store_assessment(
        screening_id=screening.pk,
        bundle=found.targets[0].bundle_id,
        measurements_digest=found.targets[0].measurements_digest,
        result=make.result(),
    )
    assert row is None
    assert not Assessment.objects.filter(screening=screening).exists()


def test_a_shadow_that_answers_is_no_broken_one() -> None:
    screening = make.scored()
    new = shadow()
    for _ in range(3):
        retries.shadow_failed(bundle_id=new.pk)
    ModelBundle.objects.filter(pk=new.pk).update(retry_after=timezone.now())
    make.assess(screening)
    new.refresh_from_db()
    assert (new.failures, new.retry_after) == (0, None)


def test_shadows_are_told_of_a_new_result_where_there_are_any() -> None:
    counted = []
    for is_shadowed in (False, True):
        screening = make.submitted()
        if is_shadowed:
            shadow()
        found = claimed(screening)
        assert found is not None
        target = found.targets[0]
        with make.committed() as after:
            assessing.store_assessment(
                screening_id=screening.pk,
                bundle=target.bundle_id,
                measurements_digest=target.measurements_digest,
                result=make.result(),
            )
        counted.append(len(after))
    # One more thing to do after the commit: to ask the shadow.
    assert counted[1] == counted[0] + 1


# --- what is due ---------------------------------------------------------------------------------


def test_complete_ones_are_due_the_oldest_first_and_so_many_at_once() -> None:
    rows = [make.submitted() for _ in range(3)]
    Clip.objects.filter(pk=make.clip_of(rows[1], "rest").pk).update(state="received")
    assert assessing.due_assessments(limit=9) == [rows[0].pk, rows[2].pk]
    assert assessing.due_assessments(limit=1) == [rows[0].pk]
    make.assess(rows[0])
    assert assessing.due_assessments(limit=9) == [rows[2].pk]


def test_a_recording_that_was_replaced_keeps_nothing_waiting() -> None:
    screening = make.submitted()
    clip = make.clip_of(screening, "rest")
    Clip.objects.create(screening=screening, step=clip.step, take=9, state="superseded")
    assert assessing.due_assessments(limit=9) == [screening.pk]


def test_what_is_assessed_already_is_not_due_again() -> None:
    screening = make.scored()
    Screening.objects.filter(pk=screening.pk).update(assess_attempts=0, assess_after=None)
    assert assessing.due_assessments(limit=9) == []


def test_shadows_are_due_for_what_they_have_not_seen() -> None:
    rows = [make.scored() for _ in range(MEASURED_ANEW_AT_ONCE + 2)]
    assert assessing.due_for_shadows(limit=99) == []
    new = shadow()
    assert set(assessing.due_for_shadows(limit=99)) == {row.pk for row in rows}
    assert len(assessing.due_for_shadows(limit=2)) == 2
    make.assess(rows[0])
    Screening.objects.filter(pk=rows[1].pk).update(withdrawn_at=timezone.now())
    Screening.objects.filter(pk=rows[2].pk).update(state="needs_rerecord")
    left = {row.pk for row in rows[3:]}
    assert set(assessing.due_for_shadows(limit=99)) == left
    # Another one that has to be measured for sees a few at a time, and none twice.
    another = shadow(encoder="e" * 64)
    found = assessing.due_for_shadows(limit=99)
    assert len(found) == len(set(found))
    bundles.retire(by=make.AdminFactory(), bundle=new)
    assert len(assessing.due_for_shadows(limit=99)) == MEASURED_ANEW_AT_ONCE
    assert len(assessing.due_for_shadows(limit=1)) == 1
    # Whoever is pinned is not its own shadow.
    Screening.objects.filter(pk__in=left).update(bundle=another)
    assert set(assessing.due_for_shadows(limit=99)) <= {rows[0].pk}


def test_so_many_at_once_are_of_all_shadows_together() -> None:
    """Whichever is asked first: one that fills the number leaves nothing to the other."""
    rows = [make.scored() for _ in range(MEASURED_ANEW_AT_ONCE + 2)]
    shadows = [shadow(), shadow(encoder="e" * 64)]
    assert set(assessing.due_for_shadows(limit=99)) == {row.pk for row in rows}
    for row, one in zip(rows, [*shadows, *shadows], strict=False):
        Assessment.objects.create(
            screening=row, bundle=one, is_shadow=True, measurements_digest="d", result={}
        )
    for _ in range(3):
        assert len(assessing.due_for_shadows(limit=1)) == 1
        assert len(assessing.due_for_shadows(limit=2)) == 2
