"""Orders, carts, sessions and products as a shop's people would tell them."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count

import pytest

NUMBERS = count(1)
COMMERCE = ["path:models/staging/events", "int_events", "int_events_new", "int_order_items", "int_orders"]
COFFEE = {"product_id": "coffee", "name": "Coffee", "category": "Drinks", "price": 12.5, "quantity": 2}
MUG = {"product_id": "mug", "name": "Mug", "category": "Kitchen", "price": 7.25, "quantity": 1}


def event(name: str, moment: str, who: str | None = "ann", /, **properties: object) -> dict:
    """One event on 1 March 2026 (or at a full date), by a customer or a guest."""
    at = moment if len(moment) > 5 else f"2026-03-01T{moment}:00"
    return {
        "messageId": f"n{next(NUMBERS)}",
        "event": name,
        "timestamp": f"{at}Z",
        "receivedAt": f"{at}Z",
        **({"userId": who} if who else {"source": "till"}),
        "properties": properties,
    }


@pytest.fixture
def carts_after(shop):
    """Status, pieces and value of each cart, when the events have been taken one batch per event."""

    def run(*events: dict, as_of: str = "2026-03-01 20:00:00") -> list[tuple]:
        shop.take(list(events))
        shop.run(as_of)
        return shop.rows(
            "select cart_id, status, item_count, value, abandoned_at from commerce.carts order by all"
        )

    return run


def test_orders_with_refunds_cancellations_guests_and_repeated_completions(shop):
    shop.take(
        [
            event("Order Completed", "09:00", order_id="plain", products=[COFFEE, MUG], currency="EUR"),
            event("Order Completed", "09:01", order_id="plain", products=[COFFEE], currency="EUR"),
            event(
                "Order Completed",
                "09:02",
                order_id="stated",
                revenue=30,
                discount=2.25,
                products=[COFFEE, MUG],
            ),
            event("Order Completed", "09:03", None, order_id="guest", products=[MUG]),
            event("Order Completed", "09:04", order_id="regretted", products=[MUG]),
            event("Order Cancelled", "09:05", order_id="regretted"),
            event("Order Refunded", "09:06", None, order_id="early", total=1),
            event("Order Refunded", "09:07", order_id="stated", total=5.5),
        ]
    )
    shop.run("2026-03-01 12:00:00")
    shop.take(
        [
            event("Order Completed", "09:08", order_id="early", products=[MUG]),
            event("Order Refunded", "13:00", order_id="stated", products=[MUG]),
            event("Order Refunded", "13:01", order_id="plain"),
        ]
    )
    shop.run("2026-03-02 12:00:00")
    assert shop.rows("""
        select order_id, profile_id is null as guest, revenue, refunded, discount, status
        from commerce.orders order by order_id""") == [
        ("early", False, Decimal("7.25"), Decimal("1.00"), None, "refunded"),
        ("guest", True, Decimal("7.25"), Decimal("0.00"), None, "completed"),
        ("plain", False, Decimal("32.25"), Decimal("32.25"), None, "refunded"),
        ("regretted", False, Decimal("7.25"), Decimal("7.25"), None, "cancelled"),
        ("stated", False, Decimal("30.00"), Decimal("12.75"), Decimal("2.25"), "refunded"),
    ]
    assert shop.rows(
        "select product_id, quantity from commerce.order_items where order_id = 'plain' order by all"
    ) == [("coffee", 2), ("mug", 1)]
    assert shop.rows("""
        select order_count, total_revenue, total_refunded, item_count, largest_order_value, favourite_category
        from profiles.profiles where user_id = 'ann'""") == [
        (3, Decimal("69.50"), Decimal("46.00"), 7, Decimal("32.25"), "Drinks")
    ]


@pytest.mark.parametrize("daily", [True, False])
def test_a_refund_of_a_line_without_a_price_is_worth_what_the_order_says(shop, daily):
    def line(product: dict) -> dict:
        return {"product_id": product["product_id"], "quantity": 1}

    history = [
        event("Order Refunded", "09:00", None, order_id="early", products=[line(COFFEE)]),
        event("Order Completed", "09:01", order_id="early", products=[COFFEE, MUG]),
        event("Order Completed", "08:00", order_id="early", products=[COFFEE | {"price": 10}, MUG]),
        event("Order Completed", "09:02", order_id="late", revenue=100, products=[COFFEE, MUG]),
        event("Order Refunded", "09:03", order_id="late", products=[line(MUG), {**COFFEE, "quantity": 1}]),
        event("Order Refunded", "09:04", order_id="late", products=[line(COFFEE)]),
        event("Order Completed", "09:05", order_id="unknown", revenue=100),
        event("Order Refunded", "09:06", order_id="unknown", products=[line(MUG)]),
    ]
    for number, each in enumerate(history, 1):
        shop.take([each])
        if daily or number == len(history):
            shop.run(f"2026-03-0{number} 12:00:00", COMMERCE)
    assert shop.rows(
        "select order_id, refunded, is_refunded_whole from intermediate.int_orders order by 1"
    ) == [
        ("early", Decimal("10.00"), False),
        ("late", Decimal("32.25"), False),
        ("unknown", Decimal("0.00"), True),
    ]


def test_an_order_in_another_currency_is_named(shop):
    foreign = event("Order Completed", "09:00", order_id="yen", revenue=1000, currency="JPY")
    shop.take([foreign, event("Order Completed", "09:00", order_id="euro", revenue=10, currency="EUR")])
    shop.run("2026-03-02", [*COMMERCE, "int_identifier_links", "int_identifier_profiles", "orders"])
    name = "orders_are_in_the_shops_currency"
    results = shop.project.command(["test", "--select", name], datetime(2026, 3, 2))
    assert [(result.status, result.message) for result in results if name in result.unique_id] == [
        ("warn", "Got 1 result, configured to warn if != 0")
    ]


def test_a_cart_is_abandoned_one_hour_after_the_last_activity_and_not_before(carts_after):
    added = event("Product Added", "10:00", cart_id="c1", **COFFEE)
    assert carts_after(added, as_of="2026-03-01 10:59:59") == [("c1", "open", 2, Decimal("25.00"), None)]
    assert carts_after(as_of="2026-03-01 11:00:00") == [
        ("c1", "abandoned", 2, Decimal("25.00"), datetime(2026, 3, 1, 11))
    ]
    assert carts_after(event("Cart Viewed", "11:05", cart_id="c1"), as_of="2026-03-01 11:10:00") == [
        ("c1", "open", 2, Decimal("25.00"), None)
    ]


def test_an_order_of_the_cart_or_of_the_person_ends_it(carts_after):
    assert carts_after(
        event("Product Added", "10:00", cart_id="by_cart", **COFFEE),
        event("Order Completed", "10:10", None, order_id="o1", cart_id="by_cart", products=[COFFEE]),
        event("Product Added", "10:00", "bob", cart_id="by_person", **COFFEE),
        event("Order Completed", "13:00", "bob", order_id="o2", products=[COFFEE]),
        event("Product Added", "10:00", "cyd", cart_id="before", **COFFEE),
        event("Order Completed", "09:00", "cyd", order_id="o3", products=[COFFEE]),
    ) == [
        ("before", "abandoned", 2, Decimal("25.00"), datetime(2026, 3, 1, 11)),
        ("by_cart", "ordered", 2, Decimal("25.00"), None),
        ("by_person", "ordered", 2, Decimal("25.00"), datetime(2026, 3, 1, 11)),
    ]


def test_what_is_taken_out_is_gone_and_an_empty_cart_is_a_signal(shop, carts_after):
    assert carts_after(
        event("Product Added", "10:00", cart_id="less", **COFFEE),
        event("Product Removed", "10:01", cart_id="less", **(COFFEE | {"quantity": 1})),
        event("Product Added", "10:00", cart_id="none", **COFFEE),
        event("Product Removed", "10:01", cart_id="none", product_id="coffee"),
        event("Product Added", "10:00", cart_id="seen", **COFFEE),
        event("Cart Viewed", "10:02", cart_id="seen", products=[MUG]),
    ) == [
        ("less", "abandoned", 1, Decimal("12.50"), datetime(2026, 3, 1, 11, 1)),
        ("none", "emptied", 0, Decimal("0.00"), None),
        ("seen", "abandoned", 1, Decimal("7.25"), datetime(2026, 3, 1, 11, 2)),
    ]
    assert shop.rows("""
        select reference, occurred_at from intermediate.int_signals where signal = 'cart_emptied'""") == [
        ("none", datetime(2026, 3, 1, 10, 1))
    ]


def test_buying_ends_the_cart_and_shopping_on_starts_it_anew(carts_after):
    assert carts_after(
        event("Product Added", "10:00", cart_id="c1", **COFFEE),
        event("Order Completed", "10:10", order_id="o1", cart_id="c1", products=[COFFEE]),
        event("Product Added", "10:20", cart_id="c1", **MUG),
    ) == [("c1", "abandoned", 1, Decimal("7.25"), datetime(2026, 3, 1, 11, 20))]


def test_a_late_visit_joins_two_sessions(shop):
    sessions = (
        "select started_at, ended_at, event_count, product_view_count from commerce.sessions order by all"
    )
    shop.take([event("Page Viewed", "10:00"), event("Product Viewed", "10:50", product_id="mug")])
    shop.run("2026-03-01 12:00:00")
    assert [pages for _, _, pages, _ in shop.rows(sessions)] == [1, 1]
    shop.take([event("Page Viewed", "10:25") | {"receivedAt": "2026-03-01T13:00:00Z"}])
    shop.run("2026-03-01 14:00:00")
    assert shop.rows(sessions) == [(datetime(2026, 3, 1, 10), datetime(2026, 3, 1, 10, 50), 3, 1)]


def test_the_catalogue_knows_better_than_what_was_seen(shop):
    start = datetime(2026, 3, 1, 10)
    shop.take(
        [
            event("Product Updated", "10:00", product_id="mug", name="Mug", price=7.25, inventory_quantity=3),
            event("Product Viewed", "11:00", product_id="mug", name="A mug", price=8, category="Kitchen"),
            event("Product Updated", "12:00", product_id="mug", inventory_quantity=0),
        ]
    )
    shop.run(start + timedelta(days=1))
    assert shop.rows("select product_id, name, price, category, stock from commerce.products") == [
        ("mug", "Mug", Decimal("7.2500"), "Kitchen", 0)
    ]
