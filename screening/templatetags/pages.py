"""Small helpers of the templates."""

from django import template
from django.conf import settings
from django.template import Context

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


@register.filter
def number(value: float | None, digits: int = 0) -> str:
    """A figure with so many digits; a dash for none."""
    return "–" if value in (None, "") else f"{value:.{digits}f}"
