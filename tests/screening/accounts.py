"""People with second factors, and what they type."""

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from screening.accounts import limits
from screening.accounts.sealing import unseal
from screening.models import User
from tests.screening import factories as make


def with_app(user: User) -> User:
    """``user`` with an authenticator app."""
    totp.TOTP.activate(user, totp.generate_totp_secret())
    return user


def code_of(user: User) -> str:
    """What the app shows now; as if half a minute had passed since the last one."""
    cache.clear()
    return shown_for(unseal(Authenticator.objects.get(user=user, type="totp").data["secret"]))


def shown_for(secret: str) -> str:
    """What an app that knows this secret shows now."""
    step = next(iter(totp.yield_hotp_counters_from_time()))
    return totp.format_hotp_value(totp.hotp_value(secret, step))


def signed_in(user: User, password: str = make.PASSWORD) -> Client:
    """Through the log-in page, with the second step where there is one; not at a new place."""
    limits.remember_address(user=user, address="127.0.0.1")
    client = Client()
    page = client.post(reverse("account_login"), {"login": user.email, "password": password})
    if page.status_code == 302 and page["Location"] == reverse("mfa_authenticate"):
        client.post(reverse("mfa_authenticate"), {"code": code_of(user)})
    return client


def confirmed(client: Client, password: str = make.PASSWORD) -> Client:
    """The same client after it showed the password once more."""
    answer = client.post(reverse("account_reauthenticate"), {"password": password})
    assert answer.status_code == 302
    return client
