"""Who may follow which stream just now: sessions, people and rights, asked for many at once.

The same questions that each page asks: is the session there and not expired, is it still the same
person with the same password, are they active, are those who work here still at it (idle time,
second factor), and does the permission's rule still hold?
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import IntEnum
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from screening.accounts import sessions
from screening.models import User
from screening.services import events


class Refusal(IntEnum):
    """The codes with which a socket is closed; the page says something else for each."""

    NOT_LOGGED_IN = 4401
    NOT_ALLOWED = 4403
    TOO_MANY = 4429
    TRY_AGAIN = 1013
    BAD_MANNERS = 1008
    TOO_LARGE = 1009


@dataclass(frozen=True)
class Ask:
    """A browser (by its session's key) that wishes to follow ``patient`` or ``site:<id>``."""

    session_key: str
    wish: str


@dataclass(frozen=True)
class Standing:
    """Who that is, and the key of the stream that they may follow."""

    user_id: int
    stream: str


def standings(asks: Collection[Ask]) -> dict[Ask, Standing | Refusal]:
    """Six queries at most, for any number of sockets."""
    people = _logged_in({ask.session_key for ask in asks})
    wishes = {(people[a.session_key], a.wish) for a in asks if a.session_key in people}
    readable = events.readable_streams(wishes=wishes) if wishes else {}

    def stand(ask: Ask) -> Standing | Refusal:
        user = people.get(ask.session_key)
        if user is None:
            return Refusal.NOT_LOGGED_IN
        key = readable[user, ask.wish]
        return Refusal.NOT_ALLOWED if key is None else Standing(user, key)

    return {ask: stand(ask) for ask in asks}


def _logged_in(session_keys: Collection[str]) -> dict[str, int]:
    """The person's id behind each session that is good."""
    store: type[SessionStore] = import_module(settings.SESSION_ENGINE).SessionStore
    rows = store.get_model_class().objects.filter(
        session_key__in=session_keys, expire_date__gt=timezone.now()
    )
    held: dict[str, dict[str, Any]] = {
        row.session_key: store().decode(row.session_data) for row in rows
    }
    ids = {int(data[SESSION_KEY]) for data in held.values() if SESSION_KEY in data}
    users = User.objects.filter(is_active=True).in_bulk(ids)
    good = {
        key: (data, user)
        for key, data in held.items()
        if (user := users.get(int(data.get(SESSION_KEY, 0)))) and is_good(data, user)
    }
    over = sessions.no_longer_signed_in(good)
    return {key: user.pk for key, (_, user) in good.items() if key not in over}


def is_good(session: Mapping[str, Any], user: User) -> bool:
    """Whether this session still speaks for this person: not after a change of password."""
    held = session.get(HASH_SESSION_KEY, "")
    hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(held, one) for one in hashes)
