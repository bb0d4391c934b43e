"""Dagster's view of the loop: order, names, owners, what stops a send, what starts a run."""

from __future__ import annotations

import json
import re
import threading
import warnings
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
from dagster import (
    AssetKey,
    DagsterInstance,
    Definitions,
    Failure,
    RunRequest,
    SkipReason,
    build_run_status_sensor_context,
    build_sensor_context,
    job,
    op,
)

from connectors.landing import open_landing
from dagster_project import automation, checks, transform
from dagster_project.cli import dev
from dagster_project.definitions import millrace
from dagster_project.predictive.registry import MODELS
from dagster_project.settings import CHECKOUT

GROUPS = {
    *("landing", "staging", "settings", "events", "identity"),
    *("commerce", "profiles", "segments", "flows", "sends", "measurement", "predictions"),
    *("delivery", "audits", "experiments"),
}


@pytest.fixture(scope="module")
def definitions(small_shop) -> Definitions:
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setenv("MILLRACE_HOME", str(small_shop.home))
        return millrace()


@pytest.fixture(scope="module")
def nodes(definitions):
    return {node.key.to_user_string(): node for node in definitions.resolve_asset_graph().asset_nodes}


def steps(definitions: Definitions, job: str) -> list[str]:
    return [node.name for node in definitions.resolve_job_def(job).nodes_in_topological_order]


def test_a_run_takes_files_in_before_models_and_checks_the_list_before_it_sends(definitions):
    order = steps(definitions, "hourly_activation")
    assert order[:3] == ["landing", "models", "circuit_breakers"]
    assert order[-2:] == ["delivery__results", "delivery__serving_snapshot"]
    assert len(order) == 11


def test_landing_to_send_list_sends_nothing(definitions):
    assert steps(definitions, "landing_to_send_list") == ["landing", "models"]


@pytest.mark.parametrize(
    ("name", "reported"),
    [
        ("landing_to_send_list", ["profiles/profiles", "sends/send_list"]),
        ("hourly_activation", ["profiles/profiles", "measurement/cohorts", "sends/send_list"]),
    ],
)
def test_only_who_waits_for_the_list_is_spared_the_views_that_stand(definitions, name, reported):
    names = ["profiles/profiles", "measurement/cohorts", "sends/send_list"]
    details = {AssetKey(one.split("/")): {"as of": "noon"} for one in names}
    details[AssetKey(["profiles", "profiles"])]["seconds"] = 0.1
    run = SimpleNamespace(tags=definitions.resolve_job_def(name).tags)
    context = SimpleNamespace(run=run, selected_asset_keys=set(details))
    found = [result.asset_key.to_user_string() for result in transform.materialized(context, details)]
    assert found == reported


def test_staging_stands_between_landing_and_marts(definitions, nodes):
    staging = nodes["staging/stg_events__events"]
    assert AssetKey(["raw_events", "events"]) in staging.parent_keys
    job = definitions.resolve_job_def("landing_to_send_list")
    assert AssetKey(["staging", "stg_events__events"]) in job.asset_layer.executable_asset_keys


def test_groups_are_the_topics_that_a_marketer_knows(nodes):
    assert {node.group_name for node in nodes.values()} == GROUPS


def test_everything_has_an_owner_and_says_what_it_is(nodes):
    silent = [key for key, node in nodes.items() if not node.description or not node.owners]
    assert silent == []


def test_a_flow_shows_its_timetable_and_its_diagram(nodes):
    metadata = nodes["flows/flow_cart_recovery"].metadata
    assert "cart_reminder" in metadata["timetable"].value
    assert "diagram" in metadata


def test_nothing_is_sent_before_every_circuit_breaker_has_spoken(definitions):
    graph = definitions.resolve_asset_graph()
    keys = [key for key in graph.asset_check_keys if key.asset_key == AssetKey(["sends", "outbox"])]
    assert {key.name for key in keys} == {breaker.__name__ for breaker in checks.BREAKERS}
    assert all(graph.get(key).blocking for key in keys)


def test_each_channel_has_an_asset_of_its_own(nodes):
    delivered = {key for key, node in nodes.items() if AssetKey(["sends", "outbox"]) in node.parent_keys}
    assert delivered == {
        *("delivery/emails", "delivery/sms_messages", "delivery/push_notifications"),
        *("delivery/whatsapp_messages", "delivery/profile_updates", "delivery/webhooks"),
    }


def test_what_must_not_grow_old_has_a_freshness_policy(nodes):
    watched = {key for key, node in nodes.items() if node.freshness_policy is not None}
    assert {"raw_events/events", "profiles/profiles", "sends/outbox"} <= watched


def test_every_experiment_of_a_flow_has_an_asset_with_its_checks(definitions, nodes):
    ours = {key for key, node in nodes.items() if node.group_name == "experiments" and node.is_executable}
    assert ours >= {
        "experiments/cart_recovery/hold_out",
        "experiments/cart_recovery/reminder",
        "raw_measurement/credits",
    }
    checks = definitions.resolve_asset_graph().asset_check_keys
    key = AssetKey(["experiments", "cart_recovery", "hold_out"])
    assert {check.name for check in checks if check.asset_key == key} == {"sizes_fit_shares", "alike_before"}
    assert {key.replace("/", "__") for key in ours} <= set(steps(definitions, "daily_measurement"))


