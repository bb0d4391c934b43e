"""Send times: hours add up, shrinkage lies between, old evidence fades, the hold-out decides."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dbt.send_times import Nights, compile_send_times

NOW = datetime(2026, 3, 2)
ORDERS = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.integers(1, 360), st.integers(0, 23)), min_size=1, max_size=40
)
EVALUATED = "select profile_count, is_better from predictions.send_time_evaluations"


@pytest.fixture(scope="module")
def sql(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return compile_send_times(tmp_path_factory.mktemp("send_times"))


def shop_of(sql: dict[str, str], orders: list[tuple[str, int, int]]) -> Nights:
    """Orders as (person, days ago, hour), and one night."""
    shop = Nights(sql)
    people, days, hours = zip(*orders, strict=True)
    moments = [
        NOW - timedelta(days=ago) + timedelta(hours=hour) for ago, hour in zip(days, hours, strict=True)
    ]
    shop.has("intermediate.int_orders", pa.table({"identifier_id": people, "ordered_at": moments}))
    shop.knows_everybody()
    shop.passes(NOW)
    return shop


def regular(people: int, *, own: bool) -> list[tuple[str, int, int]]:
    """People who order every twelve days; each at an hour of their own, or all of them at any."""
    dice = random.Random(5)
    return [
        (f"p{person}", ago, (person * 7) % 24 if own else dice.randrange(24))
        for person in range(people)
        for ago in range(2, 200, 12)
    ]


@given(ORDERS)
@settings(max_examples=10, deadline=None)
def test_shares_add_up_and_a_persons_lie_between_the_own_and_everybodys(sql, orders):
    shop = shop_of(sql, orders)
    for total, least in shop.connection.sql(
        "select sum(share), min(share) from intermediate.int_population_hours group by split"
    ).fetchall():
        assert total == pytest.approx(1)
        assert least > 0
    between = """
        with people as (
            select profile_id, sum(evidence) as n from intermediate.int_profile_hours
            where split = 'all' group by 1
        )
        select profile_id, sum(shrunk), bool_and(shrunk between least(own, share) - 1e-9 and greatest(own, share) + 1e-9)
        from (
            select people.profile_id, share, coalesce(evidence, 0) / n as own,
                (coalesce(evidence, 0) + prior_weight * share) / (n + prior_weight) as shrunk
            from people cross join intermediate.int_population_hours as everybody
            left join intermediate.int_profile_hours as hours
                on hours.profile_id = people.profile_id and hours.split = 'all'
                and hours.local_hour = everybody.local_hour
            where everybody.split = 'all'
        ) group by 1"""
    for _, total, is_between in shop.connection.sql(between).fetchall():
        assert total == pytest.approx(1)
        assert is_between
    confidence = (
        "select min(confidence), max(confidence), min(best_hour), max(best_hour) from predictions.send_times"
    )
    least, most, first, last = shop.connection.sql(confidence).fetchall()[0]
    assert 0 <= least <= most < 1
    assert 0 <= first <= last <= 23


def test_people_who_keep_to_hours_of_their_own_get_them(sql):
    shop = shop_of(sql, regular(60, own=True))
    assert shop.row(EVALUATED) == {"profile_count": 60, "is_better": True}
    wrong = "select count(*) as n from predictions.send_times where best_hour <> (cast(substr(profile_id, 2) as int) * 7) % 24"
    assert shop.row(wrong) == {"n": 0}


def test_where_hours_are_chance_everybody_has_the_same(sql):
    shop = shop_of(sql, regular(60, own=False))
    assert shop.row(EVALUATED) == {"profile_count": 60, "is_better": False}
    assert shop.row(
        "select count(distinct best_hour) as n, max(confidence) as own from predictions.send_times"
    ) == {
        "n": 1,
        "own": 0.0,
    }


def test_a_shop_of_which_nothing_is_known_has_the_fallback_hour_first(sql):
    shop = Nights(sql)
    shop.passes(NOW)
    assert shop.row(
        "select count(*) as n, min(share) as least, max(share) as most from predictions.send_hours"
    ) == {
        "n": 24,
        "least": 1 / 24,
        "most": 1 / 24,
    }
    assert shop.row(EVALUATED) == {"profile_count": 0, "is_better": False}


def test_a_new_habit_outweighs_an_old_one(sql):
    """Four orders in the mornings of last spring weigh less than two this month."""
    shop = shop_of(sql, [("a", ago, 7) for ago in (350, 340, 330, 320)] + [("a", 5, 21), ("a", 12, 21)])
    hours = shop.connection.sql(
        "select local_hour from intermediate.int_profile_hours where split = 'all' order by evidence desc"
    ).fetchall()
    assert hours == [(21,), (7,)]
