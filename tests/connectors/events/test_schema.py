"""The published JSON Schema says what the contract does."""

from __future__ import annotations

import json

from jsonschema import Draft202012Validator

from connectors.events.schema import SCHEMA_PATH, json_schema

NOON = "2026-03-01T12:00:00Z"


def problems(record):
    return [error.message for error in Draft202012Validator(json_schema()).iter_errors(record)]


def test_the_published_schema_is_the_contract():
    assert json.loads(SCHEMA_PATH.read_text()) == json_schema(), "run: python -m connectors.events.schema"


def test_it_accepts_an_order_and_an_unknown_event():
    line = {"product_id": "p1", "price": 12.5, "quantity": 2}
    assert (
        problems(
            {
                "type": "track",
                "event": "Order Completed",
                "timestamp": NOON,
                "properties": {"order_id": "o1", "products": [line]},
            }
        )
        == []
    )
    assert problems({"type": "track", "event": "Wheel Spun", "timestamp": NOON}) == []


def test_it_names_what_is_missing():
    assert problems({"event": "Subscribed", "timestamp": NOON, "properties": {}}) == [
        "'channel' is a required property"
    ]
    assert problems({"type": "track", "timestamp": NOON}) == ["'event' is a required property"]
    assert problems({"type": "page"}) == ["'timestamp' is a required property"]
