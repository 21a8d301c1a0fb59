"""The clinic's own recordings as a cohort to train on: consented, pseudonymised, split by person.

The folder has the format that ``python -m ml train`` reads: clips, and a ``manifest.csv`` that is
written last, so a folder with a manifest is complete. Labels are the clinicians' own reviews.
"""

import csv
import hashlib
import hmac
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal

from django.conf import settings

from screening.errors import Invalid
from screening.models import (
    AccessEvent,
    Clip,
    CohortExport,
    Consent,
    Intake,
    Patient,
    Review,
    Scope,
    Screening,
    Viewing,
)
from screening.permissions import stands
from screening.services import exports, store
from screening.services.screenings import current_clips

Split = Literal["train", "val", "test"]


@dataclass(frozen=True)
class Row:
    """One line of the manifest. Empty where nothing is known."""

    subject: str
    clip: str
    expression: str
    grade: str
    pd: str
    protocol: str
    age: str
    sex: str
    split: Split
    sha256: str
    session: str


@dataclass(frozen=True)
class Exported:
    """What an export holds: how many clips, of how many people, how many of them graded, and how
    many people each split has."""

    clips: int
    subjects: int
    graded: int
    splits: Mapping[Split, int]


def export(*, folder: Path) -> Exported:
    """Write the measured clips of all screenings that may be used for training.

    A screening may be when its own consent and the patient's standing one both have the training
    scope, and it was scored. The subject's code comes from the installation's secret: stable over
    exports, so nobody changes their split, and of no use to who has not the secret. Each export of
    a screening is noted like a view, and the folder is remembered, so that an erasure finds the
    files there too. Raises Invalid: a folder with files in it, a changed clip.
    """
    if folder.exists() and any(folder.iterdir()):
        raise Invalid(f"The folder {folder} is not empty. Choose a new one.", code="not_empty")
    folder.mkdir(parents=True, exist_ok=True)
    export = exports.begin(folder=folder)
    rows = [row for screening in _allowed() for row in _export_one(screening, export)]
    with (folder / exports.MANIFEST).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)])
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
    # Whoever was erased while this ran.
    exports.clean()
    graded = {row.subject for row in rows if row.grade}
    split = Counter({row.subject: row.split for row in rows}.values())
    return Exported(len(rows), split.total(), len(graded), split)


def subject_code(patient: Patient) -> str:
    """The patient's code in exports; not the pseudonym that the clinic's pages show."""
    secret = hmac.new(settings.SECRET_KEY.encode(), patient.pk.bytes, hashlib.sha256)
    return f"S-{secret.hexdigest()[:16]}"


def person_digest(subject: str) -> str:
    """A subject's mark in the metadata of a bundle trained on them: the same as
    ``ml.cohort.table.person_digest`` (the science is not imported here)."""
    return hashlib.sha256(f"mimia person {subject}".encode()).hexdigest()[:16]


def split_of(subject: str) -> Split:
    """A fifth of the people to test, a fifth to validate, by their code alone."""
    place = int(hashlib.sha256(subject.encode()).hexdigest(), 16) % 5
    return "test" if place == 0 else "val" if place == 1 else "train"


def _allowed() -> Iterator[Screening]:
    rows = Screening.objects.filter(
        state__in=[Screening.State.SCORED, Screening.State.RELEASED],
        is_phantom=False,
    ).filter(stands())
    for screening in rows.select_related("patient", "consent", "protocol").order_by("created_at"):
        standing = Consent.objects.filter(patient=screening.patient, withdrawn_at__isnull=True)
        scopes = [screening.consent.scopes, *standing.values_list("scopes", flat=True)]
        if len(scopes) == 2 and all(Scope.TRAINING.value in one for one in scopes):
            yield screening


def _export_one(screening: Screening, export: CohortExport) -> Iterator[Row]:
    subject = subject_code(screening.patient)
    intake = Intake.objects.filter(screening=screening).first() or Intake()
    AccessEvent.objects.create(user=None, action=Viewing.EXPORT, screening_id=screening.pk)
    for clip in current_clips(screening).filter(state=Clip.State.MEASURED):
        # A person may come again: the screening's own code keeps the names apart.
        visit = hashlib.sha256(screening.pk.bytes).hexdigest()[:8]
        name = f"{subject}-{visit}-{clip.step.expression}{Path(clip.storage_key).suffix}"
        exports.note(export=export, screening=screening, name=name)
        _copy(clip, Path(export.folder) / name)
        yield Row(
            subject=subject,
            clip=name,
            expression=clip.step.expression,
            grade=_grade(screening),
            pd=_pd(intake),
            protocol=f"{screening.protocol.slug}-{screening.protocol.version}",
            age="" if intake.age_years is None else str(intake.age_years),
            sex=intake.sex,
            split=split_of(subject),
            sha256=clip.sha256,
            session=visit,
        )


def _copy(clip: Clip, path: Path) -> None:
    store.fetch(clip.storage_key, path)
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != clip.sha256:
        raise Invalid(f"The file of clip {clip.pk} is not the one received.", code="changed")


def _grade(screening: Screening) -> str:
    """The newest grade that a clinician signed for this screening."""
    rows = Review.objects.filter(screening=screening, grade__isnull=False)
    newest = rows.order_by("-signed_off_at").first()
    return "" if newest is None else str(newest.grade)


def _pd(intake: Intake) -> str:
    return "" if intake.known_pd is None else str(int(intake.known_pd))
