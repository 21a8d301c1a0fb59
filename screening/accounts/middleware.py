"""What every request of a person passes: idle time, second factors, known browsers, waits."""

from collections.abc import Callable
from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from screening.accounts import browsers, passwords, sessions, trail
from screening.accounts.adapter import in_words
from screening.models import User

GetResponse = Callable[[HttpRequest], HttpResponseBase]
#: What somebody who owes a second factor may open: the ways to show it, and the way out.
TO_SHOW_IT = {"account_logout", "mfa_reauthenticate", "mfa_reauthenticate_webauthn"}
#: Who has none yet may also open the pages that set one up.
TO_SET_UP = {"account_reauthenticate", "mfa_index", "mfa_activate_totp", "mfa_add_webauthn"}
#: What somebody may open who owes a new password.
TO_RENEW = {"account_change_password", "account_reauthenticate", "account_logout"}
SAFE = {"GET", "HEAD", "OPTIONS", "TRACE"}


class AccountsMiddleware:
    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        browsers.write_cookie(request, response)
        seconds: int | None = getattr(request, "please_wait_seconds", None)
        if seconds is not None and response.status_code in (200, 400):
            response.status_code = 429
            response["Retry-After"] = str(seconds)
        return response

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        """Those who work here are signed out when away and led to their second factor; everybody
        is led to a new password where theirs is one that is guessed first."""
        user = request.user
        if not isinstance(user, User):
            return None
        if sessions.works_here(user):
            turned = _as_staff(request, user)
            if turned is not None or sessions.owes_second_factor(request.session, user):
                return turned
        if passwords.is_guessable(request.session, user):
            return _lead_to_new_password(request)
        return None


def _as_staff(request: HttpRequest, user: User) -> HttpResponseBase | None:
    if sessions.is_over(request.session):
        return _sign_out(request, user)
    if _is_act(request):
        sessions.note_act(request.session)
    if sessions.owes_second_factor(request.session, user):
        return _lead_to_second_factor(request, user)
    return None


def _is_act(request: HttpRequest) -> bool:
    """A page that was opened or something that was sent; not what a live page reads by itself."""
    return not (request.path.startswith("/api/") and request.method in SAFE)


def _sign_out(request: HttpRequest, user: User) -> HttpResponseBase:
    trail.note(request, "account.away_too_long", user)
    logout(request)
    away = in_words(settings.STAFF_IDLE_SECONDS)
    sentence = f"You were signed out, because nothing was done for {away}. Nothing is lost."
    if request.path.startswith("/api/"):
        return JsonResponse({"code": "not_logged_in", "detail": sentence}, status=401)
    messages.info(request, sentence)
    query = {"next": request.get_full_path()} if request.method in SAFE else {}
    return redirect(f"{reverse('account_login')}?{urlencode(query)}")


def _lead_to_second_factor(request: HttpRequest, user: User) -> HttpResponseBase | None:
    """None where the page is part of that way itself."""
    name = request.resolver_match.url_name if request.resolver_match else None
    has_one = sessions.has_second_factor(user)
    if name in TO_SHOW_IT or (name in TO_SET_UP and not has_one):
        return None
    if request.path.startswith("/api/"):
        detail = "Please set up your second step of signing in first, on the page of your account."
        return JsonResponse({"code": "second_factor_missing", "detail": detail}, status=403)
    if not has_one:
        return redirect("mfa_index")
    by_code = Authenticator.objects.filter(user=user).exclude(type=Authenticator.Type.WEBAUTHN)
    page = "mfa_reauthenticate" if by_code.exists() else "mfa_reauthenticate_webauthn"
    return redirect(f"{reverse(page)}?{urlencode({'next': request.get_full_path()})}")


def _lead_to_new_password(request: HttpRequest) -> HttpResponseBase | None:
    """None where the page is part of that way itself."""
    name = request.resolver_match.url_name if request.resolver_match else None
    if name in TO_RENEW:
        return None
    if request.path.startswith("/api/"):
        detail = "Please choose a new password first, on the page of your account."
        return JsonResponse({"code": "password_guessable", "detail": detail}, status=403)
    messages.info(
        request, "Your password is easy to guess, or shorter than is safe. Please choose a new one."
    )
    return redirect("account_change_password")
