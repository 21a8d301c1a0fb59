"""Assessing a screening: which bundles still owe a result, and storing what they say, once.

A result belongs to (screening, digest of its set of measurements, bundle). A re-recording or
another bundle adds a row; nothing is overwritten. Each bundle takes the measurements that fit its
intensity source (see ``measurements``). Shadow bundles are asked beside the pinned one;
what they say stays out of events, releases and the patient's sight.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from screening import queue
from screening.models import Assessment, Clip, ModelBundle, Screening, Site
from screening.permissions import stands
from screening.services import courses, events, results, retries
from screening.services.measurements import ClaimedClip, measured_for
from screening.services.screenings import current_clips, set_released
from screening.services.transitions import consent_stands, lock_screening, move

State = Screening.State
ASSESSED = (State.SCORED, State.RELEASED)
#: So many old screenings are handed at once to a shadow that needs its own measurements.
MEASURED_ANEW_AT_ONCE = 4


class Part(Enum):
    """What of the work at a screening is asked for: each part waits in a queue of its own."""

    ALL = "everything that is owed"
    RESULT = "what its bundle says, where every clip was measured for it"
    ANEW = "what its bundle says, after clips were measured once more for it"
    SHADOWS = "what the shadow bundles say"


@dataclass(frozen=True)
class Target:
    """A bundle that owes this screening a result, and what it will read for it.

    ``measurements``: ``{expression: measurement as JSON}``. Expressions that were skipped or failed
    are not in it: missing is missing. ``lack``: clips not yet measured for this bundle's intensity
    source; until they are, it cannot assess.
    """

    bundle_id: UUID
    path: str
    digest: str
    is_shadow: bool
    measurements: dict[str, dict[str, Any]]
    measurements_digest: str
    lack: tuple[ClaimedClip, ...]


@dataclass(frozen=True)
class AssessmentInput:
    """What ``ml.scoring.assessment.assess`` needs: the bundles and their measurements.
    ``is_phantom``: of a drawn face."""

    screening_id: UUID
    prevalence: float | None
    is_phantom: bool
    targets: tuple[Target, ...]


def claim_assessment(*, screening_id: UUID, part: Part = Part.ALL) -> AssessmentInput | None:
    """What is to be assessed, or None when nothing is (not complete, done, consent taken back).

    A ``RESULT`` that cannot be had without measuring anew is passed on as such: None.
    No lease: two workers at once compute the same row twice and store it once. An attempt at a
    submitted screening is counted; after the last one there is nothing to do.
    """
    rows = Screening.objects.select_related("patient", "site", "bundle")
    screening = rows.filter(pk=screening_id).first()
    if screening is None or screening.state not in (State.SUBMITTED, *ASSESSED):
        return None
    if not consent_stands(screening):
        return None
    clips = list(current_clips(screening))
    if any(clip.state not in Clip.TERMINAL for clip in clips):
        return None
    targets = _targets(screening, clips, part)
    if part is Part.RESULT and any(target.lack for target in targets):
        retries.passed_on(screening_id=screening.pk)
        queue.enqueue_on_commit(queue.ASSESS_ANEW, str(screening.pk))
        return None
    if not targets or not retries.may_assess(screening.pk):
        return None
    return AssessmentInput(
        screening_id=screening.pk,
        prevalence=screening.site.pd_prevalence,
        is_phantom=screening.is_phantom,
        targets=targets,
    )


def with_measurements(*, screening_id: UUID, target: Target) -> Target:
    """The target with what was measured for it meanwhile."""
    clips = list(current_clips(Screening.objects.get(pk=screening_id)))
    return _target(ModelBundle.objects.get(pk=target.bundle_id), clips, is_shadow=target.is_shadow)


def store_assessment(
    *,
    screening_id: UUID,
    bundle: UUID,
    measurements_digest: str,
    result: dict[str, Any],
    is_shadow: bool = False,
) -> Assessment | None:
    """Keep a result; the pinned bundle's makes the screening *scored*, and *released* at once where
    the site says so and no clip failed by a fault of ours. Storing it again brings back the row
    that is there.

    Raises Invalid for what has not the shape of a result.
    None, and nothing written, when the measurements are not these any more, the screening was taken
    back, or consent was.
    """
    kept = results.checked(result)
    with transaction.atomic():
        screening = lock_screening(screening_id)
        clips = list(current_clips(screening))
        current = measured_for(clips, ModelBundle.objects.get(pk=bundle))
        if not consent_stands(screening) or measurements_digest != current.digest:
            return None
        if screening.state not in (State.SUBMITTED, *ASSESSED):
            return None
        row, is_new = Assessment.objects.get_or_create(
            screening=screening,
            measurements_digest=measurements_digest,
            bundle_id=bundle,
            defaults={
                "is_shadow": is_shadow,
                "result": result,
                "hypomimia_index": kept["hypomimia_index"],
                "p_pd": kept["p_pd"],
                "abstained": (kept["abstained"] or "")[:40],
            },
        )
        if is_shadow:
            retries.shadow_worked(bundle)
        elif is_new:
            courses.changed(screening)
        pinned = not is_shadow and bundle == screening.bundle_id
        if pinned and screening.state == State.SUBMITTED:
            _score(screening)
    return row


def latest(screening: Screening) -> Assessment | None:
    """The newest result that is not a shadow's; None unless the screening is scored or released.

    While it is recorded or measured anew, an earlier result is about other recordings.
    """
    rows = Assessment.objects.filter(
        screening=screening, screening__state__in=ASSESSED, is_shadow=False
    )
    return rows.select_related("bundle", "screening__site").order_by("-created_at").first()


def second_opinions(screening: Screening) -> list[Assessment]:
    """The newest result of each shadow that learnt from drawn people: experimental, for clinicians.

    Those of a clinic's own shadows are compared on its reviews instead, before one is activated.
    """
    if screening.state not in ASSESSED:
        return []
    rows = Assessment.objects.filter(
        screening=screening, is_shadow=True, bundle__status=ModelBundle.Status.SHADOW
    ).select_related("bundle")
    newest = {row.bundle_id: row for row in rows.order_by("created_at")}
    return [row for row in newest.values() if row.bundle.metadata.get("drawn") is True]


def due_assessments(*, limit: int) -> list[UUID]:
    """Submitted screenings with all clips terminal; what failed a moment ago waits."""
    waiting = _complete().filter(retries.due_now(), state=State.SUBMITTED)
    return list(waiting.values_list("pk", flat=True)[:limit])


def due_for_shadows(*, limit: int) -> list[UUID]:
    """Assessed screenings that no shadow has seen."""
    found: list[UUID] = []
    for shadow in retries.shadows_to_ask():
        seen = Assessment.objects.filter(screening=OuterRef("pk"), bundle=shadow)
        missing = _complete().filter(~Exists(seen), stands(), state__in=ASSESSED)
        # Where each clip must be measured anew, a few at a time: another shadow may be waiting.
        most = min(limit, MEASURED_ANEW_AT_ONCE) if shadow.encoder else limit
        # In any order: one that the shadow cannot assess must not stand before all others.
        rows = missing.exclude(bundle=shadow).order_by("?")
        found += rows.values_list("pk", flat=True)[: max(0, most - len(found))]
    return list(dict.fromkeys(found))


def _complete() -> QuerySet[Screening]:
    """Screenings whose clips are all terminal, the oldest first."""
    unfinished = Clip.objects.filter(screening=OuterRef("pk")).exclude(
        state__in=[*Clip.TERMINAL, Clip.State.SUPERSEDED]
    )
    return Screening.objects.filter(~Exists(unfinished)).order_by("submitted_at")


def _score(screening: Screening) -> None:
    move(screening, expected=[State.SUBMITTED], state=State.SCORED, scored_at=timezone.now())
    events.append(screening=screening, kind="screening.scored")
    if retries.shadows_to_ask():
        queue.enqueue_on_commit(queue.ASSESS_SHADOWS, str(screening.pk))
    # A result that a fault of ours has made poorer is looked at first, whatever the policy.
    spoilt = current_clips(screening).filter(state=Clip.State.FAILED).exists()
    if screening.site.release_policy == Site.ReleasePolicy.AT_ONCE and not spoilt:
        set_released(screening, by=None)


def _targets(screening: Screening, clips: list[Clip], part: Part) -> tuple[Target, ...]:
    rows = Assessment.objects.filter(screening=screening)
    done = set(rows.values_list("bundle_id", "measurements_digest"))
    found = []
    pinned = screening.bundle
    # A released result stays as the patient read it, whatever is measured afterwards.
    is_asked = part is not Part.SHADOWS and screening.state != State.RELEASED
    if pinned is not None and is_asked:
        target = _target(pinned, clips, is_shadow=False)
        is_done = (pinned.pk, target.measurements_digest) in done
        if not is_done or screening.state == State.SUBMITTED:
            found.append(target)
    # Asked for by themselves, they wait for the result: until then an attempt at it would count.
    waits = part in (Part.RESULT, Part.ANEW) or (
        part is Part.SHADOWS and screening.state not in ASSESSED
    )
    for shadow in [] if waits else retries.shadows_to_ask():
        if shadow != pinned:
            target = _target(shadow, clips, is_shadow=True)
            if (shadow.pk, target.measurements_digest) not in done:
                found.append(target)
    return tuple(found)


def _target(bundle: ModelBundle, clips: list[Clip], *, is_shadow: bool) -> Target:
    measured = measured_for(clips, bundle)
    return Target(
        bundle_id=bundle.pk,
        path=bundle.path,
        digest=bundle.digest,
        is_shadow=is_shadow,
        measurements=measured.to_json(),
        measurements_digest=measured.digest,
        lack=measured.lack,
    )
