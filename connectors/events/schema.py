"""The contract as JSON Schema, published by `python -m connectors.events.schema`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from connectors.events.contract import Record
from connectors.events.properties import PROPERTIES, IdentifyTraits

SCHEMA_PATH = Path(__file__).with_name("schema.json")
DESCRIPTION = (
    "A Segment call. What this schema takes, Millrace takes, but for two things that no schema can say: a "
    "day that the calendar does not have, and a timestamp more than a day after the event was received. "
    "Millrace also takes numbers, lists and objects written as text, as in CSV."
)


class _Brief(GenerateJsonSchema):
    """A schema that a person can read: no titles made of names, `null` as one more type."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002  (pydantic's signature)
        return False

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        inner = self.generate_inner(schema["schema"])
        if "type" not in inner:
            return super().nullable_schema(schema)
        types = inner["type"] if isinstance(inner["type"], list) else [inner["type"]]
        return {**inner, "type": [*types, "null"]}

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        described = super().str_schema(schema)
        return described if "pattern" in described else {**described, "type": ["string", "number"]}

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
    _, shared = models_json_schema(
        [(model, "validation") for model in models],
        by_alias=True,
        ref_template="#/$defs/{model}",
        schema_generator=_Brief,
    )
    definitions = shared["$defs"]
    envelope = definitions.pop("Record")
    for name in {model.__name__ for model in PROPERTIES.values()}:
        definitions |= _fields_and_needs(name, definitions[name])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Millrace event",
        "description": DESCRIPTION,
        "type": "object",
        "properties": envelope["properties"] | _other_names(envelope["properties"]),
        "allOf": [
            {"if": {"not": {"required": ["occurred_at"]}}, "then": {"required": ["timestamp"]}},
            {
                "if": {"properties": {"type": {"const": "track"}}},
                "then": {"required": ["event"], "properties": {"event": {"not": {"enum": ["", None]}}}},
            },
            {
                "if": {"properties": {"type": {"const": "identify"}}, "required": ["type"]},
                "then": _in_bag_or_beside("traits", "IdentifyTraits"),
            },
            *(
                {
                    "if": {
                        "properties": {"type": {"const": "track"}, "event": {"const": name}},
                        "required": ["event"],
                    },
                    "then": _in_bag_or_beside("properties", model.__name__),
                }
                for name, model in PROPERTIES.items()
            ),
        ],
        "$defs": dict(sorted(definitions.items())),
    }


def _other_names(properties: dict[str, Any]) -> dict[str, Any]:
    """The snake-case names of the envelope, each described like Segment's."""
    choices = [
        field.validation_alias.choices
        for field in Record.model_fields.values()
        if isinstance(field.validation_alias, AliasChoices)
    ]
    return {str(other): properties[str(first)] for first, *others in choices for other in others}


def _fields_and_needs(name: str, definition: dict[str, Any]) -> dict[str, Any]:
    """One definition as two: what its fields are, which hold beside the bag too, and which it must have."""
    needs = {key: definition[key] for key in ("required", "anyOf") if key in definition}
    fields = {key: value for key, value in definition.items() if key not in needs}
    described = {"description": definition["description"], "$ref": f"#/$defs/{name}Fields", **needs}
    return {name: described, f"{name}Fields": fields}


def _in_bag_or_beside(bag: str, name: str) -> dict[str, Any]:
    """What is needed stands in the bag; without one beside it, like the columns of a file."""
    if bag == "traits":
        return {"$ref": f"#/$defs/{name}", "properties": {bag: {"$ref": f"#/$defs/{name}"}}}
    return {
        "$ref": f"#/$defs/{name}Fields",
        "if": {"required": [bag]},
        "then": {"properties": {bag: {"$ref": f"#/$defs/{name}"}}},
        "else": {"$ref": f"#/$defs/{name}"},
    }


def publish() -> None:
    """Write the schema beside this module."""
    SCHEMA_PATH.write_text(json.dumps(json_schema(), indent=2) + "\n")


if __name__ == "__main__":
    publish()
