"""Whatever the batches in which a history arrives, every table ends up the same."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest

from dagster_project.settings import CHECKOUT

START = datetime(2026, 3, 1)
DAYS = 6
AS_OF = START + timedelta(days=DAYS + 3)
PRODUCTS = [
    {
        "product_id": f"p{number}",
        "name": f"Product {number}",
        "category": f"c{number % 3}",
        "price": 10.5 + number,
        "currency": "EUR",
    }
    for number in range(6)
]
TABLES = {
    "intermediate": [
        "int_events",
        "int_event_signals",
        "int_signals",
        "int_identifier_links",
        "int_identifier_profiles",
        "int_orders",
        "int_order_items",
        "int_product_attributes",
        "int_stock_changes",
        "int_stock_requests",
        "int_waitlist",
        "int_cart_operations",
        "int_carts",
        "int_identifier_activity",
        "int_identifier_traits",
        "int_identifier_consents",
        "int_identifier_orders",
        "int_identifier_categories",
        "int_suppressions",
    ],
    "commerce": ["orders", "order_items", "products", "carts", "sessions"],
    "profiles": ["events", "profiles", "profile_identifiers", "profile_timeline", "consents", "suppressions"],
}

SHOWN_THROUGH = {"int_sessions": "sessions"}
"""Increments that are compared by the mart that is a view of them."""
ELSEWHERE = {
    "attributed_orders": "tests/dbt/test_measurement.py",
    "message_events": "tests/dbt/test_measurement.py",
    "sends": "tests/dbt/test_measurement.py",
    "segment_memberships": "tests/dbt/test_segments.py",
    "segment_counts": "tests/dbt/test_segments.py",
    "identity_merges": "tests/dbt/test_core_identity.py",
    "int_flow_log": "tests/flows/test_decided_once.py",
    "int_flow_first_entries": "tests/flows/engine.py",
    "int_send_decisions": "tests/flows/test_guardrails.py",
}
"""Increments that need more than the core, or that are ledgers: where what they become is tested."""


class Customer:
    """Somebody who does random things under random, sometimes shared, names."""

    def __init__(self, chance: random.Random, number: int) -> None:
        self.chance = chance
        self.mood = random.Random(number)
        self.number = number
        self.anonymous_ids = [f"a{number}", f"a{number}-phone", f"a{chance.randrange(8)}"]
        self.email = f"{chance.choice(['ann', 'bob', 'cyd'])}{chance.randrange(8)}@x.example"
        self.phone = f"+49 170 {chance.randrange(12)}"
        self.orders: list[str] = []

    def does(self, moment: datetime, event_id: str) -> dict:
        action = self.chance.choice(
            [
                "Page Viewed",
                "Product Viewed",
                "Product Added",
                "Product Removed",
                "Cart Viewed",
                "Checkout Started",
                "Order Completed",
                "Order Refunded",
                "Order Cancelled",
                "Subscribed",
                "Unsubscribed",
                "identify",
                "Product Updated",
                "Back In Stock Requested",
                "Email Opened",
                "Email Bounced",
                "Email Marked as Spam",
                "Device Registered",
                "Device Revoked",
                "Address Suppressed",
            ]
        )
        record = {
            "messageId": event_id,
            "timestamp": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
            "event": action,
            "properties": self.properties(action),
        }
        if self.chance.random() < 0.7:
            record["anonymousId"] = self.chance.choice(self.anonymous_ids)
        if self.chance.random() < 0.5 or "anonymousId" not in record:
            record["userId"] = f"u{self.number}"
        if action == "identify":
            record |= {"type": "identify", "traits": self.traits()}
            del record["event"], record["properties"]
        return record

    def traits(self) -> dict:
        every = {
            "email": self.email,
            "phone": self.phone,
            "firstName": f"N{self.chance.randrange(3)}",
            "timezone": "Europe/Berlin",
            "birthday": "1990-05-01",
            "createdAt": "2025-12-01T10:00:00Z",
        }
        own = {
            "loyalty level": self.mood.choice(["gold", 3, None, {"since": 2020}]),
            "tea": self.mood.random() < 0.5,
        }
        said = {key: value for key, value in every.items() if self.chance.random() < 0.6}
        return said | {key: value for key, value in own.items() if self.mood.random() < 0.6}

    def properties(self, action: str) -> dict:
        product = {**self.chance.choice(PRODUCTS), "quantity": self.chance.randrange(1, 4)}
        lines = {"products": self.chance.sample(PRODUCTS, self.chance.randrange(4))}
        cart = {"cart_id": f"cart{self.number}-{self.chance.randrange(6)}"}
        order = {**cart, "order_id": f"o{self.number}-{self.chance.randrange(4)}"} | self.maybe(
            {"total": 3.5}
        )
        consent = {"channel": self.chance.choice(["email", "sms"]), "source": "form"}
        message = {
            "message_id": f"m{self.number}",
            "bounce_type": self.chance.choice(["hard", "soft"]),
        }
        return {
            **dict.fromkeys(["Email Opened", "Email Bounced", "Email Marked as Spam"], message),
            "Order Completed": {**order, "total": 3.5, **self.maybe(lines)},
            "Order Refunded": {
                **order,
                "products": [{"product_id": line["product_id"]} for line in lines["products"]],
            },
            "Order Cancelled": order,
            "Cart Viewed": cart | self.maybe(lines),
            "Checkout Started": cart | self.maybe(lines),
            "Subscribed": consent,
            "Unsubscribed": consent,
            "Device Registered": {"token": f"t{self.number}"},
            "Device Revoked": {"token": f"t{self.number}"},
            "Address Suppressed": {"channel": "email", "address": self.email},
        }.get(
            action,
            {
                **product,
                **cart,
                "inventory_quantity": self.chance.randrange(9),
                **self.maybe({"utm_medium": self.chance.choice(["email", "sms", "ads"])}),
            },
        )

    def maybe(self, properties: dict) -> dict:
        return properties if self.chance.random() < 0.6 else {}


def history(seed: int) -> list[list[dict]]:
    """A batch per day: events of the day, late ones, events dated in the future, and duplicates of any of them."""
    chance = random.Random(seed)
    customers = [Customer(chance, number) for number in range(12)]
    batches, sent = [], []
    for day in range(DAYS):
        batch = []
        for number in range(100):
            # In the same minutes of every day: what is late meets sessions, carts and words of its time.
            moment = START + timedelta(days=day, hours=9, minutes=chance.randrange(90))
            lateness = chance.random()
            if lateness < 0.25:
                moment -= timedelta(days=chance.choice([1, 1, 2, 3, 30]))
            elif lateness > 0.95:
                moment += timedelta(hours=chance.randrange(1, 24))
            record = chance.choice(customers).does(moment, f"e{day}-{number}")
            batch.append(record | {"receivedAt": f"{START + timedelta(days=day + 1):%Y-%m-%dT%H:%M:%SZ}"})
        batch += [chance.choice(sent or batch) for _ in range(6)]
        sent += batch
        batches.append(batch)
    return batches


def content(shop, table: str) -> list[tuple]:
    """The table's rows without the marks of the run that wrote them; numbers of batches are not content."""
    marks = (
        *("seen_at", "taken_as_of", "load_id", "is_new_order", "former_identifier_id"),
        *("former_profile_id", "moved_at", "moved_by_event_id"),
    )
    return sorted(map(str, shop.rows(f"select columns(lambda name: name not in {marks}) from {table}")))


