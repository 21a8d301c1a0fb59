"""Small helpers of the templates."""

from django import template
from django.conf import settings
from django.template import Context

from screening.accounts import sessions
from screening.models import User
from screening.pages.frame import role_of

register = template.Library()


@register.simple_tag(takes_context=True)
def role(context: Context) -> str:
    """Who is looking: anonymous, patient, clinician, admin or nobody."""
    user = getattr(context.get("request"), "user", None)
    return role_of(user) if user is not None else "anonymous"


@register.simple_tag
def csrf_cookie() -> str:
    """The name of the cookie in which the pages' scripts find their token."""
    return settings.CSRF_COOKIE_NAME


@register.simple_tag(takes_context=True)
def second_step(context: Context) -> bool:
    """Whether the person looking owes a second factor before anything else."""
    request = context.get("request")
    user = getattr(request, "user", None)
    if request is None or not isinstance(user, User) or not sessions.works_here(user):
        return False
    return sessions.owes_second_factor(request.session, user)


@register.simple_tag(takes_context=True)
def idle_seconds(context: Context) -> int:
    """After how long without an act the person looking is signed out; 0 for never."""
    user = getattr(context.get("request"), "user", None)
    watched = isinstance(user, User) and sessions.works_here(user)
    return settings.STAFF_IDLE_SECONDS if watched else 0


@register.filter
def number(value: float | None, digits: int = 0) -> str:
    """A figure with so many digits; a dash for none."""
    return "–" if value in (None, "") else f"{value:.{digits}f}"
