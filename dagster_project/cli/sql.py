"""`millrace sql`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from dagster_project.cli.output import AsJson, examples, new_app, show
from dagster_project.dbt_runner import DbtProject
from dagster_project.reading import ask, public_tables
from dagster_project.settings import Settings

app = new_app()


@app.command(
    epilog=examples(
        "millrace sql",
        'millrace sql "select status, count(*) from send_list group by all"',
        'millrace sql "describe profiles"',
        'millrace sql --json "from flow_performance" | jq .',
        'millrace sql "select * from rejects"',
        "millrace sql - < sql/dashboards/flows.sql",
    )
)
def sql(
    question: Annotated[
        str | None,
        typer.Argument(
            help="One read-only statement; - reads it from stdin. Without: all public tables, "
            "and what one row of each is."
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows of the table on screen; JSON prints all.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Ask the warehouse, read-only; tables by their bare names.

    `describe profiles` shows a table's columns. What was not taken in, and why, stands in `rejects`. Columns
    of one name are told apart by a number.
    """
    settings = Settings.from_environment()
    if question is None:
        show(public_tables(DbtProject(settings).manifest_json()), as_json=as_json)
        return
    table = ask(settings, sys.stdin.read() if question == "-" else question)
    if as_json:
        show(table.to_pylist(), as_json=True)
        return
    show(table.slice(0, limit).to_pylist(), as_json=False, empty="no rows")
    if table.num_rows > limit:
        typer.echo(f"{limit} of {table.num_rows:,} rows; --limit shows more.", err=True)
