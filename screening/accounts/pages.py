"""Pages about accounts that allauth has no view for."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from screening.accounts.adapter import in_words

#: Seconds of the longest limit behind an address; a minute where it is not named.
LONGEST_WAIT = {"account_reset_password": 3600}


def too_many_requests(request: HttpRequest) -> HttpResponse:
    """What allauth shows when one of its own limits is reached (``webapp.urls.handler429``)."""
    name = request.resolver_match.url_name if request.resolver_match else None
    seconds = LONGEST_WAIT.get(name or "", 60)
    context = {"wait": "up to an hour" if seconds == 3600 else in_words(seconds)}
    response = render(request, "429.html", context, status=429)
    response["Retry-After"] = str(seconds)
    return response
