"""`millrace audit …`."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from typing import Annotated

import typer

from connectors.collector.audit import first_broken, read_audit
from connectors.store import open_store
from dagster_project.cli.output import AsJson, examples, new_app, show, show_json
from dagster_project.settings import Settings

app = new_app("Who changed what: keys, consents, refused signatures; is the log unbroken?")


@app.command("list", epilog=examples("millrace audit list", "millrace audit list --limit 500 --json"))
def list_entries(
    limit: Annotated[int, typer.Option(min=1, help="Latest entries.")] = 50, as_json: AsJson = False
) -> None:
    """The latest entries, oldest first."""
    with closing(open_store(Settings.from_environment().store_url)) as store, store.transaction() as reading:
        entries = read_audit(reading, limit)
    show([asdict(entry) for entry in entries], as_json=as_json, empty="the audit log is empty")


@app.command(epilog=examples("millrace audit verify"))
def verify(as_json: AsJson = False) -> None:
    """Recompute the chain of hashes. Exit code 1 when an entry was changed, removed or inserted."""
    with closing(open_store(Settings.from_environment().store_url)) as store, store.transaction() as reading:
        broken = first_broken(reading)
        last = next(iter(read_audit(reading, 1)), None)
    if as_json:
        newest = last.hash if last else None
        show_json({"entries": last.entry if last else 0, "newest_hash": newest, "first_broken": broken})
    elif broken is not None:
        typer.echo(f"entry {broken} does not follow from the one before", err=True)
    else:
        typer.echo(
            f"unbroken: {last.entry} entries, newest {last.hash}" if last else "the audit log is empty"
        )
    if broken is not None:
        raise typer.Exit(1)
