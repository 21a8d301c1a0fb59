"""How allauth behaves here: nobody signs up by themselves; passwords are tried within limits."""

import logging
import time
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from screening.accounts import browsers, limits, passwords, sealing, sessions, trail
from screening.accounts.addresses import client_address
from screening.models import User

logger = logging.getLogger(__name__)

WAYS_TO_CONFIRM = {
    "reauthenticate": "Use my password",
    "mfa_reauthenticate": "Use my app or a recovery code",
    "mfa_reauthenticate:webauthn": "Use my passkey",
}


class AccountAdapter(DefaultAccountAdapter):
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": "The e-mail address or the password is not right.",
        "incorrect_password": "This is not your password.",
        "incorrect_code": "This code is not right. Please try the newest one.",
        "too_many_login_attempts": "Too many wrong codes. Please wait 5 minutes, then try again.",
    }
    _attempt: limits.Attempt | None = None

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address(request)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Before a password is looked at: is there room for one more attempt?"""
        email = credentials.get("email") or ""
        try:
            self._attempt = limits.begin(
                email=email,
                address=client_address(request),
                browser=browsers.name_for(request, email),
            )
        except limits.TooMany as refused:
            trail.note_refused(request, email, refused.seconds)
            raise self._please_wait(request, refused.seconds) from refused

    def _rollback_login_failed_rl_usage(self) -> None:
        """The password was right (allauth's own name for this moment)."""
        if self._attempt is not None:
            self._attempt.succeeded()

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        user = super().authenticate(request, **credentials)
        if user is not None and credentials.get("password"):
            passwords.note(request.session, user, credentials["password"])
        return user

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        attempt = self._attempt
        trail.note_failed(request, credentials.get("email") or "")
        if attempt is not None and attempt.way.is_quiet:
            raise self._please_wait(request, attempt.wait_seconds)

    def reauthenticate(self, user: AbstractBaseUser, password: str) -> bool:
        # allauth would ask by the address that is confirmed; ours are known by the account's own.
        found = self.authenticate(self.request, email=user.email, password=password)  # type: ignore[attr-defined]
        return found is not None and found.pk == user.pk

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Always, but for second factors of whoever has just signed in with all they have."""
        if app != "allauth.mfa" or self.request is None:
            return True
        signed_in = float(self.request.session.get(sessions.SIGNED_IN, 0))
        return time.time() - signed_in > settings.ACCOUNT_REAUTHENTICATION_TIMEOUT

    def get_reauthentication_methods(
        self, user: AbstractBaseUser | AnonymousUser
    ) -> list[dict[str, Any]]:
        found = super().get_reauthentication_methods(user)
        return [{**way, "description": WAYS_TO_CONFIRM[way["id"]]} for way in found]

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """Not an address that meanwhile became somebody else's account."""
        others = User.objects.exclude(pk=email_address.user_id)
        if others.filter(email__iexact=email_address.email).exists():
            return False
        return bool(super().confirm_email(request, email_address))

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """A mail server that is away undoes nothing: what the mail is about has happened."""
        try:
            super().send_mail(template_prefix, email, context)
        except OSError:
            logger.exception("could not send a mail of the kind %s", template_prefix)

    def _please_wait(self, request: HttpRequest, seconds: int) -> ValidationError:
        # The middleware makes a 429 with Retry-After of the page that shows this.
        request.please_wait_seconds = seconds  # type: ignore[attr-defined]
        return ValidationError(
            f"There were too many wrong passwords. Please wait {in_words(seconds)}, "
            "then try again.",
            code="too_many_login_attempts",
        )


class FactorAdapter(DefaultMFAAdapter):
    """Secrets are sealed; names of keys are plain words."""

    def encrypt(self, text: str) -> str:
        return sealing.seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return sealing.unseal(encrypted_text)

    def generate_authenticator_name(self, user: AbstractBaseUser, type: Authenticator.Type) -> str:
        count = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return "My passkey" if count == 0 else f"My passkey {count + 1}"


def in_words(seconds: int) -> str:
    """``4 minutes``: rounded up, since too early would be told to wait again."""
    minutes = max(1, -(-seconds // 60))
    return "1 minute" if minutes == 1 else f"{minutes} minutes"
