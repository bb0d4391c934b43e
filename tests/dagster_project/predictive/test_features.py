"""What a model learns from was known at the time: nothing that happens later changes it."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_project.predictive import features
from dagster_project.predictive.features import FEATURES, customers_at, leaking_features
from tests.dagster_project.predictive.shops import OPENED, Shelf, orders

CUTOFF = OPENED + timedelta(days=100)
MOMENTS = st.floats(0, 200, exclude_max=True).map(lambda days: OPENED + timedelta(days=days))
ORDERS = st.lists(
    st.tuples(
        st.sampled_from(["ann", "bob", "cid"]),
        MOMENTS,
        st.integers(0, 200).map(float),
        st.none() | st.floats(0, 60).map(lambda days: timedelta(days=days)),
    ),
    max_size=12,
).map(
    lambda rows: [(who, at, money, None if after is None else at + after) for who, at, money, after in rows]
)


def known(rows):
    return customers_at(Shelf(orders(rows)), [CUTOFF], 90).select("profile_id", *FEATURES)


@settings(max_examples=60, deadline=None)
@given(ORDERS)
def test_features_as_of_a_moment_do_not_change_when_later_events_are_added(rows):
    then = [
        (who, at, money, cancelled if cancelled and cancelled < CUTOFF else None)
        for who, at, money, cancelled in rows
        if at < CUTOFF
    ]
    assert known(rows).equals(known(then))
    assert leaking_features(Shelf(orders(rows)), CUTOFF) == []


def test_a_feature_that_knows_the_future_is_named(monkeypatch, tmp_path):
    honest = features.QUERY.read_text()
    leaky = honest.replace(
        "max(case when place_from_last = 1 then revenue end) as last_value",
        "(select max(o.revenue) from {orders} as o where o.profile_id = spaced.profile_id) as last_value",
    )
    assert leaky != honest
    (tmp_path / "features.sql").write_text(leaky)
    shelf = Shelf(orders([("ann", CUTOFF - timedelta(days=3), 10.0, None), ("ann", CUTOFF, 99.0, None)]))
    assert leaking_features(shelf, CUTOFF) == []
    monkeypatch.setattr(features, "QUERY", tmp_path / "features.sql")
    assert leaking_features(shelf, CUTOFF) == ["last_value"]


def test_a_customer_as_the_models_see_him():
    day = timedelta(days=1)
    rows = [
        ("ann", CUTOFF - 60 * day, 30.0, None),
        ("ann", CUTOFF - 60 * day + timedelta(hours=2), 10.0, None),
        ("ann", CUTOFF - 20 * day, 20.0, None),
        ("ann", CUTOFF - 5 * day, 999.0, CUTOFF - 4 * day),
        ("ann", CUTOFF + 7 * day, 50.0, None),
        ("bob", CUTOFF + 1 * day, 50.0, None),
    ]
    (ann,) = customers_at(Shelf(orders(rows)), [CUTOFF], 90).to_dicts()
    assert (ann["purchases"], ann["recency_days"], ann["age_days"], ann["silent_days"]) == (2, 40, 59, 19)
    assert (ann["revenue"], ann["mean_value"], ann["mean_repeat_value"], ann["last_value"]) == (
        60,
        30,
        20,
        20,
    )
    assert (ann["purchases_30_days"], ann["purchases_90_days"], ann["mean_gap"]) == (1, 2, 40)
    assert (ann["next_purchases"], ann["next_revenue"]) == (1, 50)
    assert ann["next_ordered_at"] == CUTOFF + 7 * day


@pytest.mark.parametrize("moments", [[CUTOFF], [CUTOFF, datetime(2025, 3, 1)]])
def test_a_shop_without_orders_has_no_customers(moments):
    assert customers_at(Shelf(orders([])), moments, 90).is_empty()
