"""`millrace dbt`."""

from __future__ import annotations

import typer

from dagster_project.cli.output import AsJson, AsOf, examples, moment, new_app, show, show_json
from dagster_project.dbt_runner import FAILED, DbtProject
from dagster_project.settings import Settings
from dagster_project.tick import serve

app = new_app()

LISTING = frozenset({"ls", "list"})
WRITING = frozenset({"run", "build", "seed", "snapshot", "run-operation", "retry", "clone"})
"""Commands of dbt that print names, and those that may change tables."""


class NoCommandError(ValueError):
    """dbt was not told what to do."""


@app.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    epilog=examples(
        "millrace dbt -- test --select profiles",
        "millrace dbt --as-of 2026-11-20 -- run --select segment_vip+",
        "millrace dbt -- ls --select +send_list",
        "millrace dbt --json -- build --select test_type:unit",
    ),
)
def dbt(context: typer.Context, as_of: AsOf = "now", as_json: AsJson = False) -> None:
    """Run dbt on the installation's warehouse, with Millrace's variables; dbt's own words follow `--`.

    What it wrote is what `millrace sql` reads afterwards. Exit code 1 when a node fails.
    """
    command = next((word for word in context.args if not word.startswith("-")), None)
    if command is None:
        raise NoCommandError("say behind `--` what dbt is to do: millrace dbt -- run --select suppressions")
    settings = Settings.from_environment()
    project = DbtProject(settings)
    if command in LISTING:
        lines = project.listing(context.args)
        show_json(lines) if as_json else typer.echo("\n".join(lines))
        return
    nodes = project.command(context.args, moment(as_of))
    if command in WRITING:
        serve(settings)
    rows = [
        {"node": node.name, "status": node.status, "seconds": round(node.seconds, 2), "message": node.message}
        for node in nodes
    ]
    show(rows, as_json=as_json, empty="no node was selected")
    if any(node.status in FAILED for node in nodes):
        raise typer.Exit(1)
