"""The addresses of the sockets."""

from typing import Any

from django.urls import path, re_path

from screening.live.sockets import follow_stream, no_such_socket

# Channels routes to ASGI applications what Django's types know as views.
STREAM: Any = follow_stream
NOTHING: Any = no_such_socket

websocket_urlpatterns = [
    path("ws/patient/", STREAM),
    path("ws/site/<uuid:site_id>/", STREAM),
    re_path(r"", NOTHING),
]
