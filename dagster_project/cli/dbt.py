"""`millrace dbt`."""

from __future__ import annotations

import typer

from dagster_project.cli.output import AsJson, AsOf, examples, moment, new_app, show
from dagster_project.dbt_runner import FAILED, DbtProject
from dagster_project.settings import Settings

app = new_app()


@app.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    epilog=examples(
        "millrace dbt -- test --select profiles",
        "millrace dbt --as-of 2026-11-20 -- run --select segment_vip+",
        "millrace dbt --json -- build --select test_type:unit",
    ),
)
def dbt(context: typer.Context, as_of: AsOf = "now", as_json: AsJson = False) -> None:
    """Run dbt on the installation's warehouse, with Millrace's variables; dbt's own words follow `--`.

    Exit code 1 when a node fails.
    """
    nodes = DbtProject(Settings.from_environment()).command(context.args, moment(as_of))
    rows = [
        {"node": node.name, "status": node.status, "seconds": round(node.seconds, 2), "message": node.message}
        for node in nodes
    ]
    show(rows, as_json=as_json, empty="no node was selected")
    if any(node.status in FAILED for node in nodes):
        raise typer.Exit(1)
