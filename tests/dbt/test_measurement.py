"""What messages did: states, credits, cohorts, experiments."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from dagster_project.checks import decide, look
from dagster_project.measurement.lift import Group, measure_lift
from dagster_project.measurement.run import analyse_experiments, credit_paths
from dagster_project.reading import ask
from dagster_project.runs import ensure_run_tables
from dagster_project.settings import CHECKOUT
from tests.validate import attribution

ONLINE_RETAIL = CHECKOUT.parent / "shared" / "data" / "online_retail"
START = datetime(2026, 3, 1)
WINDOW = timedelta(days=7)
TABLES = [
    "int_events",
    "int_identifier_links",
    "int_identifier_profiles",
    "int_orders",
    "message_events",
    "sends",
    "attributed_orders",
]
MODELS = {"first_touch", "last_touch", "linear", "time_decay", "position"}
EMAIL_EVENTS = {
    "sent": "Email Sent",
    "delivered": "Email Delivered",
    "opened": "Email Opened",
    "clicked": "Email Link Clicked",
    "bounced": "Email Bounced",
    "complained": "Email Marked as Spam",
    "skipped": "Message Skipped",
    "unsubscribed": "Unsubscribed",
}


def record(event_id: str, at: datetime, event: str, user: str, **properties) -> dict:
    return {
        "messageId": event_id,
        "timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "event": event,
        "userId": user,
        "properties": properties,
    }


def message_event(event: str, hour: int, message: str = "m1", user: str = "ann", **properties) -> dict:
    return record(
        f"{message}-{event}-{hour}",
        START + timedelta(hours=hour),
        EMAIL_EVENTS[event],
        user,
        message_id=message,
        channel="email",
        **properties,
    )


def order(order_id: str, hour: int, value: float, user: str = "ann") -> dict:
    return record(
        order_id, START + timedelta(hours=hour), "Order Completed", user, order_id=order_id, revenue=value
    )


def credits_of(shop, model: str) -> list[tuple]:
    return shop.rows(f"""
        select order_id, message_id, credit, revenue
        from measurement.attributed_orders where model = '{model}' order by all""")


def test_a_message_is_described_by_all_that_happened_to_it_however_it_arrives(built_shop):
    shop = built_shop
    shop.take([message_event("opened", 3), message_event("clicked", 5)])
    shop.run(START + timedelta(hours=6), TABLES)
    shop.take(
        [message_event("sent", 1), message_event("delivered", 2), message_event("opened", 2, is_machine=True)]
    )
    shop.run(START + timedelta(hours=7), TABLES)
    shop.take([message_event("complained", 8), message_event("opened", 8)])
    shop.run(START + timedelta(hours=9), TABLES)
    hours = [START + timedelta(hours=hour) for hour in (1, 2, 3, 5, 8)]
    assert shop.rows("""
        select message_id, status, sent_at, delivered_at, opened_at, clicked_at, complained_at
        from sends.sends""") == [("m1", "complained", *hours)]


def test_the_status_is_the_worst_news(built_shop):
    stories = {
        "sent": ["sent"],
        "delivered": ["sent", "delivered", "opened"],
        "bounced": ["sent", "bounced"],
        "skipped": ["skipped"],
        "complained": ["sent", "delivered", "unsubscribed", "complained"],
    }
    built_shop.take(
        [
            message_event(event, hour, story)
            for story, events in stories.items()
            for hour, event in enumerate(events)
        ]
    )
    built_shop.run(START + timedelta(days=1), TABLES)
    assert built_shop.rows("select message_id, status from sends.sends order by 1") == [
        (story, story) for story in sorted(stories)
    ]


def test_an_order_is_credited_to_the_first_the_last_or_all_messages_that_touched_it(built_shop):
    shop = built_shop
    shop.take(
        [
            message_event("opened", 1, "m1"),
            message_event("clicked", 2, "m2"),
            message_event("opened", 3, "m3"),
            message_event("clicked", 30, "m1"),
            message_event("opened", 4, "robot", is_machine=True),
            message_event("opened", 49, "too_late"),
            order("o1", 48, 100.0),
        ]
    )
    shop.run(START + timedelta(days=3), TABLES)
    third = Decimal("0.333333")
    assert credits_of(shop, "first_touch") == [("o1", "m1", 1, 100)]
    assert credits_of(shop, "last_touch") == [("o1", "m1", 1, 100)]
    assert credits_of(shop, "linear") == [
        ("o1", "m1", third + Decimal("0.000001"), Decimal("33.34")),
        ("o1", "m2", third, Decimal("33.33")),
        ("o1", "m3", third, Decimal("33.33")),
    ]


def test_position_favours_both_ends_and_time_decay_what_is_fresh(built_shop):
    shop = built_shop
    shop.take(
        [
            *(message_event("opened", 24 * day, f"m{day}") for day in range(4)),
            order("o1", 24 * 4, 100.0),
            message_event("opened", 24 * 3, "twin_1", "bob"),
            message_event("opened", 24 * 4, "twin_2", "bob"),
            order("o2", 24 * 4, 0.01, "bob"),
        ]
    )
    shop.run(START + timedelta(days=5), TABLES, attribution_half_life_days=1)
    assert credits_of(shop, "position") == [
        ("o1", "m0", Decimal("0.4"), 40),
        ("o1", "m1", Decimal("0.1"), 10),
        ("o1", "m2", Decimal("0.1"), 10),
        ("o1", "m3", Decimal("0.4"), 40),
        ("o2", "twin_1", Decimal("0.5"), Decimal("0.01")),
        ("o2", "twin_2", Decimal("0.5"), 0),
    ]
    assert credits_of(shop, "time_decay")[:4] == [
        ("o1", f"m{day}", pytest.approx(Decimal(2**day) / 15, abs=Decimal("1e-6")), cents)
        for day, cents in enumerate(map(Decimal, ("6.67", "13.33", "26.67", "53.33")))
    ]


def test_a_touch_counts_for_the_attribution_window_and_no_longer(built_shop):
    shop = built_shop
    shop.take([message_event("opened", 0), order("within", 7 * 24 - 1, 5), order("after", 7 * 24, 5)])
    shop.run(START + timedelta(days=8), TABLES)
    assert [row[0] for row in credits_of(shop, "last_touch")] == ["within"]


def test_an_order_loses_its_credits_when_nothing_has_caused_it_after_all(built_shop):
    shop = built_shop
    together = {
        "messageId": "i",
        "type": "identify",
        "userId": "ann",
        "timestamp": f"{START:%Y-%m-%dT%H:%M:%SZ}",
    }
    shop.take(
        [
            together | {"traits": {"email": "ann@x.example"}},
            message_event("opened", 5, "m1"),
            order("earlier_after_all", 6, 10),
            order("somebody_elses", 7, 20)
            | {"userId": None, "context": {"traits": {"email": "ann@x.example"}}},
            order("still", 8, 30),
        ]
    )
    shop.run(START + timedelta(days=1), TABLES)
    assert [row[0] for row in credits_of(shop, "linear")] == ["earlier_after_all", "somebody_elses", "still"]
    late = order("earlier_after_all", 4, 10) | {"messageId": "late"}
    ((address, user),) = shop.rows("""
        select identifier_id, linked_identifier_id from intermediate.int_identifier_links
        where identifier_type = 'email' and identifier_id <> linked_identifier_id""")
    pair = {"identifier_id": address, "linked_identifier_id": user}
    apart = record("apart", START + timedelta(days=1), "Identifiers Unlinked", "desk", **pair)
    shop.take([late, apart])
    shop.run(START + timedelta(days=2), TABLES)
    assert [row[0] for row in credits_of(shop, "linear")] == ["still"]


def test_a_cancelled_order_counts_nowhere(built_shop):
    shop = built_shop
    shop.take([message_event("opened", 5, "m1"), order("kept", 6, 10), order("regretted", 7, 20)])
    shop.run(START + timedelta(days=1), TABLES)
    assert [row[0] for row in credits_of(shop, "linear")] == ["kept", "regretted"]
    shop.take([record("no", START + timedelta(days=1), "Order Cancelled", "ann", order_id="regretted")])
    shop.run(START + timedelta(days=2), TABLES)
    assert [row[0] for row in credits_of(shop, "linear")] == ["kept"]
    for table in ("cohorts", "monthly_revenue"):
        assert shop.rows(f"select order_count, revenue from measurement.{table}") == [(1, Decimal(10))]
    assert shop.rows("select order_id, refunded from commerce.orders order by all") == [
        ("kept", Decimal(0)),
        ("regretted", Decimal(20)),
    ]


class History:
    """Random orders and touches of people who have several names, and the credits that are right."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.people = {f"p{number}": [f"p{number}a", f"p{number}b"] for number in range(4)}
        self.records, self.orders, self.touches = [], [], []
        for number in range(40):
            self.add(number)
        self.records += [
            {
                "messageId": f"i-{user}",
                "type": "identify",
                "userId": user,
                "timestamp": f"{START:%Y-%m-%dT%H:%M:%SZ}",
                "traits": {"email": f"{person}@x.example"},
            }
            for person, users in self.people.items()
            for user in users
        ]
        self.chance.shuffle(self.records)

    def add(self, number: int) -> None:
        person = self.chance.choice(sorted(self.people))
        user, hour = self.chance.choice(self.people[person]), self.chance.randrange(24 * 12)
        if self.chance.random() < 0.4:
            value = self.chance.randrange(1, 99999) / 100
            self.orders.append((f"o{number}", person, START + timedelta(hours=hour), Decimal(str(value))))
            self.records.append(order(f"o{number}", hour, value, user))
        else:
            message, event = (
                f"m{self.chance.randrange(9)}-{person}",
                self.chance.choice(["opened", "clicked"]),
            )
            self.touches.append((message, person, START + timedelta(hours=hour)))
            self.records.append(
                message_event(event, hour, message, user, n=number) | {"messageId": f"t{number}"}
            )

    def touched_by(self, person: str, at: datetime) -> set[str]:
        return {
            message
            for message, toucher, moment in self.touches
            if toucher == person and at - WINDOW < moment <= at
        }


