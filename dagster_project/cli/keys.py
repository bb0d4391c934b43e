"""`millrace keys …`."""

from __future__ import annotations

import getpass
from contextlib import closing
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer

from connectors.collector.keys import create_key, list_keys, revoke_key, rotate_key
from connectors.store import open_store, open_to_read
from dagster_project.cli.output import AsJson, examples, new_app, show, show_json
from dagster_project.runs import utc_now
from dagster_project.settings import Settings

app = new_app("Write keys: who may send events to the collector.")


class UnknownKeyError(LookupError):
    """No key of this id still holds."""


@app.command(epilog=examples("millrace keys create shop", "millrace keys create web --public --json"))
def create(
    source: Annotated[str, typer.Argument(help="What sends with it: becomes the events' source.")],
    is_public: Annotated[
        bool, typer.Option("--public", help="For pages and apps: may not speak of consents or deliveries.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a write key. It is shown this once; only its hash is kept."""
    with closing(open_store(Settings.from_environment().store_url)) as store:
        secret, key = create_key(store, source, utc_now(), _actor(), is_public=is_public)
    if as_json:
        show_json({"write_key": secret, **asdict(key)})
    else:
        typer.echo(secret)
        typer.echo(f"Key {key.key_id} of {source}; it is not shown again.", err=True)


@app.command("list", epilog=examples("millrace keys list", "millrace keys list --json"))
def list_all(as_json: AsJson = False) -> None:
    """All keys by their ids, with when they were made, last used and revoked."""
    with closing(open_to_read(Settings.from_environment().store_url)) as store:
        keys = list_keys(store)
    show([asdict(key) for key in keys], as_json=as_json, empty="no keys: see `millrace keys create`")


@app.command(epilog=examples("millrace keys list", "millrace keys rotate 3f9a1c2e --overlap-hours 1"))
def rotate(
    key_id: Annotated[str, typer.Argument(help="From `millrace keys list`.")],
    overlap_hours: Annotated[float, typer.Option(min=0, help="How long the old key goes on.")] = 24.0,
    as_json: AsJson = False,
) -> None:
    """Make a key in place of another: same source, same rights; the old one ends by itself."""
    with closing(open_store(Settings.from_environment().store_url)) as store:
        made = rotate_key(store, key_id, utc_now(), _actor(), timedelta(hours=overlap_hours))
    if made is None:
        raise UnknownKeyError(f"no key {key_id!r} that still holds: see `millrace keys list`")
    secret, key = made
    if as_json:
        show_json({"write_key": secret, **asdict(key)})
    else:
        typer.echo(secret)
        typer.echo(f"Key {key.key_id} of {key.source}; {key_id} ends in {overlap_hours:g} hours.", err=True)


@app.command(epilog=examples("millrace keys list", "millrace keys revoke 3f9a1c2e"))
def revoke(
    key_id: Annotated[str, typer.Argument(help="From `millrace keys list`.")], as_json: AsJson = False
) -> None:
    """End a key; running collectors refuse it within a second."""
    with closing(open_store(Settings.from_environment().store_url)) as store:
        if not revoke_key(store, key_id, utc_now(), _actor()):
            raise UnknownKeyError(f"no key {key_id!r} that still holds: see `millrace keys list`")
    if as_json:
        show_json({"key_id": key_id, "is_revoked": True})
    else:
        typer.echo(f"Key {key_id} is revoked.")


def _actor() -> str:
    return f"cli:{getpass.getuser()}"
