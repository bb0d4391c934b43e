"""One tick from landing files to messages, and what stops it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from dagster_project import checks, runs
from dagster_project.reading import ask
from dagster_project.settings import Settings
from dagster_project.tick import tick
from dagster_project.warehouse import open_warehouse
from tests.dagster_project.conftest import MORNING, NOON


@pytest.fixture
def shop(small_shop: Settings, tmp_path: Path) -> Settings:
    """A copy that may be changed."""
    return Settings.under(shutil.copytree(small_shop.home, tmp_path / "home"))


def rows(settings: Settings, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in ask(settings, sql).to_pylist()]


def test_a_tick_brings_landed_events_to_the_mail(small_shop):
    sent = rows(
        small_shop,
        """select profiles.user_id, sends.template from sends
        inner join profile_identifiers on sends.profile_id = profile_identifiers.identifier_id
        inner join profiles on profile_identifiers.profile_id = profiles.profile_id
        where sends.status = 'sent' order by 1""",
    )
    assert sent == [("ann", "welcome"), ("bob", "welcome"), ("cid", "order_confirmation")]


def test_a_broken_record_is_told_apart_and_the_rest_loads(small_shop):
    assert rows(small_shop, "select file, line_number from raw_events.rejects") == [("people.ndjson", 5)]


def test_the_same_moment_twice_changes_nothing(shop):
    before = rows(shop, "select * from send_list order by message_id")
    again = tick(shop, NOON)
    assert again.delivery is not None
    assert again.delivery.counts.get("accepted", 0) == 0
    assert rows(shop, "select * from send_list order by message_id") == before


def test_a_tick_runs_only_what_stores_rows_or_names_the_moment(shop):
    again = tick(shop, NOON + timedelta(hours=1), deliver=False)
    names = {node.name for node in again.nodes}
    assert {"int_events", "int_flow_log", "int_send_decisions", "outbox"} <= names
    assert "stg_events__events" not in names
    assert len(names) <= 56


def test_a_tick_reads_only_events_that_no_tick_before_has_seen(shop):
    for hour in (1, 2):
        view = {
            "type": "track",
            "messageId": f"view-{hour}",
            "event": "Product Viewed",
            "userId": "ann",
            "properties": {"product_id": "sencha"},
        }
        at = NOON + timedelta(hours=hour)
        shop.open_landing().write(f"view-{hour}.ndjson", [{**view, "timestamp": f"{at.isoformat()}Z"}])
        tick(shop, at, deliver=False)
    new = open_warehouse(shop).query("select event_id from intermediate.int_events_new")
    assert new.to_pylist() == [{"event_id": "view-2"}]


def test_time_runs_forward(shop):
    with pytest.raises(runs.TimeRunsForwardError, match="Use a later --as-of"):
        tick(shop, MORNING)


def test_a_held_list_is_not_delivered_until_a_person_releases_it(shop, monkeypatch):
    monkeypatch.setattr(checks, "SMALL_LIST", -1)
    monkeypatch.setattr(checks, "ENOUGH_HISTORY", 0)
    monkeypatch.setattr(checks.History, "of", lambda *_: checks.History(comparable_counts=(0,)))
    monkeypatch.setattr(checks, "GROWTH_LIMIT", 0)
    tea = {"product_id": "sencha", "name": "Sencha", "price": 14.0, "quantity": 1}
    order = {
        "type": "track",
        "messageId": "e9",
        "event": "Order Completed",
        "userId": "ann",
        "timestamp": "2026-03-11T12:30:00Z",
        "properties": {"order_id": "o9", "currency": "EUR", "products": [tea]},
    }
    shop.open_landing().write("late.ndjson", [order])
    held = tick(shop, NOON + timedelta(hours=1))
    assert (held.is_blocked, held.delivery, held.facts.message_count) == (True, None, 1)
    with open_warehouse(shop) as warehouse:
        runs.release(warehouse, by="Ada Lovelace", reason="one order is fine")
    hot = tick(shop, NOON + timedelta(minutes=75), is_hot=True)
    assert (hot.is_blocked, hot.delivery.counts, hot.facts.new_count) == (False, {}, 1)
    released = tick(shop, NOON + timedelta(hours=2))
    assert released.delivery is not None
    assert released.delivery.counts["accepted"] == 1
    again = {**order, "messageId": "e10", "userId": "bob", "timestamp": "2026-03-11T14:10:00Z"}
    again["properties"] = {**order["properties"], "order_id": "o10"}
    shop.open_landing().write("later.ndjson", [again])
    new = tick(shop, NOON + timedelta(minutes=140))
    assert (new.is_blocked, new.facts.message_count, new.facts.unseen_count) == (True, 1, 1)


def test_a_list_that_was_not_held_cannot_be_released(shop):
    with open_warehouse(shop) as warehouse, pytest.raises(runs.NothingBlockedError):
        runs.release(warehouse, by="Ada", reason="")


def test_without_delivery_the_list_stands_and_nobody_is_written_to(shop):
    result = tick(replace(shop, store_url="sqlite:////nowhere/ledger.sqlite"), NOON, deliver=False)
    assert result.delivery is None


def test_readers_see_the_last_tick(small_shop):
    assert rows(small_shop, "select max(as_of) from raw_runs.runs") == [(NOON,)]


def test_stages_are_timed_and_reported(shop):
    heard = []
    result = tick(shop, NOON, progress=lambda *said: heard.append(said))
    assert list(result.seconds) == ["load", "transform", "check", "deliver", "results", "archive", "serve"]
    assert ("load", 0, 1) in heard
    assert ("serve", 1, 1) in heard
