"""`millrace hot-lane`."""

from __future__ import annotations

import signal
import threading

import typer

from dagster_project.cli.output import AsJson, examples, new_app, show_json
from dagster_project.cli.run import summary
from dagster_project.hot_lane import run
from dagster_project.lineage import turns_shown
from dagster_project.locks import only_one
from dagster_project.settings import Settings
from dagster_project.tick import TickResult

app = new_app()


@app.command(
    epilog=examples("millrace hot-lane", "MILLRACE_HOME=/srv/shop millrace hot-lane --json >> turns.ndjson")
)
def hot_lane(as_json: AsJson = False) -> None:
    """Decide and send within seconds what events make due, until it is stopped.

    One process per installation, beside the hourly run (`millrace dev` starts one). Each turn is a tick that
    sends what it has just decided; long lists are left to the hourly run.
    """
    settings = Settings.from_environment()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())

    with only_one(settings.hot_lane_path), turns_shown(settings) as show:

        def tell(result: TickResult) -> None:
            show(result)
            if as_json:
                show_json(summary(result))
            elif result.loaded.records or result.facts.message_count:
                typer.echo(line(result), err=True)

        typer.echo(f"The hot lane of {settings.home} is open (Ctrl-C ends it)", err=True)
        run(settings, stop, tell)


def line(result: TickResult) -> str:
    """A turn as people read it."""
    sent = result.delivery.counts.get("accepted", 0) if result.delivery else 0
    held = ", the list is held: `millrace sends list`" if result.is_blocked else ""
    return (
        f"{result.as_of:%H:%M:%S}  {result.loaded.records} records, {result.facts.message_count} due, "
        f"{sent} sent in {sum(result.seconds.values()):.1f} s{held}"
    )
