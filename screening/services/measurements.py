"""Which measurement of a clip belongs to which bundle: a model is served on one intensity source.

A bundle whose source reads embeddings (``ModelBundle.encoder``) takes measurements by that encoder
alone; one that reads landmarks takes any, since every measurement holds those. A clip that is
unusable is so for everybody. Rows are only added, and one that was chosen stays the choice.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from screening.errors import Invalid
from screening.models import Clip, ClipMeasurement, ModelBundle, Screening
from screening.services.transitions import consent_stands, lock_screening

#: The clip states that end with a measurement.
ENDED = (Clip.State.MEASURED, Clip.State.UNUSABLE)


@dataclass(frozen=True)
class ClaimedClip:
    """A clip for a worker to measure. ``attempt`` is the fencing number; ``reader`` the bundle for
    whose image encoder it is measured, None where landmarks are all that is asked for."""

    clip_id: UUID
    screening_id: UUID
    expression: str
    storage_key: str
    size: int
    sha256: str
    mime_type: str
    announced: dict[str, Any]
    attempt: int
    has_playback: bool
    reader: ModelBundle | None = None


@dataclass(frozen=True)
class Measured:
    """The measurements of a session's clips that fit one bundle, without those that ``lack``."""

    by_expression: dict[str, ClipMeasurement]
    digest: str
    lack: tuple[ClaimedClip, ...]

    def to_json(self) -> dict[str, dict[str, Any]]:
        """``{expression: measurement}``, as ``ml.scoring.assessment.assess`` reads them."""
        return {name: row.measurement for name, row in self.by_expression.items()}


def claimed(clip: Clip, attempt: int, reader: ModelBundle | None = None) -> ClaimedClip:
    return ClaimedClip(
        clip_id=clip.pk,
        screening_id=clip.screening_id,
        expression=clip.step.expression,
        storage_key=clip.storage_key,
        size=clip.size or 0,
        sha256=clip.sha256,
        mime_type=clip.mime_type,
        announced=clip.announced,
        attempt=attempt,
        has_playback=bool(clip.playback_key),
        reader=reader,
    )


def reader_of(screening: Screening) -> ModelBundle | None:
    """The bundle that will most likely assess this screening, where it needs an image encoder: the
    pinned one, before submission the active one."""
    active = ModelBundle.objects.filter(status=ModelBundle.Status.ACTIVE)
    bundle = screening.bundle or active.first()
    return bundle if bundle is not None and bundle.encoder else None


def measured_for(clips: list[Clip], bundle: ModelBundle) -> Measured:
    """What ``bundle`` takes of these clips' measurements."""
    ended = [clip for clip in clips if clip.state in ENDED]
    found: dict[UUID, ClipMeasurement] = {}
    for clip in ended:
        row = _fitting(clip, bundle.encoder)
        if row is not None:
            found[clip.pk] = row
    parts = sorted((clip.step.expression, _identity(found.get(clip.pk))) for clip in clips)
    return Measured(
        by_expression={c.step.expression: found[c.pk] for c in ended if c.pk in found},
        digest=hashlib.sha256(json.dumps(parts).encode()).hexdigest(),
        lack=tuple(claimed(c, c.attempts, bundle) for c in ended if c.pk not in found),
    )


def lacks(clip: ClaimedClip) -> bool:
    """Whether nobody has measured the clip for its reader yet."""
    row = Clip.objects.filter(pk=clip.clip_id, sha256=clip.sha256).first()
    return row is not None and clip.reader is not None and not _fitting(row, clip.reader.encoder)


def store_beside(*, clip: ClaimedClip, measurement: dict[str, Any]) -> ClipMeasurement | None:
    """Keep one more measurement of a clip that was measured already, for another bundle. No state
    changes and nobody is told. None, and nothing written, when the clip was superseded, or consent
    was taken back."""
    with transaction.atomic():
        screening = lock_screening(clip.screening_id)
        row = Clip.objects.filter(pk=clip.clip_id, sha256=clip.sha256, state__in=ENDED).first()
        if row is None or not consent_stands(screening):
            return None
        return keep(row, measurement)


def keep(clip: Clip, measurement: dict[str, Any]) -> ClipMeasurement:
    """The row of this measurement, made unless it is there. Raises Invalid for a measurement
    without its required keys."""
    try:
        state, reason = measurement["state"], measurement.get("reason") or ""
        digest = measurement["measurer"]["digest"]
    except (KeyError, TypeError) as wrong:
        raise Invalid("A measurement needs its state and its measurer's digest.") from wrong
    if state not in ("measured", "unusable") or (state == "unusable" and not reason):
        raise Invalid("A measurement is measured, or unusable with a reason.")
    row, _ = ClipMeasurement.objects.get_or_create(
        clip=clip,
        clip_sha256=clip.sha256,
        measurer_digest=digest,
        defaults={
            "state": state,
            "reason": reason,
            "measurement": measurement,
            "encoder": measurement["measurer"].get("encoder", ""),
        },
    )
    return row


def _fitting(clip: Clip, encoder: str) -> ClipMeasurement | None:
    """The newest row by this very encoder; else the oldest that fits as well, so that rows which
    are added for other bundles change nothing."""
    rows = ClipMeasurement.objects.filter(clip=clip, clip_sha256=clip.sha256)
    found = list(rows.defer("measurement").order_by("created_at"))
    own = [row for row in found if row.encoder == encoder]
    if own:
        return own[-1]
    others = [row for row in found if not encoder or row.state == Clip.State.UNUSABLE]
    return others[0] if others else None


def _identity(row: ClipMeasurement | None) -> list[str]:
    """File and measurer; nothing for what is missing."""
    return [] if row is None else [row.clip_sha256, row.measurer_digest]