def test_every_predictive_model_has_an_asset_that_the_scores_wait_for(definitions, nodes):
    night, names = steps(definitions, "daily_measurement"), [model.name for model in MODELS]
    assert all(night.index(f"models__{name}") < night.index("raw_predictions__scores") for name in names)
    assert "raw_predictions__scores" not in steps(definitions, "hourly_activation")
    assert AssetKey(["raw_predictions", "scores"]) in nodes["staging/stg_predictions__scores"].parent_keys
    found = {key.to_user_string() for key in definitions.resolve_asset_graph().asset_check_keys}
    assert found >= {
        *(
            f"models/{name}:{check}"
            for name in names
            for check in ("better_than_baseline", "no_leaking_features")
        ),
        *(f"raw_predictions/scores:{name}_has_not_drifted" for name in names),
    }


def test_the_night_works_even_in_a_shop_with_hardly_anybody_and_says_why_nothing_is_predicted(
    definitions, at_home
):
    finished = definitions.resolve_job_def("daily_measurement").execute_in_process()
    assert finished.success
    assert {check.check_name for check in finished.get_asset_check_evaluations() if not check.passed} == set()
    (shown,) = finished.asset_materializations_for_node("models__churn_probability")
    assert "churn_probability needs" in shown.metadata["refusal"].value


def test_jobs_are_named_by_cadence_and_purpose():
    assert [job.name for job in automation.jobs] == [
        "hourly_activation",
        "landing_to_send_list",
        "daily_audit",
        "daily_measurement",
    ]


def test_new_files_start_one_run_and_only_one(tmp_path, monkeypatch):
    monkeypatch.setenv("MILLRACE_HOME", str(tmp_path))
    with DagsterInstance.ephemeral() as instance:
        assert isinstance(automation.new_landing_files(build_sensor_context(instance)), SkipReason)
        open_landing(str(tmp_path / "landing")).write("one.ndjson", [{"type": "track"}])
        started = automation.new_landing_files(build_sensor_context(instance))
        assert [type(request) for request in started.run_requests] == [RunRequest]
        again = automation.new_landing_files(build_sensor_context(instance, cursor=started.cursor))
        assert isinstance(again, SkipReason)


def test_a_run_under_way_is_not_overtaken(tmp_path, monkeypatch, definitions):
    monkeypatch.setenv("MILLRACE_HOME", str(tmp_path))
    open_landing(str(tmp_path / "landing")).write("one.ndjson", [{"type": "track"}])
    with DagsterInstance.ephemeral() as instance:
        monkeypatch.setattr(instance, "get_runs_count", lambda *_: 1)
        assert isinstance(automation.new_landing_files(build_sensor_context(instance)), SkipReason)


def test_a_run_that_failed_is_told_to_the_alert_webhook(tmp_path, monkeypatch):
    heard = []

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing: the test says what it heard."""

    @op
    def models() -> None:
        raise Failure("profiles: out of disk")

    @job
    def hourly_activation() -> None:
        models()

    with HTTPServer(("127.0.0.1", 0), Webhook) as server, DagsterInstance.ephemeral() as instance:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("MILLRACE_HOME", str(tmp_path))
        monkeypatch.setenv("MILLRACE_ALERT_WEBHOOK", f"http://127.0.0.1:{server.server_port}/alerts")
        failed = hourly_activation.execute_in_process(instance=instance, raise_on_error=False)
        context = build_run_status_sensor_context(
            "run_failed", failed.get_run_failure_event(), instance, failed.dagster_run
        )
        automation.run_failed(context.for_run_failure())
        server.shutdown()
    (said,) = heard
    assert said["text"].startswith(f"Millrace: hourly_activation failed (run {failed.run_id}): ")


def test_one_page_holds_everything_together():
    lines = (CHECKOUT / "dagster_project" / "definitions.py").read_text().splitlines()
    assert len(lines) <= 60


@pytest.mark.parametrize(
    "name", ["ingest", "transform", "activation", "checks", "automation", "resources", "tick"]
)
def test_modules_stay_small(name):
    assert len((CHECKOUT / "dagster_project" / f"{name}.py").read_text().splitlines()) <= 300


def test_only_settings_read_the_environment():
    package = Path(CHECKOUT / "dagster_project")
    readers = {
        path.name for path in package.rglob("*.py") if re.search(r"os\.(environ|getenv)", path.read_text())
    }
    assert readers == {"settings.py"}


def test_runs_start_at_once_and_writers_take_turns(tmp_path):
    (tmp_path / "dagster.yaml").write_text(dev.DAGSTER_YAML)
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        assert type(instance.run_coordinator).__name__ != "QueuedRunCoordinator"
        assert instance.event_log_storage.get_pool_config().default_pool_limit == 1
