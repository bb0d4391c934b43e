"""A real shop's year, read from ../shared: the published figures come out, and its flows repeat nothing.

Day by day for a quarter the two flows that live on orders decide on the real customers; then the rest of the year
arrives at once. The expectations are computed from the file by plain SQL that shares nothing with the project.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from datetime import date, datetime, time, timedelta
from pathlib import Path

import duckdb
import pytest

from connectors.landing import FolderLanding
from dagster_project.dbt_runner import DbtProject
from dagster_project.imports.online_retail import import_online_retail
from dagster_project.loader import load_landing
from dagster_project.reading import ask
from dagster_project.settings import CHECKOUT, Settings
from dagster_project.tick import tick
from dagster_project.warehouse import open_warehouse

DATA = CHECKOUT.parent / "shared" / "data" / "online_retail"
FILE = DATA / "online_retail.parquet"
FIRST_DAY, LAST_DAY, YEAR_END = datetime(2011, 3, 1), datetime(2011, 6, 1), datetime(2011, 12, 10)
FLOWS = {"flow_post_purchase", "flow_win_back"}
POST_PURCHASE = ["confirmation", "shipping", "review", "replenishment"]

pytestmark = pytest.mark.skipif(not FILE.exists(), reason=f"{FILE} is not there")


class Shop:
    """An installation to which the file's days arrive one after the other."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings.under(home)
        self._to_come = home / "to_come"
        import_online_retail(FILE, FolderLanding(self._to_come), with_addresses=True)

    def days_arrive(self, until: datetime) -> None:
        for path in sorted(self._to_come.rglob("*.ndjson")):
            if path.name[:10] < f"{until:%Y-%m-%d}":
                target = Path(self.settings.landing) / path.relative_to(self._to_come)
                target.parent.mkdir(parents=True, exist_ok=True)
                path.rename(target)

    def rows(self, sql: str) -> list[tuple]:
        return [tuple(row.values()) for row in ask(self.settings, sql).to_pylist()]

    def decide_day_by_day(self, first: datetime, last: datetime) -> None:
        """All that a tick does, but of the models only those that the two flows and their messages need."""
        project = TwoFlows(self.settings)
        for day in range((last - first).days + 1):
            as_of = first + timedelta(days=day)
            self.days_arrive(as_of)
            with open_warehouse(self.settings) as warehouse:
                load_landing(warehouse, self.settings.open_landing())
            project.tick(as_of)
        open_warehouse(self.settings).snapshot(self.settings.serving_path)


class TwoFlows(DbtProject):
    """Ticks of the engine, the guardrails and all that they need for the two flows."""

    def tick_selection(self) -> list[str]:
        nodes = {node.name: node for node in self.manifest().nodes.values() if node.resource_type == "model"}
        not_needed = {name for name in nodes if name.startswith(("flow_", "segment_"))} - FLOWS
        found, left = set(), {"int_flow_log", "int_send_decisions"}
        while left:
            name = left.pop()
            found.add(name)
            parents = {parent.rpartition(".")[2] for parent in nodes[name].depends_on_nodes} & set(nodes)
            left |= parents - found - not_needed
        return sorted(found & set(super().tick_selection()))


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """The shop on 1 June 2011, after every day since 1 March was decided by itself."""
    shop = Shop(tmp_path_factory.mktemp("online_retail"))
    shop.days_arrive(FIRST_DAY)
    tick(shop.settings, FIRST_DAY, deliver=False)
    shop.decide_day_by_day(FIRST_DAY + timedelta(days=1), LAST_DAY)
    return shop


@pytest.fixture(scope="module")
def orders_of_customers():
    """[(order, customer, ordered_at)] of known customers, straight from the file."""
    return duckdb.sql(f"""
        select invoice_no, customer_id::text, min(invoice_date) from '{FILE}'
        where customer_id is not null and invoice_no not like 'C%' and quantity > 0 and unit_price > 0
        group by all order by all""").fetchall()


CUSTOMERS = (
    "(select profile_id, identifier as customer from profile_identifiers where identifier_type = 'user_id')"
)


def test_every_order_of_a_customer_is_followed_up_once(shop, orders_of_customers):
    entered = shop.rows("""
        select context ->> 'order_id', entered_at from flow_entries where flow = 'post_purchase' order by 1""")
    assert entered == [
        (order, ordered_at)
        for order, _, ordered_at in orders_of_customers
        if FIRST_DAY - timedelta(days=2) < ordered_at <= LAST_DAY
    ]


