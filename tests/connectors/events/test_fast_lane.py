"""The fast lane and the contract give the same rows, whatever arrives."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.events import Event, parse_json
from connectors.events.fast_lane import FastLane, split_lines
from connectors.events.files import EVENT_COLUMNS
from connectors.events.properties import PROPERTIES

lane = FastLane()

NOON = "2026-03-01T12:00:00Z"
JSON_COLUMNS = ("properties", "traits", "context")

texts = st.one_of(
    st.sampled_from(["", "p1", "Ann", "a@b.example", "true", "12", "12.50", "EUR", 'é"\\\n,{[', "\x00"]),
    st.text(max_size=6),
)
numbers = st.one_of(
    st.integers(-10, 10**9),
    st.sampled_from(
        [12.5, 2.0, -0.1, 1e21, 1e-9, 999_999, 1_000_000, 9_999_999_999, 9_999_999_999.5, 10**12 + 1]
    ),
)
scalars = st.one_of(texts, numbers, st.booleans(), st.none())
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
times = st.one_of(
    st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
    st.sampled_from(
        [
            NOON,
            "2026-03-01T12:00:00.123+02:00",
            "2026-03-01 12:00:00-05:30",
            "2026-03-01T12:00:00",
            "2026-03-01T12:00Z",
            "2026-02-30T12:00:00Z",
            "2026-03-01T24:00:00Z",
            "2026-03-01T12:00:60Z",
            "1989-12-31T23:59:59Z",
            "2100-01-01T00:00:00Z",
            "2026-03-01T12:00:00.1234567Z",
            "",
            "now",
        ]
    ),
    scalars,
)
created = st.one_of(
    times,
    st.sampled_from(
        [
            "2025-12-01T08:00:00Z",
            "2025-12-01T08:00:00.000Z",
            "2025-02-30T08:00:00Z",
            "2025-12-01T10:00:00+02:00",
            "2025-12-01",
            "1899-12-31T23:59:59Z",
            1_700_000_000,
            1_700_000_000_000,
            "1700000000",
            "null",
        ]
    ),
)
lines_of_orders = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "product_id": scalars,
            "price": scalars,
            "quantity": scalars,
            "name": scalars,
            "currency": scalars,
        },
    ),
    max_size=3,
)
property_values = {
    "product_id": scalars,
    "order_id": scalars,
    "name": scalars,
    "category": scalars,
    "price": scalars,
    "revenue": scalars,
    "quantity": scalars,
    "currency": scalars,
    "cart_id": scalars,
    "url": scalars,
    "inventory_quantity": scalars,
    "variant_id": scalars,
    "discount": scalars,
    "channel": scalars,
    "odd": anything,
    "products": lines_of_orders | anything,
}
records = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["track", "identify", "page", "screen", "group", "alias", "x", None]),
        "event": st.sampled_from([*PROPERTIES, "Wheel Spun"]) | scalars,
        "messageId": texts | scalars,
        "userId": scalars,
        "anonymousId": anything,
        "timestamp": times,
        "sentAt": times,
        "receivedAt": times,
        "source": scalars,
        "name": scalars,
        "integrations": anything,
        "odd": anything,
        "user_id": scalars,
        "properties": st.fixed_dictionaries({}, optional=property_values) | anything,
        "traits": st.fixed_dictionaries(
            {},
            optional={
                "email": scalars,
                "phone": scalars,
                "birthday": st.sampled_from(["1990-01-31", "1990-02-31", "", None, 5]),
                "createdAt": created,
                "created_at": created,
            },
        )
        | anything,
        "context": st.fixed_dictionaries(
            {}, optional={"library": st.fixed_dictionaries({}, optional={"name": anything}) | anything}
        )
        | anything,
    },
)
plausible = st.tuples(
    records,
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["track", "track", "identify", "page"]),
            "messageId": st.just("m1"),
            "timestamp": st.just(NOON),
        }
    ),
).map(lambda pair: pair[0] | pair[1])


def as_row(values):
    return {name: json.loads(value) if name in JSON_COLUMNS else value for name, value in values.items()}


def by_contract(line):
    match parse_json(line):
        case Event() as event:
            return as_row({**event._asdict(), "line_number": 1})


def by_fast_lane(line):
    accepted, _ = lane.accept(split_lines(line), 1)
    return [as_row(row) for row in accepted.select(EVENT_COLUMNS.names).to_pylist()]


def assert_same(record):
    line = json.dumps(record).encode() + b"\n"
    assert by_fast_lane(line) in ([], [by_contract(line)])


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(records | plausible)
def test_the_fast_lane_accepts_only_what_the_contract_accepts_and_gives_the_same_row(record):
    try:
        json.dumps(record).encode().decode()
        assert_same(record)
    except UnicodeEncodeError:
        pass


@pytest.mark.parametrize(
    "record",
    [
        {
            "event": "Product Viewed",
            "properties": {"product_id": "p1", "price": 12.5, "currency": "EUR", "odd": [1]},
        },
        {
            "event": "Product Added",
            "properties": {"cart_id": "c", "product_id": "p1", "price": 12, "quantity": 2},
        },
        {
            "event": "Order Completed",
            "properties": {"order_id": "o", "products": [{"product_id": "p", "price": 1.5}]},
        },
        {"event": "Checkout Started", "properties": {"order_id": "o"}},
        {"event": "Wheel Spun"},
        {
            "type": "identify",
            "traits": {
                "email": "ann@shop.example",
                "birthday": "1990-01-31",
                "phone": "+49 1",
                "createdAt": "2025-12-01T08:00:00.000Z",
            },
        },
        {"type": "page", "name": "Home", "properties": {"path": "/"}},
        {
            "event": "Email Opened",
            "userId": 12,
            "context": {"library": {"name": "js"}},
            "integrations": {"All": True},
        },
    ],
)
def test_ordinary_records_take_the_fast_lane(record):
    line = json.dumps(
        {"type": "track", "messageId": "m1", "timestamp": NOON, "userId": "u1"} | record
    ).encode()
    assert by_fast_lane(line) == [by_contract(line)]


@pytest.mark.parametrize(
    "line",
    [
        b'{"event":"A","event":"B","messageId":"m1","timestamp":"2026-03-01T12:00:00Z"}',
        b'{"event":"A","messageId":"m1","timestamp":"2026-03-01T12:00:00Z","properties":{"a":12345678901234567890123}}',
        b'{"event":"A","messageId":"m\\u0000","timestamp":"2026-03-01T12:00:00Z","properties":{"a":"\\ud83d\\ude00"}}',
        b'{"event":"A","messageId":"m1","timestamp":"2026-03-01T12:00:00Z","properties":{"a":"\\ud83d"}}',
        b' {"event": "A", "messageId": "m1", "timestamp": "2026-03-01T12:00:00Z"} \r\n',
        b'{"event":"A","messageId":"m1","timestamp":"2026-03-01T12:00:00Z"} trailing',
        b'{"event":"Order Completed","messageId":"m","timestamp":"2026-03-01T12:00:00Z","properties":{"order_id":"o","products":[{"product_id":"p","price":1},{"product_id":"p"}]}}',
    ],
)
def test_odd_json_is_judged_by_the_contract(line):
    assert by_fast_lane(line) in ([], [by_contract(line)])
