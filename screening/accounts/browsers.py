"""Browsers that have signed in before, known by a signed cookie: their own way past the limits.

The cookie opens nothing. It says only that whoever used this browser knew the password once, so
that a stranger's wrong passwords do not count against them (OWASP calls it a device cookie).
"""

import secrets

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase

from screening.models import User

SALT = "mimia.known-browser"
DAYS = 180
#: A shared computer of a clinic remembers this many people; the longest away is forgotten.
PEOPLE = 12


def name_for(request: HttpRequest, email: str) -> str:
    """This browser's name if it has signed in to the account of ``email`` before, or empty."""
    name, people = _read(request)
    user = User.objects.filter(email=email.strip().lower()).first() if people else None
    return name if user is not None and user.pk in people else ""


def remember(request: HttpRequest, user: User) -> None:
    """``user`` has signed in; the cookie is set with the response to this request."""
    request.known_browser_user = user  # type: ignore[attr-defined]


def write_cookie(request: HttpRequest, response: HttpResponseBase) -> None:
    user = getattr(request, "known_browser_user", None)
    if user is None:
        return
    name, people = _read(request)
    kept = [user.pk, *(pk for pk in people if pk != user.pk)][:PEOPLE]
    response.set_cookie(
        settings.KNOWN_BROWSER_COOKIE_NAME,
        signing.dumps([name or secrets.token_urlsafe(16), kept], salt=SALT),
        max_age=DAYS * 86_400,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _read(request: HttpRequest) -> tuple[str, list[int]]:
    cookie = request.COOKIES.get(settings.KNOWN_BROWSER_COOKIE_NAME, "")
    try:
        name, people = signing.loads(cookie, salt=SALT, max_age=DAYS * 86_400)
    except (signing.BadSignature, ValueError, TypeError):
        return "", []
    return name, people
