"""`millrace deadletters …`."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from typing import Annotated

import typer

from connectors.delivery.dead_letters import find_dead_letters, replay
from connectors.store import open_store, open_to_read
from dagster_project.cli.output import AsJson, examples, moment, new_app, show, show_json
from dagster_project.runs import utc_now
from dagster_project.settings import Settings

app = new_app("Messages that were given up, and a second life for them.")
Reason = Annotated[str | None, typer.Option(help="Only reasons that contain this.")]
Channel = Annotated[str | None, typer.Option(help="Only this channel.")]
Since = Annotated[str | None, typer.Option(help="Only those given up since this UTC moment.")]


class NothingChosenError(ValueError):
    """A replay must say what to replay."""


@app.command(
    "list",
    epilog=examples(
        "millrace deadletters list",
        "millrace deadletters list --reason template_error --channel email --since 2026-11-20",
        "millrace deadletters list --json",
    ),
)
def list_dead_letters(
    reason: Reason = None,
    channel: Channel = None,
    since: Since = None,
    replayed: Annotated[bool, typer.Option("--replayed", help="Also those that were replayed.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Latest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Messages that no retry will help, with their reasons; no addresses."""
    with closing(open_to_read(Settings.from_environment().store_url)) as store:
        found = find_dead_letters(
            store,
            reason=reason,
            channel=channel,
            since=moment(since) if since else None,
            include_replayed=replayed,
            limit=limit,
        )
    show([asdict(letter) for letter in found], as_json=as_json, empty="no message was given up")


@app.command(
    "replay",
    epilog=examples(
        "millrace deadletters replay 4f1a2b3c4d5e6f708192a3b4c5d6e7f8",
        "millrace deadletters replay --reason template_error",
        "millrace run",
    ),
)
def replay_dead_letters(
    ids: Annotated[list[str] | None, typer.Argument(help="Message ids; none with --reason.")] = None,
    reason: Reason = None,
    channel: Channel = None,
    since: Since = None,
    as_json: AsJson = False,
) -> None:
    """Plan dead letters again: the next run sends them, after its last look.

    Only what is known not to have been sent; never what was accepted or is in doubt. Exit code 1 when some
    were refused.
    """
    if not ids and not reason:
        raise NothingChosenError("name message ids or --reason: see `millrace deadletters list`")
    with closing(open_store(Settings.from_environment().store_url)) as store:
        chosen = ids or [
            letter.message_id
            for letter in find_dead_letters(
                store, reason=reason, channel=channel, since=moment(since) if since else None
            )
        ]
        done = replay(store, chosen, utc_now())
    if as_json:
        show_json(asdict(done))
    else:
        typer.echo(f"{len(done.planned)} messages go with the next run.")
        for message_id, why in done.refused.items():
            typer.echo(f"not {message_id}: {why}", err=True)
    if done.refused:
        raise typer.Exit(1)
