"""Whose store is this? Database and store carry one id, and refuse each other otherwise.

The database has the row ``Installation``; the store has an object, ``installation.json``. For a new
installation both are made together; one from before there were ids is adopted when the database
knows what lies in the store. An empty database in front of a full store is never adopted: its
cleaner would take every recording for rubbish. Both also count up from time to time: a database
that is behind its store was restored from an old copy, and then nothing is deleted either.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from time import monotonic
from uuid import UUID

from django.core.files.storage import default_storage
from django.db import connection
from django.db.models import F, Q
from django.utils import timezone

from screening.errors import StoreRefused
from screening.models import Clip, Installation
from screening.services import known, listing, mark

logger = logging.getLogger(__name__)

#: A good answer holds for so many seconds in this process; a bad one is asked again sooner.
GOOD_SECONDS = 10.0
BAD_SECONDS = 2.0
#: How often database and store count up.
COUNT_EVERY = timedelta(hours=1)
#: Before it is adopted, so many objects are looked at, and so large a share must have its row.
SAMPLE = 2000
KNOWN_SHARE = 0.5

BY_HAND = "python manage.py adopt_store (see docs/operations.md, “Whose store is this?”)"


@dataclass(frozen=True)
class Standing:
    """How database and store stand to each other. ``words`` are for an operator."""

    code: str
    may_write: bool
    may_clean: bool
    words: str = ""


ONE = Standing("one", may_write=True, may_clean=True)


def _refused(code: str, words: str) -> Standing:
    return Standing(code, may_write=False, may_clean=False, words=words)


OTHER = _refused(
    "other",
    "the store belongs to another database: give the site back its own database or store, or, if"
    f" they are meant to go together from now on, {BY_HAND}",
)
MARK_MISSING = _refused(
    "mark_missing",
    "the store does not carry this installation's id any more: is the right folder mounted, the"
    f" right bucket set? If its id alone was lost, {BY_HAND}",
)
MARK_UNREADABLE = _refused(
    "mark_unreadable", f"the store's {mark.KEY} cannot be read: bring it back, or {BY_HAND}"
)
STRANGERS = _refused(
    "strangers",
    "the store is full of recordings that this database does not know: restore the database that"
    f" belongs to it, or {BY_HAND}",
)
UNFINISHED = _refused(
    "unfinished",
    "a backup was being restored into this store and is not there whole: run the same"
    " python manage.py restore again",
)
EMPTY = _refused(
    "empty",
    "the database names recordings and the store has none of them: is the right folder mounted,"
    f" the right bucket set? If they are lost, {BY_HAND}",
)
BEHIND = Standing(
    "behind",
    may_write=True,
    may_clean=False,
    words="the database is older than its store (a backup was restored?), so nothing is deleted:"
    f" look with python manage.py check_store, then {BY_HAND}",
)

_last: dict[str, tuple[float, Standing]] = {}


def check() -> Standing:
    """How they stand, at most some seconds ago; a new or a known pair is bound on the way."""
    place = _place()
    until, standing = _last.get(place, (0.0, ONE))
    if monotonic() < until:
        return standing
    before, standing = _last.get(place, (0.0, ONE))[1], check_now()
    _last[place] = (monotonic() + (GOOD_SECONDS if standing is ONE else BAD_SECONDS), standing)
    if standing != before:
        logger.log(
            logging.INFO if standing is ONE else logging.ERROR,
            "store and database: %s",
            standing.words or "one installation again",
        )
    return standing


def require() -> None:
    """Raises StoreRefused where nothing may be written to this store."""
    if not check().may_write:
        raise StoreRefused


def check_now() -> Standing:
    """How they stand at this moment. Raises what the store or the database raises when away."""
    row = this()
    was_bound = row.bound_at is not None
    try:
        found = mark.read()
    except ValueError:
        return MARK_UNREADABLE
    # Read again: between the two another process may have counted both up, the database first.
    row.refresh_from_db()
    if found is None:
        if was_bound:
            return MARK_MISSING
        standing = _before_there_were_ids()
        if standing is ONE:
            _bind(row)
        return standing
    if found.restoring:
        return UNFINISHED
    if found.identity != row.identity:
        return OTHER
    if row.bound_at is None:
        Installation.objects.filter(slot=row.slot).update(bound_at=timezone.now())
    return BEHIND if found.generation > row.generation else ONE


def this() -> Installation:
    """The row of this database."""
    row, _ = Installation.objects.get_or_create(slot=Installation.ONLY)
    return row


def count_up() -> None:
    """Once an hour, by one process: the database first, so that it is never behind by itself."""
    now = timezone.now()
    due = Installation.objects.filter(
        Q(generation_at__isnull=True) | Q(generation_at__lte=now - COUNT_EVERY),
        slot=Installation.ONLY,
    )
    if check_now() is ONE and due.update(generation=F("generation") + 1, generation_at=now):
        row = this()
        mark.write(mark.Mark(row.identity, row.generation))


def adopt() -> Standing:
    """An operator's word that this database and this store go together from now on.

    The database takes the store's id, or gives its own to a store without one. Nothing is deleted:
    what the database does not know comes to quarantine, where its time begins now.
    """
    row = this()
    try:
        found = mark.read()
    except ValueError:
        found = None
    identity: UUID = row.identity if found is None else found.identity
    generation = max(row.generation, 0 if found is None else found.generation) + 1
    Installation.objects.filter(slot=row.slot).update(
        identity=identity, generation=generation, bound_at=timezone.now()
    )
    mark.write(mark.Mark(identity, generation))
    known.quarantine_anew()
    _last.clear()
    return check_now()


def _before_there_were_ids() -> Standing:
    """May a pair without an id become one? Only if nothing, or what is known, lies in the store."""
    names_files = Clip.objects.exclude(storage_key="").exists()
    sample = [one.key for one in islice(listing.objects(), SAMPLE)]
    if not sample:
        return EMPTY if names_files else ONE
    share = len(known.keys(sample)) / len(sample)
    return ONE if share >= KNOWN_SHARE else STRANGERS


def _bind(row: Installation) -> None:
    mark.write(mark.Mark(row.identity, row.generation))
    Installation.objects.filter(slot=row.slot).update(bound_at=timezone.now())
    logger.info("store and database are bound: installation %s", row.identity)


def _place() -> str:
    """Which database and which store: tests and commands use several in one process."""
    where = getattr(default_storage, "bucket_name", None) or default_storage.path("")
    return f"{connection.settings_dict['NAME']} {where}"
