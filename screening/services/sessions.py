"""Sessions of the browser: ended with an account, cleared away when they have expired.

A session row holds more than who is logged in: django-allauth keeps the e-mail address in it.
"""

import json
import logging
from collections.abc import Collection
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.utils import timezone

logger = logging.getLogger(__name__)


def end_all(*, user_id: int | None, addresses: Collection[str] = ()) -> int:
    """Delete every session of this account, and whichever else has one of the addresses in it.

    One that cannot be read (signed with an earlier secret) opens nothing for anybody any more and
    may hold anything: it goes too. Returns how many were deleted.
    """
    sought = [address.lower() for address in addresses if address]
    gone = [row.pk for row in Session.objects.iterator() if _belongs(row, user_id, sought)]
    return Session.objects.filter(pk__in=gone).delete()[0]


def of_account(user_id: int) -> list[tuple[Session, dict[str, Any]]]:
    """The account's sessions that are not over, each with what it holds."""
    rows = Session.objects.filter(expire_date__gt=timezone.now()).iterator()
    held = ((row, row.get_decoded()) for row in rows)
    return [(row, kept) for row, kept in held if str(kept.get(SESSION_KEY)) == str(user_id)]


def clear_expired() -> int:
    """Delete the sessions that are over; nothing else does. Returns how many there were."""
    cleared = Session.objects.filter(expire_date__lt=timezone.now()).delete()[0]
    if cleared:
        logger.info("%d expired sessions cleared away", cleared)
    return cleared


def _belongs(row: Session, user_id: int | None, sought: Collection[str]) -> bool:
    kept = row.get_decoded()
    if not kept:
        return True
    if user_id is not None and str(kept.get(SESSION_KEY)) == str(user_id):
        return True
    text = json.dumps(kept, default=str, ensure_ascii=False).lower()
    return any(address in text for address in sought)
