"""The simulator: repeatable, and only adding to what its customers had planned."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import pairwise

import pytest

from connectors.landing import open_landing
from dagster_project.demo.calendar import Calendar
from dagster_project.demo.mailbox import Mail
from dagster_project.demo.shop import Shop

CALENDAR = Calendar(history_days=14, live_days=3)


def landed(folder, seed, mails=()):
    shop, landing = Shop(seed, 60, CALENDAR), open_landing(str(folder))
    shop.advance(landing, CALENDAR.go_live)
    shop.read_mails(mails(shop) if mails else (), CALENDAR.go_live)
    shop.advance(landing, CALENDAR.ends_at)
    lines = [line for file in landing.files() for line in landing.read(file.name)]
    return shop, [json.loads(line) for line in lines]


def everyone_gets(flow):
    def mails(shop):
        return [
            Mail(
                f"{flow}-{customer.user_id}",
                "p",
                flow,
                "email/cart_reminder",
                customer.email,
                "https://x",
                True,
            )
            for customer in shop.customers.values()
        ]

    return mails


def test_the_same_seed_lands_the_same_bytes(tmp_path):
    assert landed(tmp_path / "a", 7)[1] == landed(tmp_path / "b", 7)[1]


def test_another_seed_lands_other_people(tmp_path):
    assert landed(tmp_path / "a", 7)[1] != landed(tmp_path / "b", 8)[1]


def test_messages_only_add_to_what_customers_had_planned(tmp_path):
    _, alone = landed(tmp_path / "a", 7)
    shop, written_to = landed(tmp_path / "b", 7, everyone_gets("cart_recovery"))
    displaced = {order.order_id for order in shop.orders if order.displaced_by}
    missing = {record["messageId"] for record in alone} - {record["messageId"] for record in written_to}
    assert missing == {
        record["messageId"]
        for record in alone
        if record["messageId"] in missing and record["properties"]["order_id"] in displaced
    }


def test_orders_that_a_message_caused_name_its_flow(tmp_path):
    shop, _ = landed(tmp_path, 7, everyone_gets("cart_recovery"))
    assert {order.caused_by for order in shop.orders} == {None, "cart_recovery"}


def test_a_cart_is_paid_once_however_many_messages_ask(tmp_path):
    _, records = landed(
        tmp_path,
        7,
        lambda shop: [*everyone_gets("cart_recovery")(shop), *everyone_gets("welcome")(shop)],
    )
    paid = [record["properties"]["cart_id"] for record in records if record.get("event") == "Order Completed"
            and "cart_id" in record["properties"]]  # fmt: skip
    assert len(paid) == len(set(paid))


@pytest.mark.parametrize("live_days", [3, 14])
def test_the_calendar_ends_with_a_day_of_hours(live_days):
    calendar = Calendar(live_days=live_days)
    ticks = calendar.ticks()
    gaps = [later - earlier for earlier, later in pairwise(ticks)]
    assert gaps == [timedelta(days=1)] * (live_days - 1) + [timedelta(hours=1)] * 24
    assert (ticks[0], ticks[-1]) == (calendar.go_live, calendar.ends_at)
