"""`millrace audit …`."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from typing import Annotated

import typer

from connectors.collector.audit import first_broken, holds_entry, read_audit
from connectors.store import open_to_read
from dagster_project.cli.output import AsJson, examples, new_app, show, show_json
from dagster_project.settings import Settings


class BadNoteError(ValueError):
    """What was noted is not an entry's number and hash."""


app = new_app("Who changed what: keys, consents, refused signatures; is the log unbroken?")


@app.command("list", epilog=examples("millrace audit list", "millrace audit list --limit 500 --json"))
def list_entries(
    limit: Annotated[int, typer.Option(min=1, help="Latest entries.")] = 50, as_json: AsJson = False
) -> None:
    """The latest entries, oldest first."""
    with (
        closing(open_to_read(Settings.from_environment().store_url)) as store,
        store.transaction() as reading,
    ):
        entries = read_audit(reading, limit)
    show([asdict(entry) for entry in entries], as_json=as_json, empty="the audit log is empty")


@app.command(epilog=examples("millrace audit verify", "millrace audit verify --noted 41:9f2c..."))
def verify(
    noted: Annotated[
        str | None, typer.Option(help="number:hash of an entry, as noted elsewhere from `audit verify`.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Recompute the chain of hashes. Exit code 1 when an entry was changed, removed or inserted.

    Who can write to the database can also write a whole new chain, or cut its end. Note the newest entry
    elsewhere from time to time, and give it with --noted: a log without it is not the one that was.
    """
    number, given_hash = _noted(noted) if noted else (0, "")
    with (
        closing(open_to_read(Settings.from_environment().store_url)) as store,
        store.transaction() as reading,
    ):
        broken = first_broken(reading)
        last = next(iter(read_audit(reading, 1)), None)
        is_same = not noted or holds_entry(reading, number, given_hash)
    if as_json:
        newest = last.hash if last else None
        counted = {"entries": last.entry if last else 0, "newest_hash": newest}
        show_json({**counted, "first_broken": broken, "holds_noted": is_same if noted else None})
    elif broken is not None:
        typer.echo(f"entry {broken} does not follow from the one before", err=True)
    elif not is_same:
        typer.echo(f"entry {number} is not the one that was noted", err=True)
    else:
        typer.echo(f"unbroken, newest entry {last.entry}:{last.hash}" if last else "the audit log is empty")
    if broken is not None or not is_same:
        raise typer.Exit(1)


def _noted(text: str) -> tuple[int, str]:
    number, _, noted_hash = text.partition(":")
    if not number.isdecimal() or not noted_hash:
        raise BadNoteError(f"--noted {text!r}: write number:hash, as `millrace audit verify` shows it")
    return int(number), noted_hash