def test_the_steps_after_a_purchase_come_in_order_each_once_and_none_is_missing(shop):
    decided = shop.rows("""
        select entry_id, any_value(flow_entries.entered_at), list(step order by decided_at) from flow_decisions
        inner join flow_entries using (flow, entry_id) where flow = 'post_purchase' group by entry_id""")
    days = dict(zip(POST_PURCHASE, (0, 3, 7, 30), strict=True))
    wrong = [
        (entry, steps)
        for entry, entered_at, steps in decided
        if steps
        != [step for step in POST_PURCHASE if entered_at + timedelta(days=days[step] + 1) <= LAST_DAY]
        and steps != [step for step in POST_PURCHASE if entered_at + timedelta(days=days[step]) <= LAST_DAY]
    ]
    assert wrong == []


def test_win_back_takes_those_who_did_not_buy_for_90_days(shop, orders_of_customers):
    """At the first midnight after 90 days, if the customer has not bought in the hours before it."""
    bought = defaultdict(list)
    for _, customer, ordered_at in orders_of_customers:
        bought[customer].append(ordered_at)
    expected = set()
    for _, customer, ordered_at in orders_of_customers:
        lapsed_at = ordered_at + timedelta(days=90)
        decided_at = max(datetime.combine(lapsed_at + timedelta(days=1), time()), FIRST_DAY)
        is_in_the_quarter = FIRST_DAY - timedelta(days=2) < lapsed_at and decided_at <= LAST_DAY
        if is_in_the_quarter and not any(ordered_at < other <= decided_at for other in bought[customer]):
            expected.add((customer, lapsed_at))
    assert shop.rows(f"""
        select customer, entered_at from flow_entries inner join {CUSTOMERS} using (profile_id)
        where flow = 'win_back' order by 1, 2""") == sorted(expected)


def test_no_customer_gets_a_step_twice(shop):
    assert (
        shop.rows("""
        select flow, entry_id, step from flow_decisions group by all having count(*) > 1""")
        == []
    )
    assert (
        shop.rows("""
        select profile_id, step from flow_decisions where flow <> 'post_purchase'
        group by flow, profile_id, step having count(*) > 1""")
        == []
    )


def test_nobody_is_won_back_after_a_purchase(shop):
    assert (
        shop.rows("""
        select flow_decisions.entry_id, step, decided_at, ordered_at from flow_decisions
        inner join flow_entries using (flow, entry_id)
        inner join orders on flow_entries.profile_id = orders.profile_id
        where flow = 'win_back' and ordered_at > flow_entries.entered_at and ordered_at <= decided_at""")
        == []
    )


def test_every_message_decided_is_on_the_list_once_scheduled_or_explained(shop):
    assert shop.rows("""
        select message_id from flow_decisions where message_id is not null order by 1""") == shop.rows("""
        select message_id from send_list where status = 'scheduled' or reason is not null order by 1""")
    scheduled = shop.rows("select distinct flow from send_list where status = 'scheduled'")
    assert {("post_purchase",), ("win_back",)} <= set(scheduled)


@pytest.fixture(scope="module")
def year(shop):
    """The same shop when the rest of the year has arrived, at once."""
    shop.days_arrive(YEAR_END)
    tick(shop.settings, YEAR_END, deliver=False)
    return shop


def reference(name: str) -> list[dict[str, str]]:
    with (DATA / name).open() as stream:
        return list(csv.DictReader(stream))


def test_the_facts_of_the_file_are_the_facts_of_the_shop(year):
    clean = json.loads((DATA / "facts.json").read_text())["clean"]
    assert year.rows("""
        select count(distinct profile_id), count(*), sum(revenue)::text from orders where profile_id is not null
    """) == [(clean["customers"], clean["orders"], f"{clean['revenue']:.2f}")]


def test_months_are_those_of_the_reference(year):
    assert year.rows("""
        select strftime(ordered_at, '%Y-%m'), count(*), count(distinct profile_id), sum(revenue)::text
        from orders where profile_id is not null group by 1 order by 1""") == [
        (row["m"], int(row["orders"]), int(row["customers"]), f"{float(row['revenue']):.2f}")
        for row in reference("monthly_reference.csv")
    ]


def test_cohorts_are_those_of_the_reference(year):
    assert year.rows("select cohort_month, month_number, customer_count from cohorts order by 1, 2") == [
        (date.fromisoformat(row["cohort"]), int(row["k"]), int(row["customers"]))
        for row in reference("cohort_reference.csv")
    ]


def test_guests_stay_guests_and_cancellations_become_refunds(year):
    assert year.rows("select count(*) from orders where profile_id is null") == [(1428,)]
    cancelled = duckdb.sql(
        f"select -sum(quantity * unit_price) from '{FILE}' where invoice_no like 'C%'"
    ).fetchall()[0][0]
    [(refunded,)] = year.rows("""
        select sum((properties ->> 'total')::decimal(18, 2))::double from events where event_name = 'Order Refunded'""")
    assert refunded == pytest.approx(cancelled, abs=0.01)
    assert year.rows("select count(*) from orders where refunded > revenue") == [(0,)]
