"""Scores reach the profiles: all of them, once, and for nothing where there are no new ones."""

from __future__ import annotations

from datetime import date, datetime

import pyarrow as pa
import pytest

MORNING = datetime(2026, 3, 2, 9)
NIGHT = datetime(2026, 3, 3, 5)


def order(user: str, at: datetime, number: int) -> dict:
    return {
        "messageId": f"{user}-{number}",
        "event": "Order Completed",
        "timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "receivedAt": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "userId": user,
        "properties": {"order_id": f"{user}-{number}", "total": 20.0},
    }


def merge(one: str, email: str, at: datetime) -> dict:
    return {
        "messageId": f"identify-{one}-{email}",
        "type": "identify",
        "timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "receivedAt": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "userId": one,
        "traits": {"email": email},
    }


def score(shop, at: datetime, churn: dict[str, float | None]) -> None:
    """What a night writes: everybody anew."""
    ids = dict(shop.rows("select user_id, profile_id from profiles.profiles"))
    rows = [
        {
            "profile_id": ids.get(user, user),
            "churn_probability": probability,
            "expected_revenue_90_days": None if probability is None else 100 * (1 - probability),
            "days_to_next_order": None if probability is None else 10.0,
            "scored_at": at,
        }
        for user, probability in churn.items()
    ]
    shop.warehouse.execute("delete from raw_predictions.scores")
    shop.warehouse.load("raw_predictions.scores", pa.Table.from_pylist(rows))


def seen(shop) -> list[tuple]:
    return shop.rows("""
        select user_id, churn_probability, cast(expected_revenue_90_days as double), expected_order_date, scored_at
        from profiles.profiles order by user_id""")


@pytest.fixture
def scored_shop(shop):
    shop.take([order(user, MORNING, 1) for user in ("ann", "bob", "cid")])
    shop.run("2026-03-02T10:00")
    score(shop, NIGHT, {"ann": 0.25, "bob": 0.5})
    shop.run("2026-03-03T06:00", ["profiles"])
    return shop


def test_scores_of_a_night_arrive_for_people_whom_nothing_happened_to(scored_shop):
    assert seen(scored_shop) == [
        ("ann", 0.25, 75.0, date(2026, 3, 13), NIGHT),
        ("bob", 0.5, 50.0, date(2026, 3, 13), NIGHT),
        ("cid", None, None, None, None),
    ]


def test_increments_and_a_full_rebuild_agree_about_predictions(scored_shop):
    """Bob orders, cid is scored for the first time, ann is no customer any more, dan is new."""
    later = datetime(2026, 3, 4, 5)
    score(scored_shop, later, {"ann": None, "bob": 0.1, "cid": 0.9})
    scored_shop.take([order("bob", datetime(2026, 3, 4, 6), 2), order("dan", datetime(2026, 3, 4, 6), 1)])
    scored_shop.run("2026-03-04T07:00")
    by_increments = seen(scored_shop)
    assert [row[:2] + row[4:] for row in by_increments] == [
        ("ann", None, later),
        ("bob", 0.1, later),
        ("cid", 0.9, later),
        ("dan", None, None),
    ]
    scored_shop.project.build(datetime(2026, 3, 4, 7), ["profiles"], full_refresh=True)
    assert seen(scored_shop) == by_increments


def test_who_was_merged_in_the_same_run_as_the_scores_arrive_is_one_person(scored_shop):
    score(scored_shop, datetime(2026, 3, 4, 5), {"ann": 0.3, "bob": 0.6, "cid": 0.9})
    at = datetime(2026, 3, 4, 6)
    scored_shop.take([merge("ann", "a@x.example", at), merge("cid", "a@x.example", at)])
    scored_shop.run("2026-03-04T07:00", user_ids_per_profile_limit=9)
    assert len(seen(scored_shop)) == 2
    assert scored_shop.rows("select count(*), count(distinct profile_id) from profiles.profiles") == [(2, 2)]


def test_a_run_without_new_scores_writes_no_profile_again(scored_shop):
    before = scored_shop.rows("select rowid, profile_id from profiles.profiles order by 1")
    scored_shop.run("2026-03-03T08:00", ["profiles"])
    assert scored_shop.rows("select rowid, profile_id from profiles.profiles order by 1") == before
