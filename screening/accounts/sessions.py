"""Is a session still somebody's? Idle time and second factors of those who work here.

Pages, the API, the admin site and the sockets all ask here, so that none of them is a side door.
"""

import time
from collections.abc import Collection, Mapping
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added, authenticator_used
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.base import SessionBase
from django.dispatch import receiver
from django.http import HttpRequest

from screening.accounts.devices import DEVICE, LAST_ACT, SIGNED_IN, describe
from screening.accounts.limits import SECOND_FACTORS
from screening.models import Membership, User

#: A session, or what the database holds of one.
Held = SessionBase | Mapping[str, Any]
#: Whose second factor this session has shown.
SHOWN = "second_factor_of"
#: The time of the last act is written down no more often than this.
ACT_SECONDS = 15


def works_here(user: User) -> bool:
    """Clinicians and administrators: people who can see or change what is not their own."""
    return user.pk in working_here([user])


def working_here(users: Collection[User]) -> set[int]:
    """The ids of those of them who work here; one query for any number."""
    staff = {user.pk for user in users if user.is_staff or user.is_superuser}
    others = {user.pk for user in users} - staff
    if not others:
        return staff
    members = Membership.objects.filter(user__in=others).values_list("user_id", flat=True)
    return staff | set(members)


def has_second_factor(user: User) -> bool:
    """An authenticator app or a passkey. Recovery codes alone are none."""
    return bool(_with_second_factor([user.pk]))


def _with_second_factor(user_ids: Collection[int]) -> set[int]:
    rows = Authenticator.objects.filter(user__in=user_ids, type__in=SECOND_FACTORS)
    return set(rows.values_list("user_id", flat=True))


def still_signed_in(session: Held, user: User) -> bool:
    """Whether this session may go on acting for ``user``, who is known to be its owner.

    False when somebody who works here has been away for too long, was signed in too long ago, or
    owes a second factor. Pages, the API and the admin site are asked by the middleware.
    """
    return not no_longer_signed_in({"": (session, user)})


def no_longer_signed_in(held: Mapping[str, tuple[Held, User]]) -> set[str]:
    """The same for many at once, as the sockets ask it, in two queries: the keys of those that
    may not. Each session as the database has it now, with its owner."""
    staff = working_here([user for _, user in held.values()])
    asked = settings.STAFF_SECOND_FACTOR and bool(staff)
    factors = _with_second_factor(staff) if asked else set()
    return {
        key
        for key, (session, user) in held.items()
        if user.pk in staff
        and (
            is_over(session)
            or (asked and (session.get(SHOWN) != user.pk or user.pk not in factors))
        )
    }


def is_over(session: Held) -> bool:
    """Away for too long, or signed in for longer than any session lasts. Asked about staff only."""
    now = time.time()
    idle = settings.STAFF_IDLE_SECONDS
    if idle and now - float(session.get(LAST_ACT, now)) > idle:
        return True
    return now - float(session.get(SIGNED_IN, now)) > settings.SESSION_COOKIE_AGE


def owes_second_factor(session: Held, user: User) -> bool:
    """Asked for here, and either none is set up or this session has not shown it."""
    if not settings.STAFF_SECOND_FACTOR:
        return False
    return session.get(SHOWN) != user.pk or not has_second_factor(user)


def note_act(session: SessionBase) -> None:
    """The person did something themselves; what a page does by itself is no act."""
    now = time.time()
    if now - float(session.get(LAST_ACT, 0)) > ACT_SECONDS:
        session[LAST_ACT] = now


@receiver(user_logged_in)
def begin(sender: Any, request: HttpRequest, user: User, **_: Any) -> None:
    request.session[LAST_ACT] = request.session[SIGNED_IN] = time.time()
    request.session[DEVICE] = describe(request.headers.get("User-Agent", ""))


@receiver(authenticator_used)
def factor_shown(sender: Any, request: HttpRequest, user: User, **_: Any) -> None:
    request.session[SHOWN] = user.pk


@receiver(authenticator_added)
def factor_set_up(
    sender: Any, request: HttpRequest, user: User, authenticator: Authenticator, **_: Any
) -> None:
    """Whoever sets one up has it at hand."""
    if authenticator.type in SECOND_FACTORS:
        request.session[SHOWN] = user.pk
