"""The addresses of the sockets."""

from django.urls import path

from screening.live.consumers import StreamConsumer

websocket_urlpatterns = [
    path("ws/patient/", StreamConsumer.as_asgi()),
    path("ws/site/<uuid:site_id>/", StreamConsumer.as_asgi()),
]
