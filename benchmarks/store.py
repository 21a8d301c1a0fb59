"""``python -m benchmarks.store``: how long the comparison of store and rows takes.

Fills a temporary site (SQLite and a folder) with the rows and objects of many screenings, each of
four clips with their playback copies, and takes the time of the whole survey. Beside it, for a
sample, the time of asking folder by folder and object by object, as it was done once.
"""

import argparse
import json
import os
import platform
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

from django.core.files.storage import default_storage

CLIPS = 4
#: Objects of the sample that is asked one by one.
SAMPLE = 800


def fill(screenings: int) -> None:
    """Rows and one-byte objects of so many screenings, one patient for every hundred."""
    from django.utils import timezone

    from screening.models import (
        Clip,
        Consent,
        ConsentForm,
        Course,
        Patient,
        Protocol,
        Screening,
        Site,
    )

    protocol = Protocol.objects.filter(slug="quick").order_by("-version")[0]
    steps = list(protocol.steps.all())
    site = Site.objects.create(name="Bench", protocol=protocol)
    form = ConsentForm.objects.latest("version")
    root = Path(default_storage.path(""))
    for first in range(0, screenings, 100):
        patient = Patient.objects.create(site=site)
        consent = Consent.objects.create(patient=patient, form=form, scopes=["care"])
        now = timezone.now()
        course = Course.objects.create(
            patient=patient, protocol=protocol, opened_at=now, closes_at=now + timedelta(days=14)
        )
        some = Screening.objects.bulk_create(
            Screening(
                patient=patient,
                site=site,
                protocol=protocol,
                consent=consent,
                course=course,
                state=Screening.State.WITHDRAWN,
            )
            for _ in range(first, min(first + 100, screenings))
        )
        clips = [
            Clip(screening=one, step=step, state=Clip.State.MEASURED, size=1, sha256="0" * 64)
            for one in some
            for step in steps[:CLIPS]
        ]
        for clip in clips:
            folder = f"patients/{patient.pk.hex}/{clip.screening_id.hex}/{clip.pk.hex}"
            clip.storage_key, clip.playback_key = f"{folder}/original.mp4", f"{folder}/copy.mp4"
            clip.measured_at = timezone.now()
            (root / folder).mkdir(parents=True)
            (root / clip.storage_key).write_bytes(b"x")
            (root / clip.playback_key).write_bytes(b"x")
        Clip.objects.bulk_create(clips)


def survey() -> tuple[float, int]:
    """Seconds of a whole survey, and the objects it saw."""
    from screening.services import survey as surveys

    begun = monotonic()
    found = surveys.advance(seconds=3600, anew=True, age=timedelta(0))
    assert found is not None  # noqa: S101
    assert not found.unknown  # noqa: S101
    return monotonic() - begun, found.objects_seen


def one_by_one() -> float:
    """Seconds for an object when the store is asked by folder and the rows three times for each."""
    from screening.models import Clip, UploadChunk

    asked = 0
    begun = monotonic()
    for key in _folder_by_folder("patients"):
        rows = (
            Clip.objects.filter(storage_key=key),
            Clip.objects.filter(playback_key=key),
            UploadChunk.objects.filter(storage_key=key),
        )
        if not any(one.exists() for one in rows):
            default_storage.get_modified_time(key)
        asked += 1
        if asked == SAMPLE:
            break
    return (monotonic() - begun) / asked


def _folder_by_folder(folder: str) -> Iterator[str]:
    folders, files = default_storage.listdir(folder)
    yield from (f"{folder}/{name}" for name in files)
    for name in folders:
        yield from _folder_by_folder(f"{folder}/{name}")


def measure(screenings: int) -> dict[str, Any]:
    from worker.sandbox import temporary_site

    with temporary_site():
        fill(screenings)
        first, objects = survey()
        again, _ = survey()
        each = one_by_one()
    return {
        "what": "the whole store compared with the rows: SQLite, a local folder",
        "screenings": screenings,
        "objects": objects,
        "survey_s": round(first, 2),
        "survey_again_s": round(again, 2),
        "one_by_one_s": round(each * objects, 1),
        "sample": min(SAMPLE, objects),
        "cores": os.cpu_count(),
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.store", description=__doc__)
    parser.add_argument("--screenings", type=int, default=10_000)
    parser.add_argument("--out", type=Path, help="also write the figures as JSON")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings.development")
    import django

    django.setup()
    found = measure(options.screenings)
    print(
        f"{found['screenings']} screenings, {found['objects']} objects: compared in"
        f" {found['survey_s']} s, and again in {found['survey_again_s']} s; asked one by one"
        f" {found['one_by_one_s']} s (from {found['sample']} of them); {found['cores']} cores,"
        f" {found['machine']}, {found['at'][:10]}"
    )
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
