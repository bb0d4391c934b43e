"""What is recommended to anybody, whatever happened: rules that hold for every shop."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.dbt.recommendation_sql import FED, Shelf, compile_recommendations

NOW = datetime(2026, 3, 2, 4)
LATER = NOW + timedelta(hours=6)
COUNT, JUST_BOUGHT_DAYS = 5, 90
PEOPLE, PRODUCTS = ["ann", "bob", "cyd"], ["tea", "pot", "cup", "mug", "can", "jar", "tin"]
ADDRESSES = {f"{person}-{number}": person for person in PEOPLE for number in (1, 2)}

products = st.sampled_from(PRODUCTS)
moments = st.integers(0, 400 * 24).map(lambda hours: NOW - timedelta(hours=hours))
orders = st.tuples(st.sampled_from([*ADDRESSES, None]), st.lists(products, min_size=1, max_size=5), moments)
visits = st.tuples(st.sampled_from([*ADDRESSES]), st.lists(products, min_size=1, max_size=6), moments)
stocks = st.fixed_dictionaries({product: st.sampled_from([None, 0, 3]) for product in PRODUCTS})


@dataclass(frozen=True)
class History:
    """What happened until the night, and what since: stock as of now, orders of the morning."""

    orders: list[tuple[str | None, list[str], datetime]]
    visits: list[tuple[str, list[str], datetime]]
    stock_at_night: dict[str, int | None]
    stock: dict[str, int | None]
    orders_since: list[tuple[str, str]]


histories = st.builds(
    History,
    st.lists(orders, max_size=30),
    st.lists(visits, max_size=15),
    stocks,
    stocks,
    st.lists(st.tuples(st.sampled_from([*ADDRESSES]), products), max_size=2),
)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory) -> Shelf:
    home = tmp_path_factory.mktemp("recommendations")
    return Shelf(compile_recommendations(home, recommendation_count=COUNT, just_bought_days=JUST_BOUGHT_DAYS))


def lists_after(shelf: Shelf, history: History, seed: int = 0) -> list[tuple]:
    """What `recommendations` shows in the morning, when the rows came in some order."""
    shuffled = random.Random(seed).sample
    bought = [
        (f"o{number}", who, product, at)
        for number, (who, basket, at) in enumerate(history.orders)
        for product in basket
    ]
    seen = [(f"v{number}", *visit) for number, visit in enumerate(history.visits)]
    views = [
        (f"{visit}-{place}", "Product Viewed", who, None, product, at + timedelta(minutes=place))
        for visit, who, pages, at in seen
        for place, product in enumerate(pages)
    ]
    sessions = [(visit, who, at, at + timedelta(minutes=len(pages)), True) for visit, who, pages, at in seen]
    shelf.empties()
    for table, rows in {
        "intermediate.int_order_items": bought,
        "intermediate.int_events": views,
        "intermediate.int_sessions": sessions,
        "intermediate.int_identifier_profiles": list(ADDRESSES.items()),
        "profiles.profile_identifiers": list(ADDRESSES.items()),
        "profiles.profiles": [(person, None) for person in PEOPLE],
        "commerce.products": [(product, None, stock) for product, stock in history.stock_at_night.items()],
    }.items():
        assert table in FED
        shelf.has(table, shuffled(rows, len(rows)))
    shelf.works_through_the_night(NOW)
    shelf.connection.execute("delete from commerce.products")
    shelf.has("commerce.products", [(product, None, stock) for product, stock in history.stock.items()])
    since = [(f"s{number}", *sale, LATER) for number, sale in enumerate(history.orders_since)]
    shelf.has("intermediate.int_order_items", since)
    return shelf.recommendations(LATER).order("profile_id, rank").fetchall()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(history=histories)
def test_never_sold_out_never_just_bought_never_twice_never_too_many(shelf, history):
    shown = lists_after(shelf, history)
    just_bought = {
        (ADDRESSES.get(who or ""), product)
        for who, basket, at in history.orders
        for product in basket
        if at > LATER - timedelta(days=JUST_BOUGHT_DAYS)
    } | {(ADDRESSES[who], product) for who, product in history.orders_since}
    assert not [row for row in shown if history.stock[row[2]] == 0]
    assert not [row for row in shown if (row[0], row[2]) in just_bought]
    assert max(Counter((row[0], row[2]) for row in shown).values(), default=1) == 1
    for person in PEOPLE:
        ranks = [row[1] for row in shown if row[0] == person]
        assert ranks == list(range(1, len(ranks) + 1))
        assert len(ranks) <= COUNT
    assert lists_after(shelf, history, seed=1) == shown


def test_a_list_says_because_of_what_and_popular_products_fill_it_up(shelf):
    together = [("bob-1", ["tea", "pot"]), ("cyd-1", ["tea", "pot"]), (None, ["jar"])]
    history = History(
        orders=[(who, basket, NOW - timedelta(days=10)) for who, basket in together]
        + [("ann-2", ["tea"], NOW - timedelta(days=100))],
        visits=[],
        stock_at_night=dict.fromkeys(PRODUCTS),
        stock=dict.fromkeys(PRODUCTS),
        orders_since=[],
    )
    shown = [(row[2], *row[4:]) for row in lists_after(shelf, history) if row[0] == "ann"]
    assert shown == [
        ("pot", "bought_together", "tea"),
        ("tea", "popular", None),
        ("jar", "popular", None),
    ]
