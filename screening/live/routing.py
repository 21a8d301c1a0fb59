"""The addresses of the sockets."""

from django.urls import path, re_path

from screening.live.sockets import follow_stream, no_such_socket

websocket_urlpatterns = [
    path("ws/patient/", follow_stream),
    path("ws/site/<uuid:site_id>/", follow_stream),
    re_path(r"", no_such_socket),
]
