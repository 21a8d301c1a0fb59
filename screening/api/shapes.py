"""The shapes of the vocabulary as parts of the API's schema, under their own names."""

from typing import Any

import msgspec
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from rest_framework import serializers as s


class ShapeField(s.JSONField):
    """A JSON value of one shape, which a service has checked already."""

    def __init__(self, shape: type, **more: Any) -> None:
        self.shape = shape
        super().__init__(**more)


class Published(OpenApiSerializerFieldExtension):
    target_class = "screening.api.shapes.ShapeField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        (whole,), parts = msgspec.json.schema_components(
            (self.target.shape,), ref_template="#/components/schemas/{name}"
        )
        for name, schema in parts.items():
            schema.pop("title", None)
            for part in schema.get("properties", {}).values():
                if "enum" in part:
                    part["type"] = "string"
            auto_schema.registry.register_on_missing(
                ResolvedComponent(name, ResolvedComponent.SCHEMA, object=name, schema=schema)
            )
        return whole
