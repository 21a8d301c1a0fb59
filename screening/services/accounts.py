"""What administrators do to other people's accounts: written down, and told to the person."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db import transaction

from screening.errors import WrongState
from screening.models import User
from screening.services import access, events


def remove_second_factors(*, by: User, user: User) -> None:
    """For who lost telephone, key and codes: their password alone leads to a new set-up.

    Raises NotAllowed, WrongState (there are none, or they are one's own).
    """
    access.require_administrator(by)
    if by == user:
        raise WrongState("Your own second factors are on the page of your account.")
    with transaction.atomic():
        if not Authenticator.objects.filter(user=user).delete()[0]:
            raise WrongState("There is no second factor.")
        events.audit(by=by, action="account.factors_taken_away", target=user)
    _tell(user, "mfa/email/factors_taken_away", user.email)


def email_was_changed(*, by: User, user: User, before: str) -> None:
    """An administrator gave an account another address: the old one is told."""
    with transaction.atomic():
        EmailAddress.objects.filter(user=user).delete()
        events.audit(by=by, action="account.email_changed", target=user)
    _tell(user, "account/email/email_changed", before)


def note_edit(*, by: User, user: User, what: str | list[dict[str, Any]]) -> None:
    """An administrator made or edited an account: which fields, never their contents."""
    events.audit(by=by, action="account.edited", target=user, fields=_fields(what))


def _fields(what: str | list[dict[str, Any]]) -> str:
    """Of the admin's own change message: the names of fields and of kinds of rows."""
    if isinstance(what, str):
        return what
    names: list[str] = []
    for part in what:
        for verb, detail in part.items():
            kind = str(detail.get("name", ""))
            names += [f"{verb} {kind} {field}".strip() for field in detail.get("fields", [kind])]
    return ", ".join(" ".join(name.split()) for name in names)


def _tell(user: User, template: str, email: str) -> None:
    adapter = get_adapter()  # knows who asks, which is over by the commit
    transaction.on_commit(lambda: adapter.send_notification_mail(template, user, email=email))