@pytest.mark.parametrize("seed", range(3))
def test_credits_add_up_to_the_order_and_never_come_after_it_whatever_the_batches(built_shop, seed):
    history, shop = History(seed), built_shop
    for number in range(3):
        shop.take(history.records[number::3])
        shop.run(START + timedelta(days=13 + number), TABLES, user_ids_per_profile_limit=2)
    credited = defaultdict(set)
    for order_id, model, messages, credit, revenue, latest in shop.rows("""
            select order_id, model, list(message_id), sum(credit), sum(revenue), max(touched_at)
            from measurement.attributed_orders group by all"""):
        credited[order_id].add(model)
        _, person, at, value = next(row for row in history.orders if row[0] == order_id)
        assert (credit, revenue) == (1, value)
        assert latest <= at
        assert set(messages) <= history.touched_by(person, at)
        assert model in {"first_touch", "last_touch"} or set(messages) == history.touched_by(person, at)
    assert credited == {
        order_id: MODELS for order_id, person, at, _ in history.orders if history.touched_by(person, at)
    }


def test_cohorts_and_months_of_a_real_shop_are_those_of_the_reference(built_shop):
    built_shop.warehouse.execute(f"""
        insert into intermediate.int_orders (order_id, identifier_id, ordered_at, revenue, refunded, is_refunded_whole)
        select invoice_no, customer_id, min(invoice_date), sum(quantity * unit_price), 0, false
        from '{ONLINE_RETAIL / "online_retail.parquet"}'
        where customer_id is not null and invoice_no not like 'C%' and quantity > 0 and unit_price > 0
        group by invoice_no, customer_id""")
    built_shop.warehouse.execute("""
        insert into intermediate.int_identifier_profiles (identifier_id, profile_id)
        select distinct identifier_id, identifier_id from intermediate.int_orders""")
    assert built_shop.rows("""
        select cohort_month::varchar, month_number, customer_count from measurement.cohorts
        order by all""") == reference("cohort_reference.csv", lambda row: (row[0], int(row[1]), int(row[2])))
    assert built_shop.rows("""
        select strftime(month, '%Y-%m'), order_count, customer_count, revenue from measurement.monthly_revenue
        order by all""") == reference(
        "monthly_reference.csv", lambda row: (row[0], int(row[1]), int(row[2]), Decimal(row[3]))
    )


