"""Step-up: before what cannot be taken back, the person shows again that it is they.

``require`` is for pages and API views: erasure, export, changes of accounts. allauth asks for the
password or a second factor and leads back; the API answers 403 ``confirm_first``.
"""

from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from allauth.core.exceptions import ReauthenticationRequired
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode


def is_confirmed(request: HttpRequest) -> bool:
    """Shown within ``ACCOUNT_REAUTHENTICATION_TIMEOUT`` seconds."""
    return bool(did_recently_reauthenticate(request))


def require(request: HttpRequest) -> None:
    """Raises ReauthenticationRequired, which leads a page through the confirmation and back.

    What was posted waits meanwhile in the session: not for forms with a password in them.
    """
    if not is_confirmed(request):
        raise ReauthenticationRequired


def confirmation(request: HttpRequest) -> HttpResponseRedirect:
    """The way to the confirmation and back to this page, without keeping what was posted."""
    query = urlencode({"next": request.get_full_path()})
    return HttpResponseRedirect(f"{reverse('account_reauthenticate')}?{query}")
