"""Markov and Shapley: against their definitions, and against what a published package converges to."""

from __future__ import annotations

import math
from itertools import combinations, pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_project.measurement.credits import credits_of, removal_effects, shapley
from dagster_project.measurement.paths import BadPathsError, Paths


def paths_of(*rows: tuple[str, float, float, float]) -> Paths:
    """Rows of (path as "a b c", orders, revenue, journeys without an order)."""
    names = ("path", "conversion_count", "revenue", "null_count")
    columns = zip(*((row[0].split(), *row[1:]) for row in rows), strict=True)
    return Paths.from_table(pa.table(dict(zip(names, map(list, columns), strict=True))))


journeys = st.lists(
    st.tuples(
        st.lists(st.sampled_from("abcd"), min_size=1, max_size=6).map(" ".join),
        st.integers(0, 5),
        st.integers(0, 99_999).map(lambda cents: cents / 100),
        st.integers(0, 5),
    ).map(lambda row: row if row[1] else (row[0], 0, 0.0, row[3])),
    min_size=1,
    max_size=12,
)


@given(journeys)
@settings(max_examples=150, deadline=None)
def test_credits_are_never_negative_and_add_up_to_orders_and_revenue_to_the_cent(rows):
    given_out = list(credits_of(paths_of(*rows)))
    for model in ("markov", "shapley"):
        ours = [credit for credit in given_out if credit.model == model]
        assert min(credit.conversions for credit in ours) >= -1e-9
        assert min(credit.cents for credit in ours) >= 0
        assert math.isclose(sum(credit.conversions for credit in ours), sum(row[1] for row in rows))
        assert sum(credit.cents for credit in ours) == round(sum(row[2] for row in rows) * 100)


def walked(rows, removed: str | None) -> float:
    """Orders of the chain by walking it: mass moves step by step until next to none is left."""
    total, moved = {}, {}
    for path, orders, _, nulls in rows:
        steps = ["start", *path.split(), "order"]
        for before, after in pairwise(steps):
            weight = orders if after == "order" else orders + nulls
            moved[before, after] = moved.get((before, after), 0) + weight
            total[before] = total.get(before, 0) + orders + nulls
    mass, arrived = {"start": sum(row[1] + row[3] for row in rows)}, 0.0
    for _ in range(5_000):
        ahead = {}
        for (before, after), weight in moved.items():
            if mass.get(before) and after != removed:
                ahead[after] = ahead.get(after, 0.0) + mass[before] * weight / total[before]
        arrived += ahead.pop("order", 0.0)
        mass = ahead
        if sum(mass.values()) < 1e-12:
            break
    return arrived


@given(journeys)
@settings(max_examples=40, deadline=None)
def test_a_removal_effect_is_the_share_of_orders_lost_when_the_chain_is_walked_without_the_channel(rows):
    paths = paths_of(*rows)
    everything = walked(rows, None)
    for name, effect in zip(paths.channels, removal_effects(paths, paths.conversions), strict=True):
        lost = 1 - walked(rows, name) / everything if everything else 0.0
        assert effect == pytest.approx(lost, abs=1e-6)


@given(journeys)
@settings(max_examples=40, deadline=None)
def test_the_shapley_value_is_that_of_all_coalitions(rows):
    paths = paths_of(*rows)
    names = paths.channels

    def worth(coalition) -> float:
        return sum(row[1] for row in rows if set(row[0].split()) <= set(coalition))

    for name, value in zip(names, shapley(paths, paths.conversions), strict=True):
        others = [other for other in names if other != name]
        expected = sum(
            (worth((*coalition, name)) - worth(coalition)) / math.comb(len(others), size) / len(names)
            for size in range(len(names))
            for coalition in combinations(others, size)
        )
        assert value == pytest.approx(expected, abs=1e-9)


def test_loops_single_channels_and_journeys_without_an_order_are_no_exception():
    alone = paths_of(("a", 2, 10.0, 3))
    assert removal_effects(alone, alone.conversions) == [1.0]
    looped = paths_of(("a a a b", 1, 1.0, 1), ("b", 1, 1.0, 0))
    plain = paths_of(("a b", 1, 1.0, 1), ("b", 1, 1.0, 0))
    assert removal_effects(looped, looped.conversions) == pytest.approx(
        removal_effects(plain, plain.conversions)
    )
    nothing = paths_of(("a b", 0, 0.0, 7))
    assert {(credit.conversions, credit.cents) for credit in credits_of(nothing)} == {(0.0, 0)}


def test_nobody_gets_credit_where_nobody_was_touched():
    empty = pa.table(
        {
            "path": pa.array([], pa.list_(pa.string())),
            "conversion_count": pa.array([], pa.int64()),
            "revenue": pa.array([], pa.float64()),
            "null_count": pa.array([], pa.int64()),
        }
    )
    assert list(credits_of(Paths.from_table(empty))) == []


@pytest.mark.parametrize("row", [("", 1, 1.0, 0), ("a", -1, 1.0, 0), ("a", 1, math.nan, 0)])
def test_unusable_paths_are_named(row):
    with pytest.raises(BadPathsError, match="path 0"):
        Paths.from_table(
            pa.table(
                {
                    "path": pa.array([row[0].split()], pa.list_(pa.string())),
                    "conversion_count": [row[1]],
                    "revenue": [row[2]],
                    "null_count": [row[3]],
                }
            )
        )
