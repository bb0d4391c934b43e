"""The hourly job, run in this process on copies of the small shop: what people see of it, and what stops it."""

from __future__ import annotations

import shutil
import warnings
from datetime import timedelta
from pathlib import Path

import pytest
from dagster import DagsterEventType, Definitions, ExecuteInProcessResult

from dagster_project import automation, checks
from dagster_project.definitions import millrace
from dagster_project.settings import Settings
from tests.dagster_project.conftest import NOON, event

ONE = NOON + timedelta(hours=1)


def copied(small_shop: Settings, home: Path) -> Settings:
    """The shop with one order more, which asks for one message."""
    settings = Settings.under(shutil.copytree(small_shop.home, home))
    tea = {"product_id": "sencha", "name": "Sencha", "price": 14.0, "quantity": 1}
    order = event(9, "ann", "Order Completed", "12:30", order_id="o9", currency="EUR", products=[tea])
    settings.open_landing().write("late.ndjson", [order])
    return settings


def hourly_activation(settings: Settings, patch: pytest.MonkeyPatch) -> ExecuteInProcessResult:
    patch.setenv("MILLRACE_HOME", str(settings.home))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        definitions: Definitions = millrace()
        job = definitions.resolve_job_def(automation.hourly_activation.name)
        moment = {"resources": {"installation": {"config": {"as_of": ONE.isoformat()}}}}
        return job.execute_in_process(run_config=moment, raise_on_error=False)


@pytest.fixture(scope="module")
def finished(small_shop, tmp_path_factory) -> ExecuteInProcessResult:
    with pytest.MonkeyPatch.context() as patch:
        return hourly_activation(copied(small_shop, tmp_path_factory.mktemp("hourly") / "home"), patch)


@pytest.fixture(scope="module")
def shown(finished) -> dict[str, dict[str, object]]:
    """Metadata of everything that the run materialized, by key."""
    events = finished.get_asset_materialization_events()
    found = [event.step_materialization_data.materialization for event in events]
    return {
        one.asset_key.to_user_string(): {name: value.value for name, value in one.metadata.items()}
        for one in found
    }


def succeeded(run: ExecuteInProcessResult) -> set[str]:
    return {event.step_key for event in run.all_events if event.is_step_success}


def test_a_run_that_succeeds_materializes_everything_that_it_was_asked_for(finished, shown):
    assert finished.success
    selected = finished.job_def.asset_layer.executable_asset_keys
    assert set(shown) == {key.to_user_string() for key in selected}
    models = [
        event.asset_key.to_user_string()
        for event in finished.get_asset_materialization_events()
        if event.step_key == "models"
    ]
    assert len(models) == len(set(models))
    assert models.index("intermediate/int_flow_log") < models.index("flows/flow_entries")
    assert {shown[name]["as of"] for name in models} == {str(ONE)}


def test_every_materialization_carries_a_number(shown):
    silent = [
        name
        for name, said in shown.items()
        if not any(isinstance(value, int | float) for value in said.values())
    ]
    assert silent == []
    assert shown["raw_flows/flows"]["dagster/row_count"] > 0
    assert shown["staging/stg_flows__flows"] == {
        "as of": str(ONE),
        "rows of the tables it reads": shown["raw_flows/flows"]["dagster/row_count"],
    }


def test_a_flow_shows_whom_it_took_in_and_what_it_sent_day_by_day(shown):
    welcome = shown["flows/flow_welcome"]
    assert (welcome["enrolled, 30 days"], welcome["sent, 30 days"], welcome["exits, 30 days"]) == (2, 2, 1)
    assert welcome["last days"].splitlines()[0] == "| date | enrolled | held out | sent | exits |"
    assert welcome["last days"].splitlines()[2:] == ["| 2026-03-11 | 2 | 0 | 2 | 1 |"]
    assert shown["flows/flow_birthday"]["last days"] == "_nothing_"


def test_a_segment_shows_its_members_day_by_day(shown):
    newsletter = shown["segments/segment_newsletter"]
    assert newsletter["members"] == 2
    assert newsletter["last days"].splitlines()[2:] == ["| 2026-03-11 | 2 | 2 | 0 |"]


def test_every_circuit_breaker_speaks_before_anything_is_delivered(finished, shown):
    events = finished.all_events
    spoken = [
        number
        for number, event in enumerate(events)
        if event.event_type is DagsterEventType.ASSET_CHECK_EVALUATION
    ]
    assert len(spoken) == len(checks.BREAKERS)
    delivered = min(
        number
        for number, event in enumerate(events)
        if event.is_step_start and event.step_key.startswith("delivery__")
    )
    assert max(spoken) < delivered
    assert shown["delivery/emails"]["due"] == 1


def test_a_list_that_a_breaker_blocks_is_not_delivered_by_any_channel(small_shop, tmp_path, monkeypatch):
    monkeypatch.setattr(checks, "SMALL_LIST", -1)
    monkeypatch.setattr(checks, "ENOUGH_HISTORY", 0)
    monkeypatch.setattr(checks, "GROWTH_LIMIT", 0)
    monkeypatch.setattr(checks.History, "of", lambda *_: checks.History(comparable_counts=(0,)))
    run = hourly_activation(copied(small_shop, tmp_path / "home"), monkeypatch)
    assert not run.success
    refused = {one.check_name for one in run.get_asset_check_evaluations() if not one.passed}
    assert refused == {"list_size_is_usual"}
    assert {"landing", "models"} <= succeeded(run)
    assert not {step for step in succeeded(run) if step.startswith("delivery__")}
    started = {event.step_key for event in run.all_events if event.is_step_start}
    assert not {step for step in started if step.startswith("delivery__")}
    assert run.asset_materializations_for_node("delivery__emails") == []