FLOW = f"""
    insert into raw_flows.flows (flow, flow_version, kind, goal_signal, goal_within_seconds)
    values ('flow_x', 'v1', 'campaign', 'ordered', 86400);
    insert into raw_flows.flow_steps (flow, flow_version, step, position) values ('flow_x', 'v1', 'reminder', 1);
    insert into raw_flows.flow_arms (flow, flow_version, step, arm, variant)
    values ('flow_x', 'v1', 'reminder', 'plain', 'plain'), ('flow_x', 'v1', 'reminder', 'urgent', 'urgent');
    create temp table entries as
    select
        number, 'p' || number as profile_id, 'e' || number as entry_id, 'm' || number as message_id,
        number % 6 = 0 as held_out, number % 3 = 0 as buys, timestamp '{START}' + to_minutes(number) as moment,
        case number % 2 when 0 then 'plain' else 'urgent' end as variant,
    from range(60) as numbers (number);
    insert into intermediate.int_identifier_profiles (identifier_id, profile_id)
    select profile_id, profile_id from entries;
    insert into intermediate.int_flow_log (flow, flow_version, flow_kind, entry_id, profile_id, entered_at, held_out,
        kind, step, arm, variant, outcome, logged_at)
    select 'flow_x', 'v1', 'flow', entry_id, profile_id, moment, held_out, 'entered', null, null, null, null, moment from entries
    union all
    select 'flow_x', 'v1', 'flow', entry_id, profile_id, moment, held_out, 'decided', 'reminder', variant, variant,
        case when held_out then 'held_out' else 'message' end, moment
    from entries;
    insert into sends.sends (message_id, flow, step, entry_id, profile_id, channel, status, decided_at, sent_at,
        opened_at)
    select message_id, 'flow_x', 'reminder', entry_id, profile_id, 'email', 'sent', moment, moment,
        case variant when 'urgent' then moment end
    from entries where not held_out;
    insert into intermediate.int_event_signals (signal_id, identifier_id, signal, occurred_at)
    select entry_id, profile_id, 'ordered', moment + to_hours(1) from entries where buys;
    insert into measurement.attributed_orders (order_id, message_id, model, profile_id, ordered_at, credit, revenue)
    select entry_id, message_id, 'last_touch', profile_id, moment + to_hours(1), 1, 10
    from entries where buys and not held_out;
"""


