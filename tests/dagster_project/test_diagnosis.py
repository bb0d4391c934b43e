"""What the doctor says of nights that nobody worked."""

from __future__ import annotations

from datetime import datetime, timedelta

from dagster_project import runs
from dagster_project.diagnosis import nights
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
