"""What the doctor says of nights that nobody worked, and of all else that would stop a run or go unseen."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from dagster_project import runs
from dagster_project.diagnosis import (
    currency,
    examine,
    home,
    landing,
    nights,
    providers,
    segments,
    store,
    warehouse,
)
from dagster_project.settings import Settings
from dagster_project.warehouse import open_warehouse

MONDAY = datetime(2026, 3, 9, 5)


def test_a_shop_that_works_no_nights_is_advised_to(tmp_path):
    settings = Settings.under(tmp_path)
    assert nights(settings).state == "advice"
    with open_warehouse(settings) as warehouse:
        runs.ensure_run_tables(warehouse)
        runs.record_run(warehouse, MONDAY, "project", 1, 1.0)
    assert (nights(settings).state, nights(settings).what.split(":")[0]) == ("advice", "none yet")


def test_a_night_is_late_after_two_days(tmp_path):
    settings = Settings.under(tmp_path)
    states = []
    for days in (1, 2, 3):
        with open_warehouse(settings) as warehouse:
            runs.record_night(warehouse, MONDAY, 12)
            runs.record_run(warehouse, MONDAY + timedelta(days=days), "project", 1, 1.0)
        states.append(nights(settings).state)
    assert states == ["ok", "ok", "advice"]


def test_an_installation_that_is_not_there_yet_is_looked_at_and_not_made(tmp_path):
    settings = Settings.under(tmp_path / "shop" / "home")
    assert {finding.part: finding.state for finding in examine(settings)} == {
        **dict.fromkeys(("home", "landing", "dbt project", "flows", "segments", "store", "providers"), "ok"),
        **dict.fromkeys(("warehouse", "currency", "nights", "mail server", "secret"), "advice"),
    }
    assert home(settings).what.endswith("not made yet")
    assert not (tmp_path / "shop").exists()


def test_a_warehouse_without_a_run_is_advised_to_run(tmp_path):
    settings = Settings.under(tmp_path)
    with open_warehouse(settings) as opened:
        runs.ensure_run_tables(opened)
    assert (warehouse(settings).state, warehouse(settings).what) == (
        "advice",
        "no run yet: `millrace run` once an hour",
    )


@pytest.mark.parametrize(
    ("variable", "value", "part"),
    [("MILLRACE_STORE", "nonsense", "store"), ("MILLRACE_PROVIDERS", "/nosuch.yml", "providers")],
)
def test_a_store_and_providers_that_cannot_be_used_are_broken(tmp_path, variable, value, part):
    settings = Settings.under(tmp_path, {variable: value})
    assert {finding.part for finding in examine(settings) if finding.state == "broken"} == {part}


def test_a_store_is_opened_when_it_is_there(small_shop):
    assert (store(small_shop).state, providers(small_shop).state) == ("ok", "ok")
    assert store(small_shop).what.endswith("ledger.sqlite")


def test_files_that_nothing_reads_are_named(tmp_path):
    settings = Settings.under(tmp_path)
    folder = tmp_path / "landing"
    (folder / "collector").mkdir(parents=True)
    for name in (
        "a.ndjson",
        "b.csv.part",
        ".c.tmp",
        "collector/.1.ndjson.open",
        "orders.xlsx",
        "events.json",
    ):
        (folder / name).touch()
    found = landing(settings)
    assert found.state == "advice"
    assert found.what.startswith("1 files in ")
    assert "are not read (orders.xlsx): make them one of .ndjson" in found.what


def test_orders_in_another_currency_are_named(small_shop, tmp_path, monkeypatch):
    assert (currency(small_shop).state, currency(small_shop).what) == ("ok", "EUR")
    (tmp_path / "dbt_project.yml").write_text("vars: {shop_currency: GBP}")
    monkeypatch.setattr(Settings, "dbt_project", property(lambda _: tmp_path))
    assert currency(small_shop).what == (
        "orders are in EUR (1), amounts are added up as GBP: set shop_currency in dbt/dbt_project.yml"
    )


def test_half_a_segment_is_broken(tmp_path, monkeypatch):
    folder = tmp_path / "models" / "marts" / "segments"
    folder.mkdir(parents=True)
    (folder / "segment_vip.sql").write_text("select 1")
    monkeypatch.setattr(Settings, "dbt_project", property(lambda _: tmp_path))
    assert segments(Settings.under(tmp_path)).what == (
        "models/marts/segments/segment_vip.yml, field file: is missing: "
        "describe the query beside the .sql, or remove that."
    )