@pytest.fixture
def flow_shop(built_shop):
    """Sixty entries of one flow: every sixth held out, every third buys for 10, every second has the urgent arm."""
    with built_shop.warehouse:
        for statement in FLOW.split(";\n"):
            if statement.strip():
                built_shop.warehouse.execute(statement)
    return built_shop


def test_flow_performance_counts_from_entry_to_revenue(flow_shop):
    assert flow_shop.rows("""
        select flow, step, date, entered_count, decided_count, held_out_count, sent_count, opened_count,
            converted_count, order_count, revenue, cost
        from measurement.flow_performance""") == [
        ("flow_x", "reminder", START.date(), 60, 60, 10, 50, 30, 10, 10, 100, Decimal("0.02"))
    ]
    assert flow_shop.rows("""
        select campaign, audience_count, sent_count, conversion_share, revenue, return_on_cost
        from measurement.campaign_performance""") == [("flow_x", 60, 50, 0.2, 100, 4999)]


def test_a_provider_may_charge_otherwise_than_its_channel(flow_shop):
    flow_shop.warehouse.execute(
        "update sends.sends set provider = case when opened_at is null then 'ses' end"
    )
    assert flow_shop.rows("select cost from measurement.flow_performance") == [(Decimal("0.014"),)]
    assert flow_shop.rows(
        "select flow, vendor_cost, round(cost_per_1000_sends) from measurement.flow_costs"
    ) == [("flow_x", Decimal("0.014"), 10)]


