"""The contract as JSON Schema, published by `python -m connectors.events.schema`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from connectors.events.contract import Record
from connectors.events.properties import PROPERTIES, IdentifyTraits

SCHEMA_PATH = Path(__file__).with_name("schema.json")


class _Brief(GenerateJsonSchema):
    """A schema that a person can read: no titles made of names, `null` as one more type."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002  (pydantic's signature)
        return False

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        inner = self.generate_inner(schema["schema"])
        if "type" not in inner:
            return super().nullable_schema(schema)
        return {**inner, "type": [inner["type"], "null"]}

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        described = super().default_schema(schema)
        if described.get("default") is None:
            described.pop("default", None)
        return described


def json_schema() -> dict[str, Any]:
    """The envelope, and for each known event what its properties must be."""
    models: list[type[BaseModel]] = sorted(
        {Record, IdentifyTraits, *PROPERTIES.values()}, key=lambda model: model.__name__
    )
    references, shared = models_json_schema(
        [(model, "validation") for model in models],
        by_alias=True,
        ref_template="#/$defs/{model}",
        schema_generator=_Brief,
    )
    definitions = shared["$defs"]
    envelope = definitions.pop("Record")
    known = [
        _when({"event": {"const": name}}, {"properties": references[model, "validation"]})
        for name, model in PROPERTIES.items()
    ]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Millrace event",
        **{key: value for key, value in envelope.items() if key != "title"},
        "allOf": [
            {"if": {"properties": {"type": {"const": "track"}}}, "then": {"required": ["event"]}},
            _when({"type": {"const": "identify"}}, {"traits": references[IdentifyTraits, "validation"]}),
            *known,
        ],
        "$defs": definitions,
    }


def _when(condition: dict[str, Any], consequence: dict[str, Any]) -> dict[str, Any]:
    return {"if": {"properties": condition, "required": list(condition)}, "then": {"properties": consequence}}


def publish() -> None:
    """Write the schema beside this module."""
    SCHEMA_PATH.write_text(json.dumps(json_schema(), indent=2) + "\n")


if __name__ == "__main__":
    publish()
