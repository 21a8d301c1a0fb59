"""API: where everything is. ``/api/v1/`` answers with its own addresses."""

import re
from typing import cast

from django.urls import URLPattern, URLResolver, get_resolver, reverse
from rest_framework import serializers as s
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from screening.api.base import describe

ROOT = "api/v1/"


class IndexOut(s.Serializer[dict[str, object]]):
    name = s.CharField()
    documentation = s.URLField()
    schema = s.URLField()
    addresses = s.DictField(child=s.CharField())


class Index(APIView):
    """Says what exists, not what anybody may do; it needs no log-in and tells of no row."""

    permission_classes = [AllowAny]

    @describe("The addresses of this API", answer=IndexOut)
    def get(self, request: Request) -> Response:
        root = next(one for one in get_resolver().url_patterns if str(one.pattern) == ROOT)
        addresses = {
            str(route.name).removeprefix("api-"): f"/{ROOT}{_written(str(route.pattern))}"
            for route in cast(URLResolver, root).url_patterns
            if isinstance(route, URLPattern)
        }
        body = {
            "name": "Mimia",
            "documentation": request.build_absolute_uri(reverse("api-docs")),
            "schema": request.build_absolute_uri(reverse("schema")),
            "addresses": addresses,
        }
        return Response(body)


def _written(route: str) -> str:
    """``clips/<uuid:pk>/`` as the documentation writes it: ``clips/{id}/``."""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route).replace("{pk}", "{id}")
