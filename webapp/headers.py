"""Headers of every answer that is not a static file: kept by nobody, and no more than a camera.

Everything here may hold something about somebody's health, so *not stored* is the rule for every
page and answer, and a view that means otherwise says so itself. Static files are served before.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed

GetResponse = Callable[[HttpRequest], HttpResponseBase]

#: What our pages use themselves; frames of others get nothing.
OWN_FEATURES = (
    "autoplay",
    "camera",
    "clipboard-write",
    "fullscreen",
    "publickey-credentials-create",
    "publickey-credentials-get",
    "screen-wake-lock",
)
NO_FEATURES = (
    "accelerometer",
    "browsing-topics",
    "clipboard-read",
    "display-capture",
    "encrypted-media",
    "gamepad",
    "geolocation",
    "gyroscope",
    "hid",
    "idle-detection",
    "local-fonts",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "picture-in-picture",
    "serial",
    "storage-access",
    "sync-xhr",
    "usb",
    "xr-spatial-tracking",
)
PERMISSIONS = ", ".join(
    [f"{name}=(self)" for name in OWN_FEATURES] + [f"{name}=()" for name in NO_FEATURES]
)


METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class HeadersMiddleware:
    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        if response.headers.get("Content-Type") == "application/json":
            # Opened as a page it is a file with a name of ours, whatever stands in it.
            response.headers.setdefault("Content-Disposition", 'attachment; filename="api.json"')
        return response


class MethodsMiddleware:
    """Refuses what no address of the site knows, before anything looks at the request."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method not in METHODS:
            return HttpResponseNotAllowed(METHODS)
        return self.get_response(request)
