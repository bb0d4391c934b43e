"""Who is in a segment, since when, and who was in it then."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest

from tests.dbt.conftest import CORE

HISTORY = [
    *(f"{path},config.materialized:incremental" for path in CORE),
    "int_profiles_changed",
    "path:models/marts/segments",
]
SEGMENTS = [
    "bought_from_category",
    "engaged_30_days",
    "high_churn_risk",
    "lapsed_90_days",
    "newsletter",
    "reachable_by_email",
    "reachable_by_push",
    "reachable_by_sms",
    "vip",
]


def record(event_id: str, at: str | datetime, event: str, user: str = "ann", **properties) -> dict:
    moment = at if isinstance(at, str) else f"{at:%Y-%m-%dT%H:%M:%SZ}"
    return {
        "messageId": event_id,
        "timestamp": moment,
        "event": event,
        "userId": user,
        "properties": properties,
    }


def order(event_id: str, at: str | datetime, value: float, user: str = "ann", category: str = "Tea") -> dict:
    products = [{"product_id": "p1", "name": "Thing", "category": category, "quantity": 1, "price": value}]
    return record(event_id, at, "Order Completed", user, order_id=event_id, revenue=value, products=products)


def stays(shop, segment: str) -> list[tuple]:
    return shop.rows(f"""
        select profiles.user_id, memberships.entered_at::varchar, memberships.exited_at::varchar
        from segments.segment_memberships as memberships
        inner join profiles.profiles using (profile_id)
        where segment = '{segment}' order by all""")


def tick(shop, at: str, **variables) -> None:
    """A run of a project that has not changed."""
    shop.run(at, [*HISTORY, "int_events_new", "int_identifiers_touched"], is_tick=True, **variables)


def counts(shop, segment: str, since: str) -> list[tuple]:
    return shop.rows(f"""
        select date::varchar, member_count, entered_count, exited_count
        from segments.segment_counts
        where segment = '{segment}' and date >= '{since}' order by date""")


def test_a_customer_who_lapses_comes_back_and_lapses_again_has_two_stays(built_shop):
    shop = built_shop
    shop.take([order("o1", "2026-01-01T10:00:00Z", 20)])
    shop.run("2026-02-01", HISTORY)
    shop.run("2026-04-02", HISTORY)
    shop.take([order("o2", "2026-04-03T10:00:00Z", 20)])
    shop.run("2026-04-04", HISTORY)
    shop.run("2026-07-10", HISTORY)
    assert stays(shop, "lapsed_90_days") == [
        ("ann", "2026-04-02 00:00:00", "2026-04-04 00:00:00"),
        ("ann", "2026-07-10 00:00:00", None),
    ]


def test_an_event_changes_the_membership_in_the_next_run_of_the_same_day(built_shop):
    shop = built_shop
    shop.take([record("e1", "2026-03-01T10:00:00Z", "Page Viewed")])
    shop.run("2026-03-01 10:01", HISTORY)
    shop.take([order("o1", "2026-03-01T10:02:00Z", 600)])
    tick(shop, "2026-03-01 10:03")
    shop.take([record("e2", "2026-03-01T10:04:00Z", "Subscribed", channel="email", source="form")])
    tick(shop, "2026-03-01 10:05")
    assert stays(shop, "vip") == [("ann", "2026-03-01 10:03:00", None)]
    assert stays(shop, "newsletter") == [("ann", "2026-03-01 10:05:00", None)]


def test_whom_a_night_finds_likely_to_leave_is_a_member_with_the_next_run_of_the_same_day(built_shop):
    shop = built_shop
    shop.take([order("o1", "2026-03-01T10:00:00Z", 20)])
    shop.run("2026-03-02 04:00", HISTORY)
    shop.warehouse.execute("""
        insert into raw_predictions.scores (profile_id, churn_probability, scored_at)
        select profile_id, 0.99, timestamp '2026-03-02 05:15' from profiles.profiles""")
    tick(shop, "2026-03-02 06:00")
    assert stays(shop, "high_churn_risk") == [("ann", "2026-03-02 06:00:00", None)]


def test_who_is_listed_twice_is_one_member_and_a_guest_is_none(built_shop):
    shop = built_shop
    shop.take([order("o1", "2026-03-01T10:00:00Z", 600), order("o2", "2026-03-01T10:30:00Z", 600)])
    shop.run("2026-03-01 11:00", HISTORY)
    shop.warehouse.execute("""
        create or replace view segments.segment_vip as
        select profile_id from commerce.orders union all select null;
        drop table segments.segment_memberships""")
    for moment in ("2026-03-01 12:00", "2026-03-02 12:00"):
        shop.run(moment, [*HISTORY[:-1], "segment_memberships"])
        assert stays(shop, "vip") == [("ann", "2026-03-01 12:00:00", None)]
        assert shop.rows("select * from segments.segment_memberships where profile_id is null") == []


def test_a_mail_server_that_opens_every_mail_makes_nobody_engaged(built_shop):
    shop = built_shop
    shop.take(
        [
            record("e1", "2026-03-01T10:00:00Z", "Email Opened", "ann", message_id="m1", is_machine=True),
            record(
                "e2", "2026-03-01T10:00:00Z", "Email Link Clicked", "ann", message_id="m1", is_machine=True
            ),
            record("e3", "2026-03-01T10:00:00Z", "Email Opened", "bob", message_id="m2", is_machine=False),
            record("e4", "2026-03-01T10:00:00Z", "Email Link Clicked", "eve", message_id="m3"),
        ]
    )
    shop.run("2026-03-01 11:00", HISTORY)
    assert [who for who, *_ in stays(shop, "engaged_30_days")] == ["bob", "eve"]


def test_an_order_that_the_prediction_did_not_know_takes_its_customer_out_of_the_risk(built_shop):
    shop = built_shop
    shop.take([order("o1", "2026-03-01T10:00:00Z", 20)])
    shop.run("2026-03-02 04:00", HISTORY)
    shop.warehouse.execute("""
        insert into raw_predictions.scores (profile_id, churn_probability, scored_at)
        select profile_id, 0.99, timestamp '2026-03-02 04:00' from profiles.profiles""")
    tick(shop, "2026-03-02 06:00")
    shop.take([order("o2", "2026-03-02T06:30:00Z", 20)])
    tick(shop, "2026-03-02 07:00")
    assert stays(shop, "high_churn_risk") == [("ann", "2026-03-02 06:00:00", "2026-03-02 07:00:00")]


def test_two_profiles_that_turn_out_to_be_one_person_keep_the_longer_stay(built_shop):
    shop = built_shop
    shop.take(
        [order("o1", "2026-03-01T10:00:00Z", 600, "ann"), order("o2", "2026-03-02T10:00:00Z", 700, "anna")]
    )
    shop.run("2026-03-01 12:00", HISTORY)
    shop.run("2026-03-02 12:00", HISTORY)
    same = {"type": "identify", "traits": {"email": "ann@x.example"}}
    shop.take(
        [
            {"messageId": f"i{user}", "timestamp": "2026-03-03T10:00:00Z", "userId": user, **same}
            for user in ("ann", "anna")
        ]
    )
    shop.run("2026-03-03 12:00", HISTORY, user_ids_per_profile_limit=2)
    shop.run("2026-03-04 12:00", HISTORY)
    assert shop.rows("""
        select count(distinct profile_id), min(entered_at)::varchar, count(*) filter (where exited_at is null)
        from segments.segment_memberships where segment = 'vip'""") == [(1, "2026-03-01 12:00:00", 1)]


WITHOUT_VIP = [f"segment_{name}" for name in SEGMENTS if name != "vip"]


def test_a_new_segment_has_its_members_at_the_next_run_of_the_same_day(built_shop):
    shop = built_shop
    shop.take([order("o1", "2026-03-01T10:00:00Z", 600)])
    shop.run("2026-03-01 11:00", HISTORY, segments=WITHOUT_VIP)
    shop.run("2026-03-01 23:00", HISTORY)
    assert stays(shop, "vip") == [("ann", "2026-03-01 23:00:00", None)]


def test_an_edited_threshold_moves_people_at_the_next_run_of_the_same_day(built_shop):
    shop = built_shop
    shop.take([order("o1", "2026-03-01T10:00:00Z", 600), order("o2", "2026-03-01T10:00:00Z", 60, "bob")])
    shop.run("2026-03-01 11:00", [*HISTORY, "segment_vip"])
    edited = {"vip_minimum_revenue": 50}
    shop.run("2026-03-01 12:00", [*HISTORY, "segment_vip"], **edited)
    tick(shop, "2026-03-01 13:00", **edited)
    shop.run("2026-03-01 14:00", [*HISTORY, "segment_vip"])
    assert stays(shop, "vip") == [
        ("ann", "2026-03-01 11:00:00", None),
        ("bob", "2026-03-01 12:00:00", "2026-03-01 14:00:00"),
    ]


def test_a_tick_compares_only_whom_something_happened_to(built_shop):
    shop = built_shop
    shop.take([order("o1", "2026-03-01T10:00:00Z", 600), order("o2", "2026-03-01T10:00:00Z", 600, "bob")])
    shop.run("2026-03-01 11:00", HISTORY)
    shop.take([order("o3", "2026-03-01T11:30:00Z", 20, "bob")])
    tick(shop, "2026-03-01 12:00")
    assert shop.rows("""
        select profiles.user_id from intermediate.int_profiles_changed
        inner join profiles.profiles using (profile_id)""") == [("bob",)]


def test_stays_and_counts_outlive_a_rebuild_of_everything(built_shop):
    shop = built_shop
    shop.take([order("o1", "2026-03-01T10:00:00Z", 600)])
    shop.run("2026-03-01 11:00", HISTORY)
    shop.project.build(datetime(2026, 3, 3, 11), HISTORY, full_refresh=True)
    assert stays(shop, "vip") == [("ann", "2026-03-01 11:00:00", None)]
    assert counts(shop, "vip", "2026-03-01")[0] == ("2026-03-01", 1, 1, 0)


def test_the_stays_of_a_segment_that_is_deleted_end(built_shop):
    shop = built_shop
    shop.take([order("o1", "2026-03-01T10:00:00Z", 600)])
    shop.run("2026-03-01 11:00", HISTORY)
    shop.run("2026-03-01 23:00", HISTORY, segments=WITHOUT_VIP)
    assert stays(shop, "vip") == [("ann", "2026-03-01 11:00:00", "2026-03-01 23:00:00")]


def test_a_segment_that_comes_back_begins_new_stays(built_shop):
    shop = built_shop
    shop.take([order("o1", "2026-03-01T10:00:00Z", 600)])
    shop.run("2026-03-01 11:00", HISTORY)
    shop.run("2026-03-02 11:00", HISTORY, segments=WITHOUT_VIP)
    shop.run("2026-03-03 11:00", HISTORY, segments=WITHOUT_VIP)
    shop.run("2026-03-05 11:00", HISTORY)
    assert stays(shop, "vip") == [
        ("ann", "2026-03-01 11:00:00", "2026-03-02 11:00:00"),
        ("ann", "2026-03-05 11:00:00", None),
    ]
    assert counts(shop, "vip", "2026-03-01") == [
        ("2026-03-01", 1, 1, 0),
        ("2026-03-02", 0, 0, 1),
        ("2026-03-05", 1, 1, 0),
    ]


def test_a_segment_that_empties_goes_on_being_counted_with_nobody(built_shop):
    shop = built_shop
    shop.take([order("o1", "2026-01-01T10:00:00Z", 20)])
    shop.run("2026-04-02", HISTORY)
    shop.take([order("o2", "2026-04-03T10:00:00Z", 20)])
    shop.run("2026-04-04", HISTORY)
    tick(shop, "2026-04-06 09:00")
    tick(shop, "2026-04-06 10:00")
    assert counts(shop, "lapsed_90_days", "2026-04-02") == [
        ("2026-04-02", 1, 1, 0),
        ("2026-04-03", 1, 0, 0),
        ("2026-04-04", 0, 0, 1),
        ("2026-04-05", 0, 0, 0),
        ("2026-04-06", 0, 0, 0),
    ]


def test_a_segment_that_nobody_ever_was_in_is_counted_from_its_first_day_on(built_shop):
    shop = built_shop
    shop.take([order("o1", "2026-03-01T10:00:00Z", 20)])
    shop.run("2026-03-01 11:00", HISTORY, segments=WITHOUT_VIP)
    shop.run("2026-03-03 11:00", HISTORY)
    tick(shop, "2026-03-05 11:00")
    days = ["2026-03-03", "2026-03-04", "2026-03-05"]
    assert counts(shop, "vip", "2026-02-01") == [(day, 0, 0, 0) for day in days]


def test_a_day_that_a_dead_run_left_uncounted_is_counted_by_the_next_one(built_shop):
    shop = built_shop
    shop.take([order("o1", "2026-03-01T10:00:00Z", 600)])
    shop.run("2026-03-01 11:00", HISTORY, segments=WITHOUT_VIP)
    shop.run("2026-03-02 11:00", [*HISTORY[:-1], "segment_memberships"])
    shop.run("2026-03-04 11:00", HISTORY)
    assert counts(shop, "vip", "2026-02-01") == [
        ("2026-03-02", 1, 1, 0),
        ("2026-03-03", 1, 0, 0),
        ("2026-03-04", 1, 0, 0),
    ]


def test_a_closed_day_is_never_counted_again(built_shop):
    shop = built_shop
    shop.take([order("o1", "2026-03-01T10:00:00Z", 600, "ann")])
    shop.run("2026-03-01 11:00", HISTORY)
    shop.take([order("o2", "2026-03-01T12:00:00Z", 600, "bob")])
    shop.run("2026-03-03 11:00", HISTORY)
    shop.warehouse.execute("update segments.segment_counts set member_count = -1 where date < '2026-03-03'")
    shop.take([order("o3", "2026-03-04T10:00:00Z", 600, "cyd")])
    shop.run("2026-03-04 11:00", HISTORY)
    assert counts(shop, "vip", "2026-03-01") == [
        ("2026-03-01", -1, 1, 0),
        ("2026-03-02", -1, 0, 0),
        ("2026-03-03", 2, 1, 0),
        ("2026-03-04", 3, 1, 0),
    ]


@pytest.mark.parametrize("seed", range(2))
def test_after_the_first_run_of_a_day_the_open_stays_are_the_members_and_the_past_stays_as_it_was(
    built_shop, seed
):
    shop = built_shop
    chance = random.Random(seed)
    moment, past = datetime(2026, 1, 1), set()
    for run in range(6):
        moment += timedelta(hours=chance.choice([24, 30, 24 * 45]))
        shop.take(
            [something(chance, f"{seed}-{run}-{number}", moment) for number in range(chance.randrange(5, 40))]
        )
        shop.run(moment, HISTORY)
        opened = shop.rows(
            "select segment, profile_id from segments.segment_memberships where exited_at is null"
        )
        members = [
            (segment, *row)
            for segment in SEGMENTS
            for row in shop.rows(f"select profile_id from segments.segment_{segment}")
        ]
        assert sorted(opened) == sorted(members)
        ended = set(
            shop.rows("""
            select membership_id, profile_id, segment, entered_at, exited_at
            from segments.segment_memberships where exited_at is not null""")
        )
        assert past <= ended
        past = ended


def something(chance: random.Random, event_id: str, moment: datetime) -> dict:
    """A random deed of a random person under a random name, shortly before `moment`."""
    at, user = moment - timedelta(minutes=chance.randrange(1, 50)), f"u{chance.randrange(8)}"
    match chance.randrange(6):
        case 0 | 1:
            return order(event_id, at, chance.choice([20, 300, 600]), user, chance.choice(["Coffee", "Tea"]))
        case 2:
            traits = {"email": f"{chance.randrange(9)}@x.example", "phone": f"+49 170 {chance.randrange(20)}"}
            return {
                "messageId": event_id,
                "timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}",
                "userId": user,
                "type": "identify",
                "traits": traits,
            }
        case 3:
            return record(event_id, at, "Email Opened", user, message_id=f"m{event_id}")
        case 4:
            return record(
                event_id,
                at,
                chance.choice(["Subscribed", "Unsubscribed"]),
                user,
                channel=chance.choice(["email", "sms", "push"]),
                source="form",
            )
        case _:
            return record(event_id, at, "Email Bounced", user, message_id=f"m{event_id}", bounce_type="hard")
