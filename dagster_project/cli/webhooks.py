"""`millrace webhooks …`: other systems that are told of events."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from typing import Annotated

import typer

from connectors.forwarding.queue import backlogs
from connectors.forwarding.queue import replay as replay_dead
from connectors.store import open_store, open_to_read
from dagster_project.cli.output import AsJson, examples, new_app, show, show_json
from dagster_project.forwarding import forward, read_webhooks
from dagster_project.runs import utc_now
from dagster_project.settings import Settings

app = new_app()


@app.command(epilog=examples("millrace webhooks serve", "millrace webhooks serve --json"))
def serve(as_json: AsJson = False) -> None:
    """Forward events to the systems that `webhooks.yml` declares, until it is stopped.

    They begin with what lands from the first start on. Stopped or killed, it goes on where it was.
    """
    settings = Settings.from_environment()
    webhooks = read_webhooks(settings)
    if as_json:
        show_json({"webhooks": sorted(webhooks), "home": settings.home})
    else:
        typer.echo(f"Forwarding to {', '.join(sorted(webhooks)) or 'nobody'} (Ctrl-C ends it)", err=True)
    forward(settings, webhooks)


@app.command(epilog=examples("millrace webhooks status", "millrace webhooks status --json"))
def status(as_json: AsJson = False) -> None:
    """What waits, what was delivered in the last days, what was given up after a day."""
    with closing(open_to_read(Settings.from_environment().store_url)) as store:
        show([asdict(backlog) for backlog in backlogs(store)], as_json=as_json, empty="Nothing was queued.")


@app.command(epilog=examples("millrace webhooks replay erp"))
def replay(
    name: Annotated[str, typer.Argument(help="The webhook, as in `webhooks.yml`.")], as_json: AsJson = False
) -> None:
    """Give events that were given up another day; receivers know repetitions by their `webhook-id`."""
    with closing(open_store(Settings.from_environment().store_url)) as store:
        count = replay_dead(store, name, utc_now())
    if as_json:
        show_json({"webhook": name, "events": count})
    else:
        typer.echo(f"{count} events wait for {name} again.")
