"""Who may see what, asked in one place, and the record of who did see it."""

from datetime import datetime
from typing import TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.utils import timezone

from screening.errors import NotAllowed, NotFound
from screening.models import AccessEvent, Clip, Screening, User, Viewing
from screening.permissions import Actor, Permission, is_administrator

M = TypeVar("M", bound=Model)
#: Somebody who looks again within so long is noted once.
QUARTER_SECONDS = 15 * 60


def require(permission: type[Permission], user: Actor | None, row: Model) -> None:
    """Raise NotAllowed unless ``user`` has ``permission`` on ``row``."""
    if user is None or not permission.allows(user, row):
        raise NotAllowed


def require_administrator(user: Actor | None) -> None:
    """Raise NotAllowed unless ``user`` administers this installation."""
    if user is None or not is_administrator(user):
        raise NotAllowed


def find(permission: type[Permission], user: Actor, rows: QuerySet[M], key: object) -> M:
    """The row with this key; NotFound both when there is none and when it is a stranger's."""
    try:
        row = permission.filter(user, rows).filter(pk=key).first()
    except (ValidationError, ValueError) as no_key:
        raise NotFound from no_key
    if row is None:
        raise NotFound
    return row


def record_view(
    *,
    user: User,
    action: Viewing,
    screening: Screening,
    clip: Clip | None = None,
    at: datetime | None = None,
) -> None:
    """Note that ``user`` viewed this case or clip, once in a quarter of an hour.

    To be called before the first byte leaves: what could not be noted is not shown. Patients who
    look at what is their own are not noted: the list is there to say who else did.
    """
    if screening.patient.user_id == user.pk:
        return
    seen = {
        "user": user,
        "action": action,
        "screening_id": screening.pk,
        "clip_id": clip.pk if clip is not None else None,
        "quarter": int((at or timezone.now()).timestamp()) // QUARTER_SECONDS,
    }
    # Asked first: of the many requests of one player all but one then write nothing.
    if not AccessEvent.objects.filter(**seen).exists():
        AccessEvent.objects.bulk_create([AccessEvent(**seen)], ignore_conflicts=True)
