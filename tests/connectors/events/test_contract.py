"""The event contract: what is kept, what is coerced, what is refused and why."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from connectors.events import Event, Reject, parse, parse_json

NOON = "2026-03-01T12:00:00Z"


def order(**properties):
    return {"event": "Order Completed", "messageId": "m1", "timestamp": NOON, "properties": properties}


def properties_of(record):
    event = parse(record)
    assert isinstance(event, Event), event
    return json.loads(event.properties)


def test_a_segment_track_call_becomes_an_event():
    assert parse(
        {
            "type": "track",
            "event": "Product Viewed",
            "messageId": "m1",
            "userId": "u1",
            "anonymousId": "a1",
            "timestamp": "2026-03-01T12:00:00.250+02:00",
            "receivedAt": "2026-03-01T10:00:01Z",
            "context": {"library": {"name": "analytics.js"}},
            "properties": {"product_id": "p1", "price": 12.5},
        }
    ) == Event(
        "m1",
        "track",
        "Product Viewed",
        "u1",
        "a1",
        datetime(2026, 3, 1, 10, 0, 0, 250_000),
        datetime(2026, 3, 1, 10, 0, 1),
        "analytics.js",
        '{"product_id":"p1","price":12.5}',
        "{}",
        '{"library":{"name":"analytics.js"}}',
    )


def test_an_event_nobody_heard_of_is_kept_as_it_is():
    assert properties_of({"event": "Wheel Spun", "timestamp": NOON, "properties": {"prize": [1, None]}}) == {
        "prize": [1, None]
    }


def test_unknown_keys_become_properties_of_an_event_and_traits_of_a_person():
    assert properties_of({"type": "page", "name": "Home", "timestamp": NOON}) == {"name": "Home"}
    person = parse({"type": "identify", "userId": "u1", "shoe_size": 42, "timestamp": NOON})
    assert (person.event_name, person.traits, person.properties) == ("Identified", '{"shoe_size":42}', "{}")


def test_a_property_wins_over_an_unknown_key_of_the_same_name():
    assert properties_of({"type": "page", "name": "x", "timestamp": NOON, "properties": {"name": "y"}}) == {
        "name": "y"
    }


def test_values_that_can_mean_only_one_thing_are_coerced():
    line = {"product_id": 7, "price": "12.50", "quantity": "2", "colour": "red"}
    assert properties_of(order(order_id=1, products=[line])) == {
        "order_id": "1",
        "products": [{"product_id": "7", "price": 12.5, "quantity": 2, "colour": "red"}],
    }


@pytest.mark.parametrize(
    ("record", "field", "reason"),
    [
        (order(products=[]), "properties.order_id", "Field required"),
        (order(order_id="o1"), "properties", "an order needs products, revenue or total"),
        (order(order_id="o1", products=[]), "properties", "an order needs products, revenue or total"),
        (order(order_id="o1", revenue=""), "properties", "an order needs products, revenue or total"),
        (
            order(order_id="o1", revenue=1e15),
            "properties.revenue",
            "Input should be less than or equal to 9999999999",
        ),
        (
            order(order_id="o1", products=[{"product_id": "p1", "price": 1, "quantity": 1_000_000}]),
            "properties.products.0.quantity",
            "Input should be less than or equal to 999999",
        ),
        (
            {
                "event": "Product Viewed",
                "timestamp": NOON,
                "properties": {"product_id": "p1", "inventory_quantity": "in stock"},
            },
            "properties.inventory_quantity",
            "Input should be a valid integer, unable to parse string as an integer",
        ),
        (
            order(order_id="o1", products=[{"product_id": "p1", "price": "twelve"}]),
            "properties.products.0.price",
            "Input should be a valid number, unable to parse string as a number",
        ),
        (order(order_id="o1", products=[{"price": 1}]), "properties.products.0.product_id", "Field required"),
        (order(order_id="o1", revenue=float("inf")), "properties.revenue", "Input should be a finite number"),
        (
            order(order_id="o1", revenue=1, currency="euro"),
            "properties.currency",
            "String should match pattern '^[A-Z]{3}$'",
        ),
        ({"event": "Order Completed"}, "timestamp", "Field required"),
        ({"timestamp": NOON}, "event", "a track call must name its event"),
        (
            {"type": "trak", "timestamp": NOON},
            "type",
            "Input should be 'track', 'identify', 'page', 'screen', 'group' or 'alias'",
        ),
        (
            {"event": "A", "timestamp": "2026-03-01T12:00:00"},
            "timestamp",
            "a time must be ISO-8601 with a zone, like 2026-03-01T12:00:00Z",
        ),
        (
            {"event": "A", "timestamp": 1772366400},
            "timestamp",
            "a time must be ISO-8601 text with a zone, not a number",
        ),
        (
            {"event": "A", "timestamp": "1812-09-07T06:00:00Z"},
            "timestamp",
            "a time must lie between 1990 and 2100",
        ),
        (
            {"event": "A", "timestamp": "2500-01-01T00:00:00Z"},
            "timestamp",
            "a time must lie between 1990 and 2100",
        ),
        (
            {"event": "A", "timestamp": "2026-03-05T12:00:00Z", "receivedAt": NOON},
            "timestamp",
            "more than a day after the event was received",
        ),
        (
            {"event": "A", "timestamp": NOON, "properties": "{"},
            "properties",
            "EOF while parsing an object at line 1 column 1",
        ),
        ({"event": "Subscribed", "timestamp": NOON}, "properties.channel", "Field required"),
        (
            {"event": "Email Bounced", "timestamp": NOON, "properties": {"bounce_type": "firm"}},
            "properties.bounce_type",
            "Input should be 'hard' or 'soft'",
        ),
        (
            {"type": "identify", "timestamp": NOON, "traits": {"email": "ann"}},
            "traits.email",
            "an e-mail address must look like name@host",
        ),
        (
            {"type": "identify", "timestamp": NOON, "traits": {"birthday": "31.12.1990"}},
            "traits.birthday",
            "a date must be YYYY-MM-DD",
        ),
        (
            {"type": "identify", "timestamp": NOON, "traits": {"createdAt": "last week"}},
            "traits.createdAt",
            "a creation time must be ISO-8601, like 2026-03-01T12:00:00Z, or seconds since 1970",
        ),
        (
            {"type": "identify", "timestamp": NOON, "traits": {"created_at": "1812-09-07T06:00:00Z"}},
            "traits.created_at",
            "a creation time must lie between 1900 and 2100",
        ),
    ],
)
def test_a_malformed_record_is_refused_with_field_and_reason(record, field, reason):
    assert parse(record) == Reject(field, reason)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("2025-12-01T08:00:00.000Z", "2025-12-01T08:00:00.000Z"),
        ("2025-12-01T10:00:00+02:00", "2025-12-01T08:00:00Z"),
        ("2025-12-01 08:00:00", "2025-12-01T08:00:00Z"),
        ("2025-12-01", "2025-12-01T00:00:00Z"),
        (1_700_000_000, "2023-11-14T22:13:20Z"),
        ("1700000000", "2023-11-14T22:13:20Z"),
        (1_700_000_000_000, "2023-11-14T22:13:20Z"),
        ("", None),
    ],
)
def test_when_an_account_was_created_becomes_utc(said, kept):
    person = parse({"type": "identify", "timestamp": NOON, "traits": {"createdAt": said}})
    assert isinstance(person, Event), person
    assert json.loads(person.traits) == {"createdAt": kept}


def test_an_empty_number_says_nothing():
    viewed = {"product_id": "p1", "price": "", "quantity": "", "inventory_quantity": ""}
    assert properties_of({"event": "Product Viewed", "timestamp": NOON, "properties": viewed}) == {
        "product_id": "p1",
        "price": None,
        "quantity": None,
        "inventory_quantity": None,
    }


def test_a_reason_never_repeats_a_value_that_may_be_an_address():
    reject = parse({"type": "identify", "timestamp": NOON, "traits": {"email": "ann at home"}})
    assert "ann" not in reject.reason


def test_text_that_is_no_object_is_refused():
    assert parse_json(b"[1]") == Reject("", "a record must be a JSON object")
    assert parse_json(b'{"event": ').reason.startswith("not JSON: ")
    assert parse_json(b'{"event": NaN}').reason.startswith("not JSON: ")


def test_an_event_counts_as_received_when_sent_and_as_sent_when_it_happened():
    sent = parse({"event": "A", "timestamp": NOON, "sentAt": "2026-03-01T13:00:00Z"})
    bare = parse({"event": "A", "timestamp": NOON})
    assert (sent.received_at, bare.received_at) == (datetime(2026, 3, 1, 13), datetime(2026, 3, 1, 12))


def test_a_record_without_id_is_known_by_its_content():
    first = parse({"event": "A", "timestamp": NOON, "properties": {"a": 1, "b": 2}})
    again = parse({"properties": {"b": 2, "a": 1}, "timestamp": NOON, "event": "A"})
    other = parse({"event": "A", "timestamp": NOON, "properties": {"a": 1, "b": 3}})
    assert first.event_id == again.event_id != other.event_id


def test_snake_case_means_the_same():
    assert parse(
        {"event": "A", "event_id": "m", "user_id": "u", "anonymous_id": "a", "occurred_at": NOON}
    ) == parse({"event": "A", "messageId": "m", "userId": "u", "anonymousId": "a", "timestamp": NOON})


def test_an_empty_birthday_says_nothing():
    person = parse({"type": "identify", "timestamp": NOON, "traits": {"birthday": "", "email": ""}})
    assert json.loads(person.traits) == {"birthday": None, "email": None}