@pytest.mark.parametrize(("seed", "is_tick"), [(3, False), (8, True)])
def test_day_by_day_equals_all_at_once_in_every_table(open_shop, seed, is_tick):
    batches = history(seed)
    daily, whole = open_shop(), open_shop()
    for day, batch in enumerate(batches):
        daily.take(batch)
        daily.run(START + timedelta(days=day + 1), is_tick=is_tick)
        # What a run of the whole project notes by itself; here only the core was run.
        daily.warehouse.execute(
            "insert into intermediate.complete_runs select max(seen_at) from intermediate.int_events"
        )
    daily.run(AS_OF, is_tick=is_tick)
    for batch in batches:
        whole.take(batch)
    whole.run(AS_OF)
    different = [
        name
        for schema, names in TABLES.items()
        for name in names
        if content(daily, f"{schema}.{name}") != content(whole, f"{schema}.{name}")
    ]
    assert different == []


def test_every_increment_is_compared_here_or_tested_where_it_is_said(parsed_project):
    compared = {name for names in TABLES.values() for name in names}
    increments = {
        node.name
        for node in parsed_project.manifest().nodes.values()
        if node.resource_type == "model" and node.config.materialized == "incremental"
    }
    here = {name for name in increments if SHOWN_THROUGH.get(name, name) in compared}
    assert increments - here == set(ELSEWHERE)
    assert [
        name for name, path in ELSEWHERE.items() if name not in (CHECKOUT / path).read_text("utf-8")
    ] == []
