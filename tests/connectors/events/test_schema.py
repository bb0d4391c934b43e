"""The published JSON Schema says what the contract does."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from connectors.events import Event, parse
from connectors.events.properties import PROPERTIES, IdentifyTraits
from connectors.events.schema import SCHEMA_PATH, json_schema

NOON = "2026-03-01T12:00:00Z"


validator = Draft202012Validator(json_schema())


def problems(record):
    return [error.message for error in validator.iter_errors(record)]


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


EVENTS = [*PROPERTIES, "Wheel Spun"]
texts = st.sampled_from(
    ["", "p1", "EUR", "euro", "a@b.example", "ann", "hard", "stop", "email", "2025-12-01"]
)
values = st.one_of(
    texts, st.sampled_from([None, 5, 2.5, -1, 1e15, 10**6, True, [], {}, [{"product_id": "p"}]])
)
lines = st.lists(
    st.fixed_dictionaries({"product_id": values}, optional={"price": values, "quantity": values}), max_size=2
)
names = sorted(
    {
        field.alias or name
        for m in (*PROPERTIES.values(), IdentifyTraits)
        for name, field in m.model_fields.items()
    }
)
fields = st.dictionaries(st.sampled_from(names), values, max_size=4)
ids = st.sampled_from(["order_id", "product_id", "channel", "token", "email"])
bags = st.tuples(
    fields,
    st.dictionaries(ids, st.just("p1"), max_size=3),
    st.fixed_dictionaries({}, optional={"products": lines, "revenue": st.just(5)}),
).map(lambda parts: parts[0] | parts[1] | parts[2])
moments = st.sampled_from(
    [
        NOON,
        NOON,
        "2026-03-01T12:00:00",
        "2026-03-01",
        5,
        None,
        "1989-12-31T23:59:59Z",
        "2026-03-01 12:00:00,5+0200",
    ]
)
records = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["track", "identify", "page", "trak"]),
        "event": st.sampled_from(EVENTS) | values,
        "messageId": values,
        "user_id": values,
        "timestamp": moments,
        "occurred_at": moments,
        "sentAt": st.just(NOON) | st.none(),
        "properties": bags,
        "traits": bags,
    },
)


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.tuples(records, st.just({}) | bags).map(lambda pair: pair[1] | pair[0]))
def test_what_the_schema_takes_the_contract_takes(record):
    if not problems(record):
        assert isinstance(parse(record), Event)


ORDER = {"event": "Order Completed", "timestamp": NOON}
WORTH = {"order_id": "o1", "revenue": 5}


@pytest.mark.parametrize(
    ("record", "is_taken"),
    [
        ({**ORDER, "properties": WORTH}, True),
        ({**ORDER, **WORTH}, True),
        (ORDER, False),
        ({**ORDER, "properties": {"order_id": "o1", "products": []}}, False),
        ({**ORDER, "properties": {"order_id": "o1", "revenue": None}}, False),
        ({**ORDER, "properties": {"order_id": "o1", "revenue": 1e15}}, False),
        ({**ORDER, "type": "page"}, True),
        ({"event": "Cart Viewed", "timestamp": NOON}, True),
        ({"event": "Cart Viewed", "timestamp": NOON, "products": 5}, False),
        ({"event": "A", "event_id": "m", "user_id": 7, "anonymous_id": "a", "occurred_at": NOON}, True),
        ({"event": "A", "user_id": "u"}, False),
        ({"event": "", "timestamp": NOON}, False),
        ({"event": "A", "timestamp": "2026-03-01T12:00:00"}, False),
        ({"event": "A", "timestamp": "1989-12-31T12:00:00Z"}, False),
        ({"type": "identify", "timestamp": NOON, "traits": {"createdAt": 1_700_000_000}}, True),
        ({"type": "identify", "timestamp": NOON, "traits": {"createdAt": "2025-12-01T10:00:00+02:00"}}, True),
        ({"type": "identify", "timestamp": NOON, "traits": {"createdAt": "last week"}}, False),
        ({"type": "identify", "timestamp": NOON, "traits": {"email": "ann"}}, False),
        ({"type": "identify", "timestamp": NOON, "email": "ann"}, False),
        ({"type": "identify", "timestamp": NOON, "traits": {"birthday": "31.12.1990"}}, False),
        (
            {
                "event": "Product Viewed",
                "timestamp": NOON,
                "product_id": "p",
                "inventory_quantity": "in stock",
            },
            False,
        ),
    ],
)
def test_schema_and_contract_agree(record, is_taken):
    assert (problems(record) == [], isinstance(parse(record), Event)) == (is_taken, is_taken)
