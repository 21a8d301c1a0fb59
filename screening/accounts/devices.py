"""Where an account is signed in at present, as its owner reads it, and ending it from afar.

Of a browser its family and system are kept, in the session itself: enough to know one's own
telephone by, and gone with the session. Rows are named by an opaque name, since a session's key on
a page would be a key that lies about.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from django.contrib.sessions.models import Session

from screening.accounts.addresses import opaque
from screening.models import User
from screening.services.sessions import of_account

#: What a session holds.
SIGNED_IN, LAST_ACT, DEVICE = "signed_in", "last_act", "device"
#: In the order in which they are looked for: most browsers also name others.
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox|FxiOS", "Firefox"),
    ("Chrome|CriOS", "Chrome"),
    ("Safari", "Safari"),
)
SYSTEMS = (
    ("iPhone", "an iPhone"),
    ("iPad", "an iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "a Mac"),
    ("CrOS", "a Chromebook"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True)
class Place:
    """One browser that is signed in."""

    name: str
    device: str
    since: datetime | None
    is_here: bool


def describe(user_agent: str) -> str:
    """``Firefox on Windows``; words of ours, whatever the browser says of itself."""
    browser = _first(BROWSERS, user_agent) or "A browser"
    system = _first(SYSTEMS, user_agent)
    return f"{browser} on {system}" if system else browser


def places(user: User, here: str | None) -> list[Place]:
    """Every session of the account that has not expired; ``here`` is the asker's own, first."""
    found = [
        Place(
            name=_name(row),
            device=str(held.get(DEVICE) or "A browser"),
            since=datetime.fromtimestamp(float(held[SIGNED_IN]), UTC)
            if SIGNED_IN in held
            else None,
            is_here=row.pk == here,
        )
        for row, held in of_account(user.pk)
    ]
    return sorted(found, key=lambda one: (not one.is_here, -(one.since or _LONG_AGO).timestamp()))


def end(user: User, here: str | None, name: str = "") -> int:
    """End the one of that name, or all but ``here``. Returns how many."""
    gone = [
        row.pk
        for row, _ in of_account(user.pk)
        if row.pk != here and (not name or _name(row) == name)
    ]
    return Session.objects.filter(pk__in=gone).delete()[0]


_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def _name(row: Session) -> str:
    return opaque("session", row.pk)[:16]


def _first(known: tuple[tuple[str, str], ...], text: str) -> str:
    return next((words for pattern, words in known if re.search(pattern, text)), "")
