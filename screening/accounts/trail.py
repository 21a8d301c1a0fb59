"""The audit trail of accounts: log-ins, failed ones too, and every change of a way to log in.

An address that was tried and has no account stands there under an opaque name: it may be somebody's
typing error, or their password typed into the wrong field. Of network addresses the network is
kept, not the household.
"""

from typing import Any

from allauth.account import signals as account
from allauth.account.adapter import get_adapter as account_adapter
from allauth.mfa import signals as mfa
from allauth.mfa.models import Authenticator
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.core.cache import cache
from django.dispatch import receiver
from django.http import HttpRequest

from screening.accounts import browsers, limits
from screening.accounts.addresses import asker, client_address, masked, opaque
from screening.models import User
from screening.services import events

METHODS_KEY = "account_authentication_methods"


def note(request: HttpRequest | None, action: str, user: User, **data: str | int | None) -> None:
    """``action`` happened to the account of ``user``, by whoever is signed in or by themselves."""
    by = getattr(request, "user", None)
    actor = by if isinstance(by, User) and by.pk else None
    place = {"network": masked(client_address(request))} if request is not None else {}
    events.audit(by=actor, action=action, target=user, **place, **data)


def note_failed(request: HttpRequest, email: str) -> None:
    """A password was wrong: at the log-in, or where somebody signed in was asked for it again."""
    is_signed_in = request.user.is_authenticated
    _note_tried(
        request, email, "account.confirmation_failed" if is_signed_in else "account.login_failed"
    )


def note_refused(request: HttpRequest, email: str, seconds: int) -> None:
    """A password was not looked at. Once for each wait: the trail is not the stranger's to fill."""
    once = opaque("refused", email.strip().lower(), asker(client_address(request)))
    if cache.add(once, True, timeout=seconds):
        _note_tried(request, email, "account.login_refused")


def _note_tried(request: HttpRequest, email: str, action: str) -> None:
    email = email.strip().lower()
    user = User.objects.filter(email=email).first()
    target = f"user:{user.pk}" if user else f"unknown account:{opaque('email', email)[:16]}"
    network = masked(client_address(request))
    events.audit_named(by=None, action=action, target=target, network=network)


@receiver(user_logged_in)
def logged_in(sender: Any, request: HttpRequest, user: User, **_: Any) -> None:
    methods = [_method(record) for record in request.session.get(METHODS_KEY, [])]
    is_new = not browsers.name_for(request, user.email) and not limits.knows_address(
        user=user, address=client_address(request)
    )
    browsers.remember(request, user)
    limits.remember_address(user=user, address=client_address(request))
    if is_new and methods:
        # A new browser at a new place; not the invitation, by which the account was just made.
        account_adapter(request).send_notification_mail(
            "account/email/new_place", user, email=user.email
        )
    note(request, "account.login", user, methods=" + ".join(methods) or "invitation")


def _method(record: dict[str, Any]) -> str:
    kind = str(record.get("type") or record["method"])
    return "passkey" if record.get("passwordless") else kind


@receiver(user_logged_out)
def logged_out(sender: Any, request: HttpRequest, user: User | None, **_: Any) -> None:
    if user is not None:
        note(request, "account.logout", user)


@receiver(account.password_changed)
@receiver(account.password_set)
def password_changed(sender: Any, request: HttpRequest, user: User, **_: Any) -> None:
    note(request, "account.password_changed", user)


@receiver(account.password_reset)
def password_reset(sender: Any, request: HttpRequest, user: User, **_: Any) -> None:
    note(request, "account.password_reset", user)


@receiver(account.email_added)
def email_asked(sender: Any, request: HttpRequest, user: User, **_: Any) -> None:
    note(request, "account.email_change_asked", user)


@receiver(account.email_changed)
def email_changed(sender: Any, request: HttpRequest, user: User, **_: Any) -> None:
    note(request, "account.email_changed", user)


@receiver(account.email_removed)
def email_withdrawn(sender: Any, request: HttpRequest, user: User, **_: Any) -> None:
    note(request, "account.email_change_withdrawn", user)


@receiver(mfa.authenticator_added)
def factor_added(
    sender: Any, request: HttpRequest, user: User, authenticator: Authenticator, **_: Any
) -> None:
    note(request, "account.factor_added", user, kind=authenticator.type)


@receiver(mfa.authenticator_removed)
def factor_removed(
    sender: Any, request: HttpRequest, user: User, authenticator: Authenticator, **_: Any
) -> None:
    note(request, "account.factor_removed", user, kind=authenticator.type)


@receiver(mfa.authenticator_reset)
def factor_reset(
    sender: Any, request: HttpRequest, user: User, authenticator: Authenticator, **_: Any
) -> None:
    note(request, "account.factor_reset", user, kind=authenticator.type)


@receiver(mfa.authentication_failed)
def factor_failed(sender: Any, request: HttpRequest, user: User, **_: Any) -> None:
    note(request, "account.factor_failed", user)
