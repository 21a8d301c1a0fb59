"""The work itself, called by the tasks and by the commands alike: measure, assess, copy.

Each step waits for a measuring process, claims the row through ``screening.services``, hands the
work over, and stores what came back. Repeating a step is harmless: a claim is refused when there is
nothing (more) to do, and what is stored is known by its digests.
"""

import logging
import tempfile
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings

from screening.models import ModelBundle
from screening.services import measuring, retries
from worker.errors import FileMissing, MeasuringError, MeasuringStopped
from worker.files import local_clip
from worker.pool import Urgency, copying_pool, measuring_pool
from worker.process import MeasuringProcess

logger = logging.getLogger(__name__)

ASSESS_SECONDS = 60.0
PLAYBACK_SECONDS = 120.0


def measure(clip_id: UUID) -> bool:
    """Measures one clip if that is due. False when it was not, or when this attempt failed.

    A clip that brings the measuring process down, or takes too long, has used up one attempt; the
    service decides whether there is another.
    """
    with measuring_pool().lend(Urgency.MEASURE) as process:
        claim = measuring.claim_clip(clip_id=clip_id, seconds=settings.CLAIM_SECONDS)
        if claim is None:
            return False
        try:
            measurement = _measured(process, claim)
        except FileMissing as error:
            logger.error("clip %s: %s", clip_id, error)
            measuring.fail(claim=claim, code=error.code)
            return False
        except MeasuringStopped:
            measuring.give_back(claim=claim, why="", is_attempt=False)
            return False
        except MeasuringError as error:
            logger.warning("clip %s, attempt %d: %s", clip_id, claim.attempt, error)
            measuring.give_back(claim=claim, why=error.code)
            return False
    return measuring.store_measurement(claim=claim, measurement=measurement) is not None


def _measured(process: MeasuringProcess, claim: measuring.ClaimedClip) -> dict[str, Any]:
    with local_clip(claim.storage_key, claim.sha256) as path:
        return process.ask(
            "measure",
            {
                "path": str(path),
                "size": claim.size,
                "expression": claim.expression,
                "announced": claim.announced,
            },
            seconds=settings.MEASURE_SECONDS,
            on_tick=lambda: measuring.renew(claim=claim, seconds=settings.CLAIM_SECONDS),
        )


def assess(screening_id: UUID) -> int:
    """Assesses a session whose clips are all done, with its own bundle and then with each shadow.

    Returns how many assessments were stored. A shadow bundle that cannot assess is logged and left
    out; when the session's own cannot, :class:`MeasuringError` says why and the work is due again
    after a while.
    """
    given = measuring.claim_assessment(screening_id=screening_id)
    if given is None:
        return 0
    stored = 0
    for target in given.targets:
        try:
            result = _assessed(given, target)
        except MeasuringStopped:
            raise
        except MeasuringError as fault:
            if not target.is_shadow:
                raise
            retries.shadow_failed(bundle_id=target.bundle_id)
            logger.warning("the shadow bundle %s cannot assess: %s", target.digest[:12], fault)
            continue
        row = measuring.store_assessment(
            screening_id=screening_id,
            bundle=target.bundle_id,
            measurements_digest=given.measurements_digest,
            result=result,
            is_shadow=target.is_shadow,
        )
        stored += row is not None
    return stored


def _assessed(given: measuring.AssessmentInput, target: measuring.Target) -> dict[str, Any]:
    # Nobody waits for what a shadow says.
    urgency = Urgency.SHADOW if target.is_shadow else Urgency.ASSESS
    return assess_measurements(given.measurements, target, given.prevalence, urgency)


def assess_measurements(
    measurements: dict[str, dict[str, Any]],
    bundle: measuring.Target | ModelBundle,
    prevalence: float | None = None,
    urgency: Urgency = Urgency.ASSESS,
) -> dict[str, Any]:
    """What ``bundle`` makes of ``{expression: measurement as JSON}``, stored nowhere."""
    what = {
        "measurements": measurements,
        # A path in a bundle's row may be relative to the code.
        "bundle": {"path": str(settings.ROOT / bundle.path), "digest": bundle.digest},
        "prevalence": prevalence,
    }
    with measuring_pool().lend(urgency) as process:
        return process.ask("assess", what, seconds=ASSESS_SECONDS)


def make_playback(clip_id: UUID) -> bool:
    """Derives the copy that reviewers play, if the clip has none. Originals are never altered.

    A clip that cannot be copied keeps none: reviewers are then shown the original.
    """
    claim = measuring.without_playback(clip_id=clip_id)
    if claim is None:
        return False
    with tempfile.TemporaryDirectory(prefix="mimia-") as folder:
        copy = Path(folder) / "playback.mp4"
        try:
            with (
                copying_pool().lend(Urgency.MEASURE) as process,
                local_clip(claim.storage_key, claim.sha256) as original,
            ):
                what = {"source": str(original), "target": str(copy)}
                process.ask("playback", what, seconds=PLAYBACK_SECONDS)
        except MeasuringError as error:
            logger.info("clip %s has no playback copy: %s", clip_id, error.code)
            return False
        return measuring.store_playback(claim=claim, source=copy)
