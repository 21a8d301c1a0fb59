"""The work itself, called by the tasks and by the commands alike: measure, assess, copy.

Each step waits for a measuring process, claims the row through ``screening.services``, hands the
work over, and stores what came back. Repeating a step is harmless: a claim is refused when there is
nothing (more) to do, and what is stored is known by its digests.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import UUID

from django.conf import settings

from ml.errors import BundleError, ConfigError, SourceError, WeightsError
from screening import faults, queue
from screening.errors import Unavailable
from screening.models import ModelBundle
from screening.services import course_results, measuring, retries
from worker import bundles
from worker.errors import (
    FileMissing,
    MeasuringError,
    MeasuringFault,
    MeasuringNotStarted,
    MeasuringStopped,
)
from worker.files import local_clip
from worker.pool import Urgency, copying_pool, measuring_pool
from worker.process import MeasuringProcess

logger = logging.getLogger(__name__)

#: Whatever names a bundle by its ``path`` and ``digest``.
Bundle = measuring.Target | course_results.Wanted | ModelBundle

#: What is wrong with a bundle or its intensity source, and not with the clip.
BUNDLE_FAULTS = frozenset(e.code for e in (BundleError, ConfigError, SourceError, WeightsError))
ASSESS_SECONDS = 60.0
#: After so long an assessing task begins no other clip; the rest is the next task's.
ANEW_SECONDS = 60.0
PLAYBACK_SECONDS = 120.0


def measure_next() -> UUID | None:
    """Measures the clip whose turn it is; returns its id once its measurement is stored.

    The turn is asked for when a process is free, not when the hint was sent.
    """
    with measuring_pool().lend(Urgency.MEASURE) as process:
        claim = measuring.claim_next(seconds=settings.CLAIM_SECONDS)
        measurement = _attempt(process, claim)
    return claim.clip_id if claim and _keep(claim, measurement) else None


def measure(clip_id: UUID) -> bool:
    """Measures this clip if that is due. False when it was not, or when this attempt failed."""
    with measuring_pool().lend(Urgency.MEASURE) as process:
        claim = measuring.claim_clip(clip_id=clip_id, seconds=settings.CLAIM_SECONDS)
        measurement = _attempt(process, claim)
    return claim is not None and _keep(claim, measurement)


def _keep(claim: measuring.ClaimedClip, measurement: dict[str, Any] | None) -> bool:
    if measurement is None:
        return False
    return measuring.store_measurement(claim=claim, measurement=measurement) is not None


def _attempt(
    process: MeasuringProcess, claim: measuring.ClaimedClip | None
) -> dict[str, Any] | None:
    """The measurement of a claimed clip; None when this attempt failed.

    A clip that brings the measuring process down, or takes too long, has used up one attempt; the
    service decides whether there is another. A store that is away or full is not its doing.
    """
    if claim is None:
        return None
    try:
        return _measured(process, claim)
    except FileMissing as error:
        logger.error("clip %s: %s", claim.clip_id, error)
        measuring.fail(claim=claim, code=error.code)
    except (Unavailable, OSError) as error:
        # A full disk is no more the clip's doing than a store that does not answer.
        if faults.passing(error) is None:
            raise
        logger.warning("clip %s rests: %s", claim.clip_id, type(error).__name__)
        measuring.postpone(claim=claim, seconds=settings.SWEEP_SECONDS)
    except MeasuringStopped:
        measuring.give_back(claim=claim, why="", is_attempt=False)
    except MeasuringNotStarted:
        # Else an installation that cannot measure would use up the attempts of all who wait.
        measuring.postpone(claim=claim, seconds=settings.SWEEP_SECONDS)
    except MeasuringError as error:
        logger.warning("clip %s, attempt %d: %s", claim.clip_id, claim.attempt, error)
        measuring.give_back(claim=claim, why=error.code)
    return None


def _measured(process: MeasuringProcess, claim: measuring.ClaimedClip) -> dict[str, Any]:
    """The clip's measurement, with embeddings where its bundle reads them.

    Where that bundle's encoder cannot be had the clip is measured without: the patient learns at
    once whether it is usable. It then cannot be assessed by that bundle, which says why.
    """

    def renew() -> None:
        measuring.renew(claim=claim, seconds=settings.CLAIM_SECONDS)

    with process.desk() as desk:
        path = local_clip(claim.storage_key, claim.sha256, desk.inbox)
        try:
            return _ask_to_measure(process, path, claim, claim.reader, renew)
        except MeasuringFault as fault:
            if claim.reader is None or fault.kind not in BUNDLE_FAULTS:
                raise
            bundles.unreadable.add(claim.reader.digest)
            logger.error("%s has no image encoder for clips: %s", claim.reader, fault)
            return _ask_to_measure(process, path, claim, None, renew)


def _ask_to_measure(
    process: MeasuringProcess,
    path: Path,
    clip: measuring.ClaimedClip,
    reader: ModelBundle | None,
    on_tick: Callable[[], object] = lambda: None,
) -> dict[str, Any]:
    what = {
        "path": str(path),
        "size": clip.size,
        "expression": clip.expression,
        "announced": clip.announced,
        "bundle": reader and files_of(reader),
    }
    found = process.ask(
        "measure",
        what,
        seconds=settings.MEASURE_SECONDS,
        on_tick=on_tick,
        reads=[folder_of(reader)] if reader is not None else (),
    )
    if reader is not None:
        bundles.unreadable.discard(reader.digest)
    return found


def files_of(bundle: Bundle) -> dict[str, str]:
    """Where the measuring process finds a bundle, and which one it must be."""
    return {"path": str(folder_of(bundle)), "digest": bundle.digest}


def folder_of(bundle: Bundle) -> Path:
    """Where this machine has it; what is not here yet is fetched from the store."""
    return bundles.folder_of(bundle.path, bundle.digest)


def assess(screening_id: UUID, part: measuring.Part = measuring.Part.ALL) -> int:
    """Assesses a session whose clips are all done, with its own bundle and then with each shadow.

    Returns how many assessments were stored. A shadow bundle that cannot assess is logged and left
    out; when the session's own cannot, :class:`MeasuringError` says why and the work is due again
    after a while.
    """
    given = measuring.claim_assessment(screening_id=screening_id, part=part)
    if given is None:
        return 0
    stored, deadline = 0, monotonic() + ANEW_SECONDS
    for target in given.targets:
        try:
            stored += _assess(given, target, deadline)
        except MeasuringStopped:
            raise
        except (Unavailable, MeasuringNotStarted) as error:
            # A clip that must be measured anew, or the measuring process, cannot be had: no
            # attempt of anybody's.
            logger.warning("screening %s rests: %s", screening_id, error.code)
            if not target.is_shadow:
                retries.rest(screening_id=screening_id, seconds=settings.SWEEP_SECONDS)
            return stored
        except MeasuringError as fault:
            if not target.is_shadow:
                raise
            retries.shadow_failed(bundle_id=target.bundle_id)
            logger.warning("the shadow bundle %s cannot assess: %s", target.digest[:12], fault)
    return stored


def _assess(given: measuring.AssessmentInput, target: measuring.Target, deadline: float) -> bool:
    """Whether a result of this bundle was stored."""
    # Nobody waits for what a shadow says.
    urgency = Urgency.SHADOW if target.is_shadow else Urgency.ASSESS
    if target.lack:
        if not _measure_for(given, target, deadline):
            return False
        target = measuring.with_measurements(screening_id=given.screening_id, target=target)
        if target.lack:
            return False
    result = assess_measurements(
        target.measurements, target, given.prevalence, urgency, drawn=given.is_phantom
    )
    row = measuring.store_assessment(
        screening_id=given.screening_id,
        bundle=target.bundle_id,
        measurements_digest=target.measurements_digest,
        result=result,
        is_shadow=target.is_shadow,
    )
    return row is not None


def _measure_for(
    given: measuring.AssessmentInput, target: measuring.Target, deadline: float
) -> bool:
    """Measures the clips that were measured for another intensity source than this bundle's: it is
    a shadow, or was made active after they were measured. False when clips are left to another
    task: each that is done is kept, so that one goes on there."""
    if not target.is_shadow:

        def go_on() -> bool:
            retries.goes_on(screening_id=given.screening_id, seconds=settings.CLAIM_SECONDS)
            return True

        return _measure_each(given, target, go_on, deadline)
    with _lease(target.bundle_id) as renew:
        return renew is not None and _measure_each(given, target, renew, deadline)


@contextmanager
def _lease(bundle_id: UUID) -> Iterator[Callable[[], bool] | None]:
    """The only right to measure for this shadow, as what renews it; None where another has it."""
    seconds = settings.CLAIM_SECONDS
    held = retries.lease_shadow(bundle_id=bundle_id, seconds=seconds)
    if held is None:
        yield None
        return

    def renew() -> bool:
        nonlocal held
        if held is not None:
            held = retries.lease_shadow(bundle_id=bundle_id, seconds=seconds, held=held)
        return held is not None

    try:
        yield renew
    finally:
        if held is not None:
            retries.end_lease(bundle_id=bundle_id, held=held)


def _measure_each(
    given: measuring.AssessmentInput,
    target: measuring.Target,
    go_on: Callable[[], bool],
    deadline: float,
) -> bool:
    """Whether all are done; ``go_on`` says that this task works on it, and whether it still may."""
    urgency = Urgency.SHADOW if target.is_shadow else Urgency.MEASURE
    for clip in target.lack:
        if monotonic() >= deadline:
            # Behind the patients' clips that came meanwhile.
            task = queue.ASSESS_SHADOWS if target.is_shadow else queue.ASSESS_ANEW
            queue.enqueue_on_commit(task, str(given.screening_id))
            return False
        with measuring_pool().lend(urgency) as process:
            # Asked only now: who had the process before may have measured this very clip.
            if not measuring.lacks(clip):
                continue
            if not go_on():
                return False
            with process.desk() as desk:
                path = local_clip(clip.storage_key, clip.sha256, desk.inbox)
                found = _ask_to_measure(process, path, clip, clip.reader, go_on)
            measuring.store_beside(clip=clip, measurement=found)
            if not target.is_shadow:
                retries.got_on(screening_id=given.screening_id)
    return True


def assess_measurements(
    measurements: dict[str, dict[str, Any]],
    bundle: measuring.Target | ModelBundle,
    prevalence: float | None = None,
    urgency: Urgency = Urgency.ASSESS,
    *,
    drawn: bool = False,
) -> dict[str, Any]:
    """What ``bundle`` makes of ``{expression: measurement as JSON}``, stored nowhere. ``drawn``: of
    a drawn face, which no model of real faces should read."""
    said = {"prevalence": prevalence, "drawn": drawn}
    what = {"measurements": measurements, "bundle": files_of(bundle), **said}
    with measuring_pool().lend(urgency) as process:
        folder = folder_of(bundle)
        return process.ask("assess", what, seconds=ASSESS_SECONDS, reads=[folder])


def person_of(
    sessions: Sequence[Mapping[str, Any]], bundle: measuring.Target | ModelBundle
) -> dict[str, Any]:
    """What several results of one person, all by ``bundle``, say together; stored nowhere."""
    what = {"sessions": [dict(one) for one in sessions], "bundle": files_of(bundle)}
    with measuring_pool().lend(Urgency.ASSESS) as process:
        return process.ask("person", what, seconds=ASSESS_SECONDS, reads=[folder_of(bundle)])


def update_course(course_id: UUID) -> int:
    """Computes what the sessions of a course say together, where that is due; returns how many
    results were stored. Repeating it is harmless; what failed is due again after a while."""
    given = course_results.claim(course_id=course_id)
    if given is None:
        return 0
    stored = 0
    for wanted in given.wanted:
        what = {
            "groups": list(wanted.groups),
            "repeats": wanted.repeats,
            "bundle": files_of(wanted),
        }
        with measuring_pool().lend(Urgency.ASSESS) as process:
            found = process.ask("course", what, seconds=ASSESS_SECONDS, reads=[folder_of(wanted)])
        stored += course_results.store(course_id=course_id, wanted=wanted, found=found["groups"])
    course_results.finish(given)
    return stored


def make_playback(clip_id: UUID) -> bool:
    """Derives the copy that reviewers play, if the clip has none. Originals are never altered.

    A clip that cannot be copied keeps none: reviewers are then shown the original.
    """
    claim = measuring.without_playback(clip_id=clip_id)
    if claim is None:
        return False
    with copying_pool().lend(Urgency.MEASURE) as process, process.desk() as desk:
        copy = desk.outbox / "playback.mp4"
        try:
            original = local_clip(claim.storage_key, claim.sha256, desk.inbox)
            what = {"source": str(original), "target": str(copy)}
            process.ask("playback", what, seconds=PLAYBACK_SECONDS)
        except (MeasuringError, Unavailable) as error:
            logger.info("clip %s has no playback copy: %s", clip_id, error.code)
            return False
        return measuring.store_playback(claim=claim, source=copy)
