"""The hot lane: what has just been decided goes at once; one process; it goes on whatever happens."""

import csv
import shutil
import subprocess
import sys
import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest
from dagster import AssetKey, DagsterInstance, SkipReason, build_sensor_context

from connectors.collector.intake import GATHERED
from dagster_project import hot_lane
from dagster_project.automation import new_landing_files
from dagster_project.lineage import SEND_LIST, turns_shown
from dagster_project.locks import HeldError, is_held, only_one
from dagster_project.reading import ask
from dagster_project.settings import CHECKOUT, Settings
from dagster_project.tick import tick
from tests.dagster_project.conftest import NOON, event, people

MINUTE = timedelta(minutes=1)


def test_it_sends_what_was_just_decided_and_leaves_the_rest_to_the_hourly_run(small_shop, tmp_path):
    shop = Settings.under(shutil.copytree(small_shop.home, tmp_path / "home"))
    consent = {"channel": "email", "purpose": "marketing", "source": "form"}
    eve, fay = ({**people()[0], "userId": name, "messageId": name} for name in ("eve", "fay"))
    eve["traits"], fay["traits"] = ({"email": f"{name}@example.com"} for name in ("eve", "fay"))
    landing = shop.open_landing()
    landing.write("eve.ndjson", [eve, event(11, "eve", "Subscribed", "12:05", **consent)])
    tick(shop, NOON + 6 * MINUTE, deliver=False)
    landing.write("fay.ndjson", [fay, event(12, "fay", "Subscribed", "12:20", **consent)])
    served = shop.serving_path.stat()
    hot = tick(shop, NOON + 21 * MINUTE, is_hot=True)
    assert (hot.facts.message_count, hot.facts.new_count) == (2, 1)
    assert hot.delivery.counts == {"accepted": 1}
    assert shop.serving_path.stat().st_mtime_ns == served.st_mtime_ns
    hourly = tick(shop, NOON + 60 * MINUTE)
    assert hourly.delivery.counts == {"accepted": 1}
    listed = ask(shop, "select message_count, new_count from raw_runs.lists order by as_of desc limit 3")
    assert [tuple(row.values()) for row in listed.to_pylist()] == [(1, 0), (2, 1), (1, 1)]


def test_after_a_turn_others_may_have_the_warehouse(small_shop, tmp_path):
    shop = Settings.under(shutil.copytree(small_shop.home, tmp_path / "home"))
    tick(shop, NOON + 6 * MINUTE, is_hot=True)
    other = f"import duckdb; duckdb.connect({str(shop.warehouse_path)!r})"
    assert subprocess.run([sys.executable, "-c", other], capture_output=True, check=False).returncode == 0


def test_there_is_one_and_while_it_runs_dagsters_sensor_rests(tmp_path, monkeypatch):
    monkeypatch.setenv("MILLRACE_HOME", str(tmp_path))
    settings = Settings.under(tmp_path)
    assert not is_held(settings.hot_lane_path)
    with only_one(settings.hot_lane_path):
        assert is_held(settings.hot_lane_path)
        with pytest.raises(HeldError), only_one(settings.hot_lane_path):
            pass
        with DagsterInstance.ephemeral() as instance:
            said = new_landing_files(build_sensor_context(instance=instance))
        assert isinstance(said, SkipReason)
        assert said.skip_message == "the hot lane takes what lands"
    assert not is_held(settings.hot_lane_path)


def test_a_turn_that_fails_is_told_and_taken_again_until_it_succeeds(tmp_path, monkeypatch):
    stop, alerts, turns = threading.Event(), [], []

    def turn(_settings, _stop):
        turns.append(None)
        if len(turns) < 3:
            raise OSError("the disk is full")
        return type("Result", (), {"is_blocked": False})

    monkeypatch.setattr(hot_lane, "turn", turn)
    monkeypatch.setattr(hot_lane, "alert", lambda _settings, text: alerts.append(text))
    monkeypatch.setattr(hot_lane, "REST_SECONDS", 0.01)
    hot_lane.run(Settings.under(tmp_path), stop, lambda _result: stop.set())
    assert len(turns) == 3
    assert alerts == [f"the hot lane failed, again in {pause} s: OSError: the disk is full" for pause in "00"]


def test_only_browsing_and_calls_without_consequence_may_gather(request):
    with (CHECKOUT / "dbt" / "seeds" / "event_kinds.csv").open(newline="") as lines:
        visits = {row["event_name"] for row in csv.DictReader(lines) if row["is_visit"] == "true"}
    assert visits - {"Order Completed"} == GATHERED - {"Identified", "Grouped", "Aliased"}


def test_a_turn_is_seen_in_dagster_when_it_had_something_to_do(tmp_path):
    settings = Settings.under(tmp_path)
    settings.dagster_home.mkdir()
    (settings.dagster_home / "dagster.yaml").write_text("telemetry: {enabled: false}")
    with turns_shown(settings) as show:
        for files, due in ((0, 0), (2, 1)):
            show(
                SimpleNamespace(
                    as_of=NOON,
                    loaded=SimpleNamespace(files=files),
                    facts=SimpleNamespace(message_count=due),
                    seconds={"transform": 1.25},
                )
            )
    with DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        (record,) = instance.fetch_materializations(AssetKey(SEND_LIST), limit=9).records
        said = {name: value.value for name, value in record.asset_materialization.metadata.items()}
    assert said == {"as of": str(NOON), "made by": "hot lane", "new files": 2, "due": 1, "seconds": 1.25}


def test_without_dagster_a_turn_is_shown_nowhere(tmp_path):
    with turns_shown(Settings.under(tmp_path)) as show:
        show(SimpleNamespace())
    assert list(tmp_path.iterdir()) == []