def test_performance_by_segment_goes_by_the_segments_at_the_time_of_sending(flow_shop):
    flow_shop.warehouse.execute(f"""
        insert into segments.segment_memberships (membership_id, profile_id, segment, entered_at, exited_at, seen_at)
        select 's' || number, 'p' || number, 'vip', timestamp '{START}', timestamp '{START}' + to_minutes(30), null
        from range(60) as numbers (number)""")
    assert flow_shop.rows("select segment, sent_count from measurement.flow_performance_by_segment") == [
        ("vip", 25)
    ]


def test_experiments_in_sql_have_the_lift_and_interval_of_the_library(flow_shop):
    rows = flow_shop.rows("""
        select experiment, metric, arm, participant_count, success_count, lift, lift_low, lift_high
        from measurement.experiment_totals
        where metric in ('converted', 'opened', 'clicked') order by all""")
    results = {row[:3]: row[3:] for row in rows}
    assert {key: value[:2] for key, value in results.items()} == {
        ("flow_x.hold_out", "converted", "held_out"): (10, 10),
        ("flow_x.hold_out", "converted", "treated"): (50, 10),
        ("flow_x.reminder", "clicked", "plain"): (20, 0),
        ("flow_x.reminder", "clicked", "urgent"): (30, 0),
        ("flow_x.reminder", "converted", "plain"): (20, 0),
        ("flow_x.reminder", "converted", "urgent"): (30, 10),
        ("flow_x.reminder", "opened", "plain"): (20, 0),
        ("flow_x.reminder", "opened", "urgent"): (30, 30),
    }
    for (experiment, metric, arm), (participants, successes, *interval) in results.items():
        if arm in {"treated", "urgent"}:
            baseline = results[experiment, metric, "held_out" if arm == "treated" else "plain"]
            expected = measure_lift(Group(participants, successes), Group(*baseline[:2]))
            assert interval == pytest.approx([expected.difference, expected.low, expected.high], abs=1e-6)


def test_all_models_share_out_the_same_revenue_and_stand_beside_what_the_hold_out_says(flow_shop):
    shop = flow_shop
    shop.warehouse.execute(
        "update sends.sends set channel = case when opened_at is null then 'sms' else 'email' end"
    )
    shop.warehouse.execute(f"""
        insert into measurement.attributed_orders
            (order_id, message_id, model, profile_id, ordered_at, touched_at, credit, revenue)
        select order_id, message_id, 'linear', profile_id, ordered_at, timestamp '{START}', credit, revenue
        from measurement.attributed_orders""")
    credit_paths(shop.warehouse, START)
    analyse_experiments(shop.warehouse, START)
    assert shop.rows("""
        select dimension, model, round(sum(order_count), 6), sum(revenue) from measurement.attribution
        group by all order by all""") == [
        (dimension, model, 10, 100)
        for dimension in ("channel", "flow")
        for model in ("last_touch", "linear", "markov", "shapley")
    ]
    assert shop.rows(
        "select path, conversion_count, null_count from measurement.attribution_paths where dimension = 'flow'"
    )
    (flow,) = shop.rows("""
        select caused_order_count, caused_order_count_low < caused_order_count, calibration,
            calibration_low < calibration and calibration < calibration_high, calibration_warning, sent_count
        from measurement.attribution where dimension = 'flow' and model = 'markov'""")
    few = "fewer than 100 participants"
    assert flow == (pytest.approx(50 * (0.2 - 1.0)), True, pytest.approx(-4), True, few, 50)


