"""Pages about accounts that allauth has no view for."""

from typing import cast

from allauth.account.decorators import reauthentication_required
from allauth.account.models import EmailAddress
from allauth.account.views import email
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from screening.accounts import devices, trail
from screening.accounts.adapter import in_words
from screening.models import User

#: Seconds of the longest limit behind an address; a minute where it is not named.
LONGEST_WAIT = {"account_reset_password": 3600}


@login_required
def change_email(request: HttpRequest) -> HttpResponseBase:
    """allauth's page, for an account whose own address counts as confirmed.

    It came by invitation or from an administrator, and people sign in with it. Left unconfirmed,
    allauth would take it for the new one that is waiting, and drop it for the next.
    """
    user = cast(User, request.user)
    own = {"verified": True, "primary": True}
    EmailAddress.objects.update_or_create(user=user, email=user.email.lower(), defaults=own)
    return cast(HttpResponseBase, email(request))


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@reauthentication_required
def signed_in_devices(request: HttpRequest) -> HttpResponse:
    """Where the account is signed in; one of them, or all others, can be ended from here."""
    user, here = cast(User, request.user), request.session.session_key
    if request.method == "POST":
        count = devices.end(user, here, request.POST.get("name", ""))
        trail.note(request, "account.sessions_ended", user, count=count)
        messages.success(request, "Done. It may take a few seconds until its page says so.")
        return redirect("account_devices")
    return render(request, "account/devices.html", {"places": devices.places(user, here)})


def too_many_requests(request: HttpRequest) -> HttpResponse:
    """What allauth shows when one of its own limits is reached (``webapp.urls.handler429``)."""
    name = request.resolver_match.url_name if request.resolver_match else None
    seconds = LONGEST_WAIT.get(name or "", 60)
    context = {"wait": "up to an hour" if seconds == 3600 else in_words(seconds)}
    response = render(request, "429.html", context, status=429)
    response["Retry-After"] = str(seconds)
    return response
