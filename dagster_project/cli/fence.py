"""`millrace fence …`."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from typing import Annotated

import typer

from connectors.delivery import fence
from connectors.store import open_store, open_to_read
from dagster_project.cli.output import AsJson, examples, new_app, show, show_json
from dagster_project.runs import utc_now
from dagster_project.settings import Settings

app = new_app("A copied or restored installation sends nothing until a person says so.")


@app.command(
    epilog=examples(
        "millrace fence status",
        "millrace fence status --json",
    )
)
def status(as_json: AsJson = False) -> None:
    """Whether this installation may send: new (nothing was sent yet), armed, or closed and why.

    Exit code 1 when it is closed.
    """
    settings = Settings.from_environment()
    with closing(open_to_read(settings.store_url)) as store:
        verdict = fence.look(store, settings.fence_path)
    show([asdict(verdict)], as_json=as_json)
    if verdict.state == "closed":
        raise typer.Exit(1)


@app.command(
    epilog=examples(
        'millrace fence arm --by "Ada Lovelace"',
        "millrace run",
    )
)
def arm(
    by: Annotated[str, typer.Option(help="Your name: it stands in the ledger.")], as_json: AsJson = False
) -> None:
    """Say that this installation is the one that sends, and no copy of it does."""
    settings = Settings.from_environment()
    with closing(open_store(settings.store_url)) as store:
        fence.arm(store, settings.fence_path, utc_now(), by)
    if as_json:
        show_json({"state": "armed", "armed_by": by})
    else:
        typer.echo(f"This installation sends, on the word of {by}.")