def test_an_arm_answers_for_the_bounces_that_come_instead_of_a_receipt(flow_shop):
    flow_shop.warehouse.execute(f"""
        update sends.sends set status = 'bounced', sent_at = null, opened_at = null, bounced_at = '{START}'
        where message_id in ('m1', 'm3', 'm2')""")
    assert flow_shop.rows("""
        select arm, participant_count, success_count from measurement.experiment_totals
        where experiment = 'flow_x.reminder' and metric = 'bounced' order by arm""") == [
        ("plain", 20, 1),
        ("urgent", 30, 2),
    ]


def test_bounces_hold_the_next_list_where_they_come_instead_of_a_receipt(built_shop):
    shop = built_shop
    shop.take(
        [
            *(message_event("sent", 1, f"sent-{number}") for number in range(40)),
            *(message_event("bounced", 1, f"refused-{number}") for number in range(20)),
            message_event("bounced", 2, "sent-0"),
        ]
    )
    shop.run(START + timedelta(hours=3), [*TABLES, "int_event_signals"])
    ensure_run_tables(shop.warehouse)
    with shop.warehouse:
        facts = look(shop.warehouse, START + timedelta(hours=3))
    assert (facts.sent_count, facts.failed_count) == (60, 21)
    (said,) = (verdict for verdict in decide(facts, [], START) if verdict.blocks)
    assert said.reason == "21 of the last day's 60 messages failed"


def test_the_published_paths_get_the_published_credit(built_shop):
    attribution.load_demo(built_shop.warehouse)
    built_shop.run(attribution.AS_OF, ["attributed_orders"])
    found = [*attribution.rule_figures(built_shop.warehouse), *attribution.path_figures(built_shop.warehouse)]
    assert len(found) == 86
    assert [figure for figure in found if not figure.holds] == []


def dashboard(shop, name: str) -> list[dict]:
    shop.warehouse.snapshot(shop.settings.serving_path)
    return ask(shop.settings, (CHECKOUT / "sql" / "dashboards" / f"{name}.sql").read_text()).to_pylist()


def test_a_bounce_without_a_receipt_shows_and_deliveries_that_nobody_reports_are_unknown(built_shop):
    shop = built_shop
    shop.take(
        [
            *(message_event("sent", 1, f"smtp-{number}", provider="smtp") for number in range(3)),
            message_event("bounced", 1, "refused_at_once", provider="smtp", reason="smtp 550 5.1.1"),
            message_event("unsubscribed", 2, "smtp-0"),
            *(message_event("sent", 1, f"ses-{number}", provider="ses") for number in range(3)),
            *(message_event("delivered", 1, f"ses-{number}", provider="ses") for number in range(2)),
            message_event("bounced", 2, "ses-2", provider="ses"),
            record("tier", START, "Profile Updated", "ann", message_id="tier", channel="profile"),
        ]
    )
    shop.run(START + timedelta(hours=3), TABLES)
    assert [tuple(row.values())[1:] for row in dashboard(shop, "deliverability")] == [
        ("email", "ses", 3, 0.6667, 0.3333, 0, 0, 0),
        ("email", "smtp", 4, None, 0.25, 0, 0, 0.25),
    ]


