"""The survey of the store: once a day every object is compared with the rows, in bounded steps.

An object without a row goes to quarantine: it is listed and stays where it is. After
``QUARANTINE_DAYS`` it is deleted, if still no row names it, and each deletion is written down.
Nothing is deleted when database and store do not belong together, when the database is older than
its store, or when there are more such objects than a fault of ours could leave: then the survey
says so in the log, in ``/readyz`` and in its row, and waits for an operator.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from time import monotonic

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from screening.models import QuarantinedObject, StoreSurvey
from screening.services import installation, known, listing, store

logger = logging.getLogger(__name__)

#: An object younger than this may be about to get its row (a slow chunk, a long composition).
ORPHAN_AGE = timedelta(hours=1)
#: A process that says nothing for so long has died; another one goes on where it stopped.
LEASE = timedelta(minutes=2)
#: So many unknown objects are no cause for alarm in the smallest of stores.
ALWAYS_ALLOWED = 20


def is_due() -> bool:
    """Whether a survey should begin or go on, and no process is at it."""
    now = timezone.now()
    open_one = StoreSurvey.objects.filter(finished_at__isnull=True).first()
    if open_one is not None:
        return open_one.lease_until <= now
    return not StoreSurvey.objects.filter(created_at__gt=_yesterday(now)).exists()


def advance(
    *, seconds: float = 60.0, anew: bool = False, age: timedelta = ORPHAN_AGE
) -> StoreSurvey | None:
    """Begin or go on with the survey for about so long; None when there was nothing to do.

    Of all processes one at a time is at it. ``anew`` begins one although the last was not long ago;
    objects younger than ``age`` are not looked at.
    """
    standing = installation.check_now()
    if not standing.may_write:
        # ``check`` has said it once; a sweep comes every half minute.
        logger.debug("the store is not looked through: %s", standing.words)
        return None
    survey = _claim(anew=anew)
    if survey is None:
        return None
    until = monotonic() + seconds
    for page in pages(listing.everything(after=survey.position)):
        compare(page, age=age)
        _step(survey, page)
        if monotonic() > until:
            _let_go(survey)
            return survey
    _finish(survey, standing)
    return survey


def compare(page: list[listing.Stored], *, age: timedelta) -> None:
    """Put what no row names into quarantine, and take out what a row names by now."""
    now = timezone.now()
    named = known.keys([one.key for one in page])
    unknown = [one for one in page if one.key not in named and one.written_at <= now - age]
    waiting = QuarantinedObject.objects.filter(deleted_at__isnull=True)
    waiting.filter(key__in=named).delete()
    # One that was deleted before and is there again is a new one.
    QuarantinedObject.objects.filter(
        key__in=[one.key for one in unknown], deleted_at__isnull=False
    ).delete()
    QuarantinedObject.objects.bulk_create(
        [
            QuarantinedObject(
                key=one.key,
                size=one.size,
                written_at=one.written_at,
                first_seen_at=now,
                last_seen_at=now,
            )
            for one in unknown
        ],
        update_conflicts=True,
        unique_fields=["key"],
        update_fields=["size", "written_at", "last_seen_at"],
    )


def in_quarantine() -> QuerySet[QuarantinedObject]:
    """What lies in the store without a row, as far as is known."""
    return QuarantinedObject.objects.filter(deleted_at__isnull=True)


def delete(rows: QuerySet[QuarantinedObject], *, why: str) -> int:
    """Delete these objects for good, but for those that a row names by now; returns how many."""
    deleted = 0
    found = rows.filter(deleted_at__isnull=True).iterator()
    while page := list(islice(found, known.PAGE)):
        if not installation.check_now().may_clean:
            break
        named = known.keys([one.key for one in page])
        for one in page:
            if one.key not in named and store.remove(one.key, why=why):
                QuarantinedObject.objects.filter(pk=one.pk).update(deleted_at=timezone.now())
                deleted += 1
    return deleted


@dataclass(frozen=True)
class Count:
    """How many objects lie in the store, and how many of them a row names."""

    objects: int
    known: int


def count_known() -> Count:
    """Counts the store as it is now; changes nothing."""
    objects = named = 0
    for page in pages(listing.everything()):
        objects += len(page)
        named += len(known.keys([one.key for one in page]))
    return Count(objects, named)


def last_finished() -> StoreSurvey | None:
    return StoreSurvey.objects.filter(finished_at__isnull=False).order_by("-finished_at").first()


def _yesterday(now: datetime) -> datetime:
    return now - timedelta(hours=settings.STORE_SURVEY_HOURS)


def _claim(*, anew: bool) -> StoreSurvey | None:
    """The open survey whose process fell silent, or a new one where it is time."""
    now = timezone.now()
    mine = now + LEASE
    open_one = StoreSurvey.objects.filter(finished_at__isnull=True).first()
    if open_one is not None:
        silent = StoreSurvey.objects.filter(
            pk=open_one.pk, finished_at__isnull=True, lease_until__lte=now
        )
        if not silent.update(lease_until=mine):
            return None
        open_one.refresh_from_db()
        return open_one
    if not anew and StoreSurvey.objects.filter(created_at__gt=_yesterday(now)).exists():
        return None
    try:
        with transaction.atomic():
            return StoreSurvey.objects.create(lease_until=mine)
    except IntegrityError:
        return None


def _step(survey: StoreSurvey, page: list[listing.Stored]) -> None:
    StoreSurvey.objects.filter(pk=survey.pk).update(
        position=page[-1].key,
        objects_seen=F("objects_seen") + len(page),
        bytes_seen=F("bytes_seen") + sum(one.size for one in page),
        lease_until=timezone.now() + LEASE,
    )


def _let_go(survey: StoreSurvey) -> None:
    StoreSurvey.objects.filter(pk=survey.pk).update(lease_until=timezone.now())
    survey.refresh_from_db()


def _finish(survey: StoreSurvey, standing: installation.Standing) -> None:
    """Forget what is gone, delete what has waited long enough, or say why not."""
    survey.refresh_from_db()
    now = timezone.now()
    in_quarantine().filter(last_seen_at__lt=survey.created_at).delete()
    unknown = in_quarantine().count()
    survey.unknown = unknown
    survey.held = standing.words or _too_many(unknown, survey.objects_seen)
    if not survey.held:
        overdue = now - timedelta(days=settings.QUARANTINE_DAYS)
        survey.deleted = delete(
            in_quarantine().filter(first_seen_at__lte=overdue),
            why=f"without a row for {settings.QUARANTINE_DAYS} days",
        )
    survey.finished_at = timezone.now()
    survey.save()
    logger.log(
        logging.ERROR if survey.held else logging.INFO,
        "store looked through: %d objects, %d without a row, %d deleted%s",
        survey.objects_seen,
        unknown,
        survey.deleted,
        f"; nothing is deleted: {survey.held}" if survey.held else "",
    )


def _too_many(unknown: int, objects: int) -> str:
    limit = min(
        settings.CLEANER_MAX_OBJECTS,
        max(ALWAYS_ALLOWED, int(settings.CLEANER_MAX_SHARE * objects)),
    )
    if unknown <= limit:
        return ""
    return (
        f"{unknown} of {objects} stored objects have no row (at most {limit} are taken for"
        " leftovers), so nothing is deleted: look with python manage.py check_store"
    )


def pages(found: Iterator[listing.Stored]) -> Iterator[list[listing.Stored]]:
    """In pages of a size that the database is asked about at once."""
    while page := list(islice(found, known.PAGE)):
        yield page
