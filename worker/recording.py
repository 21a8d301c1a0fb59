"""Clips that are files already become a screening, the way a browser would bring them.

For the ``screen`` and ``demo`` commands: intake, uploads, verification, submission, measuring and
assessment all go through the services and steps that the site uses; only the queue is left out.
"""

import hashlib
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connections

from screening import containers
from screening.errors import DomainError
from screening.models import Assessment, Clip, Patient, Screening, User
from screening.services import assessing, clips, screenings, uploads
from worker import steps

#: The end of a file's name → the type that is said of it; "" for what is measured all the same, but
#: is shown to people as the derived copy only.
MIME_TYPES = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".3gp": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
    ".avi": containers.NOT_SAID,
    ".mpg": containers.NOT_SAID,
    ".mpeg": containers.NOT_SAID,
    ".ts": containers.NOT_SAID,
    ".mts": containers.NOT_SAID,
    ".mjpeg": containers.NOT_SAID,  # refused, with its reason: it has no times
}
NOT_GIVEN = "there is no clip of this expression"


@dataclass(frozen=True)
class FileClip:
    """One clip on disk, and what its recorder said of it (cues, seconds), if anything."""

    path: Path
    announced: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Refused:
    """A clip that the upload itself did not take."""

    expression: str
    reason: str
    detail: str

    def to_json(self) -> dict[str, Any]:
        return {
            "expression": self.expression,
            "state": "unusable",
            "reason": self.reason,
            "detail": self.detail,
            "quality": None,
            "signs": [],
        }


def upload_all(
    screening: Screening, by: User, files: Mapping[str, FileClip]
) -> tuple[list[UUID], list[Refused]]:
    """Uploads the clips, skips the steps without one. Returns the clips received, those refused."""
    received: list[UUID] = []
    refused: list[Refused] = []
    for clip in screenings.current_clips(screening):
        given = files.get(clip.step.expression)
        if given is None:
            clips.skip(by=by, clip=clip, reason=NOT_GIVEN)
            continue
        try:
            received.append(_upload(clip, by, given).pk)
        except DomainError as error:
            refused.append(Refused(clip.step.expression, error.code, error.detail))
            clip.refresh_from_db()
            clips.skip(by=by, clip=clip, reason=error.code)
    return received, refused


def _upload(clip: Clip, by: User, given: FileClip) -> Clip:
    size = given.path.stat().st_size
    mime_type = MIME_TYPES.get(given.path.suffix.lower(), "")
    upload = uploads.create(by=by, clip=clip, length=size, mime_type=mime_type)
    digest = hashlib.sha256()
    offset = 0
    with given.path.open("rb") as file:
        while piece := file.read(settings.UPLOAD_CHUNK_MAX_BYTES):
            digest.update(piece)
            uploads.append(by=by, upload=upload, offset=offset, data=piece)
            offset += len(piece)
    return uploads.complete(
        by=by,
        upload=upload,
        size=offset,
        sha256=digest.hexdigest(),
        announced=given.announced,
    )


def unmeasured(screening: Screening) -> list[UUID]:
    """The current clips that have arrived and are not measured yet."""
    arrived = [Clip.State.RECEIVED, Clip.State.MEASURING]
    return [clip.pk for clip in screenings.current_clips(screening).filter(state__in=arrived)]


def measure_all(clip_ids: list[UUID], at_once: int) -> None:
    """Measures the clips, ``at_once`` at a time, until each is done or its attempts are used up."""
    with ThreadPoolExecutor(max_workers=at_once) as threads:
        list(threads.map(_measure_until_done, clip_ids))


def _measure_until_done(clip_id: UUID) -> None:
    waiting = threading.Event()
    deadline = monotonic() + settings.MEASURE_ATTEMPTS * settings.MEASURE_SECONDS
    try:
        while not steps.measure(clip_id):
            if Clip.objects.filter(pk=clip_id, state__in=Clip.TERMINAL).exists():
                return
            if monotonic() > deadline:
                return
            # A running site's worker may hold this clip (--save): let it.
            waiting.wait(0.05)
    finally:
        connections.close_all()


def assess_now(screening: Screening) -> Assessment | None:
    """The assessment of a submitted screening whose clips are done."""
    steps.assess(screening.pk)
    return assessing.latest(screening)


def person(patient: Patient) -> User:
    """The account that acts for a patient of a command; nobody can log in to it."""
    if patient.user is None:
        patient.user = User.objects.create_user(f"{patient.pseudonym.lower()}@mimia.invalid")
        patient.save(update_fields=["user"])
    return patient.user
