"""`millrace dev`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Annotated

import typer

from dagster_project.cli.output import AsJson, examples, new_app, show_json
from dagster_project.flows.registry import load_flows
from dagster_project.forwarding import read_webhooks
from dagster_project.settings import CHECKOUT, Settings
from dagster_project.tick import dbt_project

app = new_app()

DAGSTER_YAML = """\
# Written by `millrace dev`. Runs start at once (a queue would add up to five seconds);
# steps that write to the warehouse take turns in the pool `duckdb_writer`.
telemetry: {enabled: false}
nux: {enabled: false}
run_coordinator:
  module: dagster._core.run_coordinator
  class: DefaultRunCoordinator
run_monitoring: {enabled: true, start_timeout_seconds: 180, poll_interval_seconds: 60}
concurrency:
  pools:
    default_limit: 1
    granularity: op
retention:
  sensor:
    purge_after_days: {skipped: 1, success: 7, failure: 30}
  schedule:
    purge_after_days: {skipped: 7, success: 30, failure: 30}
"""


@app.command(
    epilog=examples(
        "millrace dev", "millrace dev --port 3001", "MILLRACE_HOME=/srv/shop millrace dev --host 0.0.0.0"
    )
)
def dev(
    port: Annotated[int, typer.Option(help="Where the UI listens.")] = 3000,
    host: Annotated[str, typer.Option(help="The address that the UI is bound to.")] = "127.0.0.1",
    with_hot_lane: Annotated[
        bool, typer.Option("--hot-lane/--no-hot-lane", help="Send within seconds what events make due.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Dagster's UI, schedules, sensors, the hot lane and the forwarder of this installation, until Ctrl-C.

    Flows and the dbt project are checked and parsed first, so that no run has to.
    """
    settings = Settings.from_environment()
    load_flows(settings)
    dbt_project(settings).manifest_json()
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    (settings.dagster_home / "dagster.yaml").write_text(DAGSTER_YAML, encoding="utf-8")
    if as_json:
        show_json({"url": f"http://{host}:{port}", "home": settings.home})
    else:
        typer.echo(f"Millrace is on its way to http://{host}:{port} (Ctrl-C ends it)", err=True)
    words = ["dagster", "dev", "-w", "workspace.yaml", "--host", host, "--port", str(port)]
    environment = settings.child_environment()
    with ExitStack() as companions:
        if with_hot_lane:
            companions.enter_context(beside(environment, "hot-lane"))
        if read_webhooks(settings):
            companions.enter_context(beside(environment, "webhooks", "serve"))
        done = subprocess.run(  # noqa: S603  (our own words)
            [sys.executable, "-m", *words], cwd=CHECKOUT, env=environment, check=False
        )
    raise typer.Exit(1 if done.returncode else 0)


@contextmanager
def beside(environment: Mapping[str, str], *words: str) -> Iterator[None]:
    """A command of ours as a process of its own, as long as Dagster runs.

    Should the hot lane end early, Dagster's sensor takes over what lands.
    """
    command = [sys.executable, "-c", "from dagster_project.cli import main; main()", *words]
    process = subprocess.Popen(command, cwd=CHECKOUT, env=environment)  # noqa: S603  (as above)
    try:
        yield
    finally:
        process.terminate()
        process.wait()
