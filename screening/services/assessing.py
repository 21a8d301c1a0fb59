"""Assessing a screening: which bundles still owe a result, and storing what they say, once.

A result belongs to (screening, digest of its set of measurements, bundle). A re-recording or
another bundle adds a row; nothing is overwritten. Shadow bundles are asked beside the pinned one;
what they say stays out of events, releases and the patient's sight.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from screening.models import Assessment, Clip, ClipMeasurement, Screening, Site
from screening.services import events, retries
from screening.services.screenings import current_clips, set_released
from screening.services.transitions import consent_stands, lock_screening, move

State = Screening.State
ASSESSED = (State.SCORED, State.RELEASED)


@dataclass(frozen=True)
class Target:
    """A bundle that owes this screening a result."""

    bundle_id: UUID
    path: str
    digest: str
    is_shadow: bool


@dataclass(frozen=True)
class AssessmentInput:
    """What ``ml.pipeline.assess`` needs: ``{expression: measurement as JSON}`` and the bundles.

    Expressions that were skipped or failed are not in ``measurements``: missing is missing.
    """

    screening_id: UUID
    measurements: dict[str, dict[str, Any]]
    measurements_digest: str
    prevalence: float | None
    targets: tuple[Target, ...]


def claim_assessment(*, screening_id: UUID) -> AssessmentInput | None:
    """What is to be assessed, or None when nothing is (not complete, done, consent taken back).

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
    measured = _measurements(clips)
    digest = _digest(clips, measured)
    targets = _targets(screening, digest)
    if not targets or not retries.may_assess(screening.pk):
        return None
    return AssessmentInput(
        screening_id=screening.pk,
        measurements={clip.step.expression: row.measurement for clip, row in measured},
        measurements_digest=digest,
        prevalence=screening.site.pd_prevalence,
        targets=targets,
    )


def store_assessment(
    *,
    screening_id: UUID,
    bundle: UUID,
    measurements_digest: str,
    result: dict[str, Any],
    is_shadow: bool = False,
) -> Assessment | None:
    """Keep a result; the pinned bundle's makes the screening *scored*, and *released* at once where
    the site says so. Storing it again brings back the row that is there.

    None, and nothing written, when the measurements are not these any more, the screening was taken
    back, or consent was.
    """
    with transaction.atomic():
        screening = lock_screening(screening_id)
        clips = list(current_clips(screening))
        current = _digest(clips, _measurements(clips))
        if not consent_stands(screening) or measurements_digest != current:
            return None
        if screening.state not in (State.SUBMITTED, *ASSESSED):
            return None
        row, _ = Assessment.objects.get_or_create(
            screening=screening,
            measurements_digest=measurements_digest,
            bundle_id=bundle,
            defaults={
                "is_shadow": is_shadow,
                "result": result,
                "hypomimia_index": result.get("hypomimia_index"),
                "p_pd": result.get("p_pd"),
                "abstained": (result.get("abstained") or "")[:40],
            },
        )
        if is_shadow:
            retries.shadow_worked(bundle)
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
    return rows.select_related("bundle").order_by("-created_at").first()


def due_assessments(*, limit: int) -> list[UUID]:
    """Submitted screenings with all clips terminal, and assessed ones no shadow has seen.

    What failed a moment ago waits (see ``retries``).
    """
    unfinished = Clip.objects.filter(screening=OuterRef("pk")).exclude(
        state__in=[*Clip.TERMINAL, Clip.State.SUPERSEDED]
    )
    rows = Screening.objects.filter(~Exists(unfinished)).order_by("submitted_at")
    waiting = rows.filter(retries.due_now(), state=State.SUBMITTED)
    found = list(waiting.values_list("pk", flat=True)[:limit])
    for shadow in retries.shadows_to_ask():
        seen = Assessment.objects.filter(screening=OuterRef("pk"), bundle=shadow)
        standing = Q(patient__consents__withdrawn_at__isnull=True, patient__erased_at__isnull=True)
        missing = rows.filter(~Exists(seen), standing, state__in=ASSESSED).exclude(bundle=shadow)
        # In any order: one that the shadow cannot assess must not stand before all others.
        found += missing.order_by("?").values_list("pk", flat=True)[: limit - len(found)]
    return list(dict.fromkeys(found))


def _score(screening: Screening) -> None:
    move(screening, expected=[State.SUBMITTED], state=State.SCORED, scored_at=timezone.now())
    events.append(screening=screening, kind="screening.scored")
    if screening.site.release_policy == Site.ReleasePolicy.AT_ONCE:
        set_released(screening, by=None)


def _measurements(clips: list[Clip]) -> list[tuple[Clip, ClipMeasurement]]:
    """The newest measurement of each clip's own file, measured or unusable."""
    ended = [clip for clip in clips if clip.state in (Clip.State.MEASURED, Clip.State.UNUSABLE)]
    rows = ClipMeasurement.objects.filter(clip__in=ended).order_by("created_at")
    newest = {(row.clip_id, row.clip_sha256): row for row in rows}
    found = [(clip, newest.get((clip.pk, clip.sha256))) for clip in ended]
    return [(clip, row) for clip, row in found if row is not None]


def _digest(clips: list[Clip], measured: list[tuple[Clip, ClipMeasurement]]) -> str:
    """Identity of a set of measurements: file and measurer per expression, and what is missing."""
    by_clip = {clip.pk: [row.clip_sha256, row.measurer_digest] for clip, row in measured}
    parts = sorted((clip.step.expression, by_clip.get(clip.pk, [])) for clip in clips)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _targets(screening: Screening, digest: str) -> tuple[Target, ...]:
    done = set(
        Assessment.objects.filter(screening=screening, measurements_digest=digest).values_list(
            "bundle_id", flat=True
        )
    )
    found = []
    pinned = screening.bundle
    # A released result stays as the patient read it, whatever is measured afterwards.
    if (
        pinned is not None
        and screening.state != State.RELEASED
        and (pinned.pk not in done or screening.state == State.SUBMITTED)
    ):
        found.append(Target(pinned.pk, pinned.path, pinned.digest, is_shadow=False))
    for shadow in retries.shadows_to_ask():
        if shadow.pk not in done and shadow != pinned:
            found.append(Target(shadow.pk, shadow.path, shadow.digest, is_shadow=True))
    return tuple(found)
