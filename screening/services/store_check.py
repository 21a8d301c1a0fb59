"""Rows and stored objects compared, both ways, for an operator; nothing is changed unless asked.

The sizes of all objects are held in memory: some hundred bytes for each.
"""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

from django.core.files.storage import default_storage
from django.utils import timezone

from screening.errors import StoreRefused, WrongState
from screening.models import BundleFile, Clip, Upload, UploadChunk
from screening.services import installation, known, listing, store, survey
from screening.services.chunks import give_up

ORIGINAL, COPY, CHUNK, MODEL = "original", "copy", "chunk", "model"
#: What ``--repair`` takes, and what it does.
REPAIRS = {
    "uploads": "give up unfinished uploads that lack a part: the browser sends them anew",
    "copies": "forget playback copies that are not there: the original is played instead",
    "unknown": "delete every object that no row names and that is older than an hour",
}


@dataclass(frozen=True)
class Named:
    """A file as a row describes it. ``row`` is the clip's, the upload's or the model's id."""

    kind: str
    row: str
    key: str
    size: int | None = None
    sha256: str = ""


@dataclass
class Findings:
    """What does not agree. ``standing`` is empty where store and database are one installation."""

    standing: str = ""
    objects: int = 0
    bytes: int = 0
    files_named: int = 0
    missing: list[Named] = field(default_factory=list)
    wrong: list[Named] = field(default_factory=list)
    unknown: list[listing.Stored] = field(default_factory=list)
    hashes_compared: int | None = None

    @property
    def well(self) -> bool:
        return not (self.standing or self.missing or self.wrong or self.unknown)

    def to_json(self) -> dict[str, Any]:
        unknown = [
            {**asdict(one), "written_at": f"{one.written_at:%FT%TZ}"} for one in self.unknown
        ]
        return {**asdict(self), "unknown": unknown, "well": self.well}


def check(*, hashes: bool = False, age: timedelta = survey.ORPHAN_AGE) -> Findings:
    """Compare everything; with ``hashes`` every recording is read too. Changes nothing."""
    found = Findings(standing=check_standing())
    before = timezone.now() - age
    sizes = {}
    for page in survey.pages(listing.everything()):
        named = known.keys([one.key for one in page])
        sizes.update({one.key: one.size for one in page})
        found.bytes += sum(one.size for one in page)
        found.unknown += [one for one in page if one.key not in named and one.written_at <= before]
    found.objects = len(sizes)
    if hashes:
        found.hashes_compared = 0
    for one in files():
        found.files_named += 1
        if one.key not in sizes:
            if _still_missing(one):
                found.missing.append(one)
        elif one.size not in (None, sizes[one.key]):
            found.wrong.append(one)
        elif hashes and one.sha256:
            found.hashes_compared = (found.hashes_compared or 0) + 1
            if digest(one.key) not in (one.sha256, None):
                found.wrong.append(one)
    return found


def check_standing() -> str:
    """Why nothing may be changed in this store; empty when it may."""
    return installation.check_now().words


def files() -> Iterator[Named]:
    """Every file that a row names."""
    clips = Clip.objects.order_by("pk")
    columns = ("pk", "storage_key", "playback_key", "size", "sha256")
    for pk, original, copy, size, sha256 in clips.values_list(*columns).iterator():
        if original:
            yield Named(ORIGINAL, str(pk), original, size, sha256)
        if copy:
            yield Named(COPY, str(pk), copy)
    for file in BundleFile.objects.order_by("pk"):
        yield Named(MODEL, str(file.bundle_id), file.storage_key, file.size, file.sha256)
    chunks = UploadChunk.objects.order_by("pk").values_list("upload_id", "storage_key", "size")
    for upload, key, size in chunks.iterator():
        yield Named(CHUNK, str(upload), key, size)


def digest(key: str) -> str | None:
    """SHA-256 of an object's bytes; None when it was deleted meanwhile."""
    sha256 = hashlib.sha256()
    try:
        with default_storage.open(key) as file:
            while block := file.read(store.BLOCK):
                sha256.update(block)
    except FileNotFoundError:
        return None
    return sha256.hexdigest()


def repair(found: Findings, what: str) -> int:
    """Do one of ``REPAIRS``; returns how many things were changed.

    Raises StoreRefused where the store is not this database's, or newer than it.
    """
    if not installation.check_now().may_clean:
        raise StoreRefused
    if what == "uploads":
        return _give_up({one.row for one in found.missing if one.kind == CHUNK})
    if what == "copies":
        lost = [one.key for one in found.missing if one.kind == COPY]
        return sum(Clip.objects.filter(playback_key=key).update(playback_key="") for key in lost)
    for page in range(0, len(found.unknown), known.PAGE):
        survey.compare(found.unknown[page : page + known.PAGE], age=timedelta(0))
    asked = [one.key for one in found.unknown]
    return sum(
        survey.delete(
            survey.in_quarantine().filter(key__in=asked[page : page + known.PAGE]),
            why="an operator's word",
        )
        for page in range(0, len(asked), known.PAGE)
    )


def _give_up(uploads: set[str]) -> int:
    given_up = 0
    for upload in Upload.objects.filter(pk__in=uploads, state=Upload.State.OPEN):
        # WrongState: it was completed or given up a moment ago.
        with suppress(WrongState):
            give_up(upload)
            given_up += 1
    return given_up


def _still_missing(one: Named) -> bool:
    """Asked again: the row or the object may have come or gone since the store was listed."""
    return bool(known.keys([one.key])) and not default_storage.exists(one.key)
