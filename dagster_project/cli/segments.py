"""`millrace segments …`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from dagster_project import segments as catalogue
from dagster_project.cli.output import AsJson, examples, new_app, progress_bar, show, show_json, writable
from dagster_project.settings import Settings

app = new_app("List segments, show one, export its members.")

Name = Annotated[str, typer.Argument(help="A segment's name, with or without `segment_`.")]


@app.command(
    "list",
    epilog=examples(
        "millrace segments list",
        "millrace segments list --json",
    ),
)
def list_segments(as_json: AsJson = False) -> None:
    """Every segment with its owner and its members now."""
    show(catalogue.overview(Settings.from_environment()), as_json=as_json, empty="no segment is defined yet")


@app.command(
    "show",
    epilog=examples(
        "millrace segments show vip",
        "millrace segments show lapsed_90_days --json",
    ),
)
def show_segment(name: Name, as_json: AsJson = False) -> None:
    """What a segment means, its SQL, and how it grew over the last two weeks."""
    segment = catalogue.describe(Settings.from_environment(), name)
    if as_json:
        show_json(segment)
        return
    typer.echo(f"{segment['segment']}  ({segment['owner']})\n{segment['description']}\n\n{segment['sql']}")
    show(segment["days"], as_json=False, title="Last two weeks", empty="not counted yet")


@app.command(
    epilog=examples(
        "millrace segments export vip > vip.csv",
        "millrace segments export newsletter --output newsletter.parquet --columns profile_id,email,country",
        "millrace segments export vip --json",
    )
)
def export(
    name: Name,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", callback=writable, help="A .csv or .parquet file; - is stdout, as CSV."
        ),
    ] = Path("-"),
    columns: Annotated[str, typer.Option(help="Columns of `profiles`, by comma.")] = "profile_id,email",
    as_json: AsJson = False,
) -> None:
    """Members now, streamed, with the columns of `profiles` that you name.

    With --json and a file, the file is written and the JSON says so.
    """
    settings = Settings.from_environment()
    names = [column.strip() for column in columns.split(",")]
    is_stdout = str(output) == "-"
    if as_json and is_stdout:
        show(catalogue.members(settings, name, names).to_pylist(), as_json=True)
        return
    with progress_bar(quiet=as_json or is_stdout) as progress:
        target = sys.stdout.buffer if is_stdout else output
        count = catalogue.export(settings, name, names, target, progress=progress)
    if as_json:
        show_json({"segment": name.removeprefix(catalogue.PREFIX), "members": count, "file": output})
    else:
        typer.echo(f"{count:,} members", err=True)
