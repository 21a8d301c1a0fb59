"""The site as one ASGI application: pages and API over HTTP, event streams over WebSockets."""

import asyncio
import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings.development")

from webapp.line import lined_application

# Loads Django; what follows imports models.
http_application: Any = lined_application()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.conf import settings  # noqa: E402
from django.db import connections  # noqa: E402

from screening.live.origin import OwnOrigin  # noqa: E402
from screening.live.push import attach_loop  # noqa: E402
from screening.live.routing import websocket_urlpatterns  # noqa: E402
from screening.uploads.limits import BodyLimit  # noqa: E402
from webapp.outward import bound_statements  # noqa: E402

bound_statements(connections, settings.STATEMENT_SECONDS)


async def lifespan(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Tells push which loop the sockets run on, before the first request can need it."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            attach_loop(asyncio.get_running_loop())
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


application = ProtocolTypeRouter(
    {
        "http": BodyLimit(
            http_application,
            max_bytes=settings.UPLOAD_CHUNK_MAX_BYTES + 65_536,
            together_bytes=settings.BODIES_MAX_BYTES,
        ),
        "websocket": OwnOrigin(URLRouter(websocket_urlpatterns)),
        "lifespan": lifespan,
    }
)
