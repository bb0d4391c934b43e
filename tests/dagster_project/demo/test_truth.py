"""The true effect of a flow, counted by hand."""

from __future__ import annotations

from datetime import datetime, timedelta

from dagster_project.demo.shop import PlacedOrder
from dagster_project.demo.truth import Entry, true_effects

MONDAY = datetime(2026, 10, 5, 12)
CART = "cart_recovery"


def day(number):
    return MONDAY + timedelta(days=number)


def entered(user_id, *, held_out=False, at=MONDAY):
    return Entry(CART, user_id, at, timedelta(days=5), held_out)


def test_what_a_flow_caused_is_what_would_not_have_happened_without_it():
    orders = [
        PlacedOrder("ann", "1", day(1), CART),  # only because of the flow
        PlacedOrder("bob", "2", day(2), None),  # of his own accord
        PlacedOrder("cleo", "3", day(1), CART),  # early because of the flow …
        PlacedOrder("cleo", "3", day(3), None, displaced_by=CART),  # … of what she would have ordered anyway
        PlacedOrder("dan", "4", day(1), "welcome"),  # because of another flow
        PlacedOrder("eve", "5", day(6), CART),  # too late for the goal
    ]
    people = ["ann", "bob", "cleo", "dan", "eve"]
    (truth,) = true_effects(orders, [entered(person) for person in people])
    assert (truth.treated, truth.converted_with, truth.converted_without) == (5, 4, 3)
    assert truth.lift == 1 / 5


def test_hold_outs_do_not_count():
    orders = [PlacedOrder("ann", "1", day(1), CART)]
    entries = [entered("ann"), entered("bob", held_out=True)]
    (truth,) = true_effects(orders, entries)
    assert (truth.treated, truth.lift) == (1, 1.0)


def test_an_order_that_another_flow_displaced_stays_displaced():
    orders = [
        PlacedOrder("ann", "1", day(1), "welcome"),
        PlacedOrder("ann", "1", day(2), CART, displaced_by="welcome"),
    ]
    (truth,) = true_effects(orders, [entered("ann")])
    assert (truth.converted_with, truth.converted_without) == (1, 1)
