"""How allauth behaves here: nobody signs up by themselves; passwords are tried within limits."""

import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from screening.accounts import browsers, limits, trail
from screening.accounts.addresses import client_address

logger = logging.getLogger(__name__)


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

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        attempt = self._attempt
        trail.note_failed(request, credentials.get("email") or "")
        if attempt is not None and attempt.way.is_quiet:
            raise self._please_wait(request, attempt.wait_seconds)

    def reauthenticate(self, user: AbstractBaseUser, password: str) -> bool:
        # allauth would ask by the address that is confirmed; ours are known by the account's own.
        found = self.authenticate(self.request, email=user.email, password=password)  # type: ignore[attr-defined]
        return found is not None and found.pk == user.pk

    def _please_wait(self, request: HttpRequest, seconds: int) -> ValidationError:
        # The middleware makes a 429 with Retry-After of the page that shows this.
        request.please_wait_seconds = seconds  # type: ignore[attr-defined]
        return ValidationError(
            f"There were too many wrong passwords. Please wait {in_words(seconds)}, "
            "then try again.",
            code="too_many_login_attempts",
        )


def in_words(seconds: int) -> str:
    """``4 minutes``: rounded up, since too early would be told to wait again."""
    minutes = max(1, -(-seconds // 60))
    return "1 minute" if minutes == 1 else f"{minutes} minutes"
