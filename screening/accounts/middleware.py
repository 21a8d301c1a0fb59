"""What every request of a person passes through: known browsers, and waits that are said aloud."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from screening.accounts import browsers

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class AccountsMiddleware:
    """Sets the cookie of a browser that has just signed in; gives a refused attempt its status."""

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