def test_every_table_counts_the_same_messages(flow_shop):
    shop = flow_shop
    shop.warehouse.execute(f"""
        insert into sends.sends (message_id, channel, status, sent_at, bounced_at, delivered_at,
            flow, step, entry_id, profile_id, decided_at)
        select *, 'flow_x', 'reminder', 'e1', 'p1', timestamp '{START}'
        from (
            values
            ('refused', 'email', 'bounced', null, timestamp '{START}', null),
            ('returned', 'email', 'bounced', timestamp '{START}', timestamp '{START}', null),
            ('receipt_lost', 'email', 'unknown', null, null, timestamp '{START}'),
            ('tier', 'profile', 'sent', timestamp '{START}', null, null),
            ('call', 'webhook', 'sent', timestamp '{START}', null, null)
        )""")
    measures = ("sent_count", "reached_count", "delivered_count", "opened_count", "bounced_count", "cost")
    sums = ", ".join(f"sum({measure})" for measure in measures)
    for table in ("flow_performance", "daily_kpis", "campaign_performance"):
        assert shop.rows(f"select {sums} from measurement.{table}") == [
            (52, 51, 1, 30, 2, Decimal("0.0208"))
        ], table
    assert shop.rows("select sent_count, vendor_cost from measurement.flow_costs") == [
        (52, Decimal("0.0208"))
    ]
    assert shop.rows("select distinct sent_count from measurement.attribution where dimension = 'flow'") == [
        (52,)
    ]
    (flow,) = dashboard(shop, "flows")
    assert flow == {
        "flow": "flow_x",
        "entered": 60,
        "held_out": 10,
        "sent": 52,
        "bounced_share": round(2 / 53, 4),
        "open_share": round(30 / 51, 4),
        "click_share": 0,
        "conversion_share": round(10 / 51, 4),
        "unsubscribed_share": 0,
        "revenue": 100,
        "cost": Decimal("0.02"),
        "currency": "EUR",
    }


def test_people_whom_a_flow_spares_count_once_whatever_its_steps(flow_shop):
    flow_shop.warehouse.execute("""
        insert into intermediate.int_flow_log
        select * replace ('second' as step) from intermediate.int_flow_log where kind = 'decided'""")
    assert [(row["entered"], row["held_out"]) for row in dashboard(flow_shop, "flows")] == [(60, 10)]


@pytest.fixture(scope="module")
def queries():
    return sorted([*CHECKOUT.glob("sql/dashboards/*.sql"), *CHECKOUT.glob("sql/audits/*.sql")])


def test_every_dashboard_and_audit_answers_and_says_first_what_it_is_for(flow_shop, queries):
    assert queries
    for query in queries:
        sql = query.read_text()
        assert sql.startswith("-- "), query
        found = ask(flow_shop.settings, sql)
        assert found.num_columns > 1, query
        assert found.num_rows == 0 or not sql.startswith("-- Must be empty"), query


def test_the_proof_of_a_consent_is_that_of_the_time_of_sending(built_shop):
    shop, words = built_shop, {"channel": "email"}
    yes = words | {"source": "fair", "proof": "card 7"}
    shop.take([record("yes", START, "Subscribed", "ann", **yes)])
    shop.run(START + timedelta(days=1), [*TABLES, "int_identifier_consents", "consents"])
    shop.warehouse.execute(f"""
        insert into sends.sends
            (message_id, profile_id, channel, message_class, status, sent_at, consent_id)
        select 'm', profile_id, 'email', 'marketing', 'sent', timestamp '{START}', consent_id
        from profiles.consents""")
    shop.take([record("no", START + timedelta(days=1), "Unsubscribed", "ann", **words)])
    shop.run(START + timedelta(days=2), [*TABLES, "int_identifier_consents", "consents"])
    shop.warehouse.snapshot(shop.settings.serving_path)
    found = ask(shop.settings, (CHECKOUT / "sql/audits/consent_proof.sql").read_text()).to_pylist()
    columns = ("consent_id", "status", "since", "source", "proof", "status_now")
    assert [tuple(row[column] for column in columns) for row in found] == [
        ("yes", "subscribed", START, "fair", "card 7", "unsubscribed")
    ]


def reference(name: str, read) -> list[tuple]:
    lines = (Path(ONLINE_RETAIL) / name).read_text().splitlines()[1:]
    return sorted(read(line.split(",")) for line in lines)
