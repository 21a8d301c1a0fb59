"""Which pages may open a socket: our own. Browsers send cookies with a socket from anywhere.

The rule is the one that Django has for forms: the ``Origin`` must be this very site, scheme, host
*and* port, or be listed in ``CSRF_TRUSTED_ORIGINS``; and the host one of ``ALLOWED_HOSTS``. A
request that says no origin comes from no page and is refused.
"""

from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest

SCHEMES = {"ws": "http", "wss": "https"}


class OwnOrigin:
    """ASGI middleware for sockets."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if is_own(scope):
            await self.application(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close"})


def is_own(scope: dict[str, Any]) -> bool:
    """Whether the page that opens this socket is ours."""
    # As the request of a page: the settings about proxies, TLS and hosts are honoured once.
    http = {"type": "http", "method": "GET", "scheme": SCHEMES[scope.get("scheme", "ws")]}
    request = ASGIRequest({**scope, **http}, BytesIO())
    origin = request.META.get("HTTP_ORIGIN", "")
    try:
        own = f"{request.scheme}://{request.get_host()}"
    except DisallowedHost:
        return False
    return bool(origin) and (origin == own or origin in settings.CSRF_TRUSTED_ORIGINS)
