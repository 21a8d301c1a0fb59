"""The web server, set up in one place for ``manage.py serve`` and for the container.

``python -m webapp.server --host 0.0.0.0``: the site alone, as in the compose file.
"""

import argparse

import uvicorn

from webapp.connections import PatientProtocol, most_connections

APPLICATION = "webapp.asgi:application"
GRACE_SECONDS = 10
#: Refused by the server itself; sockets of ours put up with less still (screening/live/sockets.py).
SOCKET_MESSAGE_BYTES = 4096


def server(host: str, port: int, grace_seconds: int = GRACE_SECONDS) -> uvicorn.Server:
    PatientProtocol.most = most_connections()
    return uvicorn.Server(
        uvicorn.Config(
            APPLICATION,
            host=host,
            port=port,
            http=PatientProtocol,
            lifespan="on",
            # Sockets: pages say next to nothing, and hear short lines that are not worth packing.
            ws_max_size=SOCKET_MESSAGE_BYTES,
            ws_per_message_deflate=False,
            # Addresses may hold an invitation's token: they are not written down.
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=grace_seconds,
            # The site itself counts forwarded addresses from the right (MIMIA_TRUSTED_PROXIES); the
            # server would take the first, which anybody can write.
            proxy_headers=False,
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m webapp.server", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    server(options.host, options.port).run()


if __name__ == "__main__":
    main()
