"""An authenticator app's code is good once, and whoever tries it again is told of.

allauth remembers a used code for half a minute, but takes one that is a step too early or too late:
a code that somebody looked at over a shoulder would be good for a whole minute more.
"""

from allauth.account.adapter import get_adapter
from allauth.core import context
from allauth.mfa import app_settings
from allauth.mfa.totp.internal.auth import TOTP
from django.core.cache import cache

from screening.accounts import trail

#: As long as the code could be taken, and the step in which it was.
REMEMBERED_SECONDS = app_settings.TOTP_PERIOD * (2 * app_settings.TOTP_TOLERANCE + 2)


def use_once(app: TOTP, code: str) -> bool:
    """Whether this right code was not used before; the owner hears of it where it was."""
    if cache.add(app._get_used_cache_key(code), "y", timeout=REMEMBERED_SECONDS):
        return True
    user, request = app.instance.user, context.request
    # Once for each code: a button that is pressed again and again is one try.
    if cache.add(f"{app._get_used_cache_key(code)}:told", "y", timeout=REMEMBERED_SECONDS):
        trail.note(request, "account.factor_used_again", user)
        if request is not None:
            adapter = get_adapter(request)
            adapter.send_notification_mail("mfa/email/code_used_again", user, email=user.email)
    return False


TOTP._mark_code_used = use_once
