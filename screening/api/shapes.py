"""The shapes of the vocabulary as parts of the API's schema, under their own names."""

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from rest_framework import serializers as s


class ShapeField(s.JSONField):
    """A JSON value of one shape, which a service has checked already."""

    def __init__(self, shape: type, **more: Any) -> None:
        self.shape = shape
        super().__init__(**more)


class Untitled(GenerateJsonSchema):
    """Without the titles that would only say each part's name again."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


class Published(OpenApiSerializerFieldExtension):
    target_class = "screening.api.shapes.ShapeField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        found, parts = TypeAdapter.json_schemas(
            [("whole", "validation", TypeAdapter(self.target.shape))],
            ref_template="#/components/schemas/{model}",
            schema_generator=Untitled,
        )
        for name, schema in parts["$defs"].items():
            schema.pop("title", None)
            auto_schema.registry.register_on_missing(
                ResolvedComponent(name, ResolvedComponent.SCHEMA, object=name, schema=schema)
            )
        return found["whole", "validation"]
