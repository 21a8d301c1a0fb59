"""How often a password may be tried, so that guessing is hopeless and nobody is locked out.

An attempt on an account can have several *ways in*, each with counters of its own. The first way
with room is taken; a failure is charged to it, a success is given back. So whoever knows the right
password is let in as long as one of their ways has room, and a stranger reaches only the first two:

1. *this browser* has signed in to this account before (a signed cookie);
2. *a stranger*: this account from this address, this address on all accounts, this account from
   all addresses;
3. *this address* has signed in to this account before;
4. *a second factor* stands behind the password, which alone opens nothing.

The third and fourth answer a wrong password exactly as one that was not looked at, so a guesser
learns nothing from them but by guessing right. See docs/decisions/sign-in-limits.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from screening.accounts.addresses import asker, opaque
from screening.models import AttemptCounter, User

SECOND_FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
KNOWN_ADDRESS_DAYS = 90


@dataclass(frozen=True)
class Limit:
    """At most ``count`` in ``seconds``, counted from the first."""

    count: int
    seconds: int


FROM_ADDRESS_ON_ACCOUNT = Limit(5, 5 * 60)
FROM_ADDRESS = Limit(60, 5 * 60)
ON_ACCOUNT = Limit(60, 3600)
FROM_BROWSER = Limit(10, 5 * 60)
FROM_KNOWN_ADDRESS = Limit(50, 3600)
WITH_SECOND_FACTOR = Limit(40, 3600)


@dataclass(frozen=True)
class Way:
    """One way in: its counters, and whether a wrong password is answered as one not looked at."""

    name: str
    counters: tuple[tuple[str, Limit], ...]
    is_quiet: bool = False


class TooMany(Exception):
    """No way has room. ``seconds`` until one has."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"wait {seconds} s")
        self.seconds = seconds


@dataclass(frozen=True)
class Attempt:
    """An attempt that was let through and charged."""

    way: Way
    #: What a quiet way says of a wrong password: how long the loud ones are closed.
    wait_seconds: int = 0

    def succeeded(self) -> None:
        """Give back what was charged."""
        for key, _ in self.way.counters:
            AttemptCounter.objects.filter(key=key, count__gt=0).update(count=F("count") - 1)


def begin(*, email: str, address: str, browser: str = "") -> Attempt:
    """Charge an attempt on the account of ``email``; TooMany when none of its ways has room.

    ``browser`` is the name of a browser that has signed in to this account before, or empty.
    """
    waits: list[int] = []
    for way in _ways(email.strip().lower(), asker(address), browser):
        wait = _charge(way)
        if not wait:
            return Attempt(way, min(waits, default=0))
        waits.append(wait)
    raise TooMany(min(waits))


def remember_address(*, user: User, address: str) -> None:
    """``user`` has signed in from here: their later attempts from here have a way of their own."""
    until = timezone.now() + timedelta(days=KNOWN_ADDRESS_DAYS)
    key = _known_key(user, asker(address))
    AttemptCounter.objects.update_or_create(key=key, defaults={"until": until})
    # Those that say nothing any more go; a day later, when nobody can be holding one.
    AttemptCounter.objects.filter(until__lt=timezone.now() - timedelta(days=1)).delete()


def knows_address(*, user: User, address: str) -> bool:
    """Whether ``user`` has signed in from there in the last months."""
    return _is_known(user, asker(address))


def _ways(email: str, address: str, browser: str) -> Iterator[Way]:
    user = User.objects.filter(email=email, is_active=True).first()
    if user is not None and browser:
        yield Way("browser", ((opaque("browser", user.pk, browser), FROM_BROWSER),))
    yield Way(
        "stranger",
        (
            (opaque("address and account", address, email), FROM_ADDRESS_ON_ACCOUNT),
            (opaque("address", address), FROM_ADDRESS),
            (opaque("account", email), ON_ACCOUNT),
        ),
    )
    if user is None:
        return
    if _is_known(user, address):
        key = opaque("known address", user.pk, address)
        yield Way("known address", ((key, FROM_KNOWN_ADDRESS),), is_quiet=True)
    if Authenticator.objects.filter(user=user, type__in=SECOND_FACTORS).exists():
        key = opaque("second factor", user.pk)
        yield Way("second factor", ((key, WITH_SECOND_FACTOR),), is_quiet=True)


def _is_known(user: User, address: str) -> bool:
    rows = AttemptCounter.objects.filter(key=_known_key(user, address), until__gt=timezone.now())
    return rows.exists()


def _known_key(user: User, address: str) -> str:
    return opaque("has signed in", user.pk, address)


def _charge(way: Way) -> int:
    """Charge all of a way's counters and return 0, or charge none and return the seconds left."""
    with transaction.atomic():
        now = timezone.now()
        rows, waits = [], []
        for key, limit in sorted(way.counters):
            row = _locked(key, now + timedelta(seconds=limit.seconds))
            if row.until <= now:
                row.count, row.until = 0, now + timedelta(seconds=limit.seconds)
            if row.count >= limit.count:
                waits.append(int((row.until - now).total_seconds()) + 1)
            row.count += 1
            rows.append(row)
        if waits:
            return max(waits)
        for row in rows:
            row.save()
        return 0


def _locked(key: str, until: datetime) -> AttemptCounter:
    """The counter, locked until the transaction ends, so that many at once are all counted."""
    row = AttemptCounter.objects.select_for_update().filter(key=key).first()
    if row is not None:
        return row
    AttemptCounter.objects.get_or_create(key=key, defaults={"until": until})
    return AttemptCounter.objects.select_for_update().get(key=key)
