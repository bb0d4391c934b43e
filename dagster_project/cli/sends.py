"""`millrace sends …`."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from typing import Annotated

import typer

from connectors.delivery.held import release_late
from connectors.store import open_store
from dagster_project import delivery, runs
from dagster_project.cli.output import AsJson, examples, new_app, show, show_json
from dagster_project.reading import ask
from dagster_project.settings import Settings
from dagster_project.warehouse import open_warehouse

app = new_app("What is sent, what is held back and why; release a blocked list.")


class NothingDecidedError(LookupError):
    """There is no list: no run has decided anything yet."""


LIST = """
select message_id, flow, step, profile_id, channel, template, variant, status, reason, due_at
from send_list
where (? is null or flow = ?) and (? is null or status = ?)
order by decided_at desc, priority desc, message_id
limit ?
"""
COUNTS = """
select flow, step, channel, status, coalesce(reason, '') as reason, count(*) as messages
from send_list
group by all
order by flow, step, channel, messages desc
"""


@app.command(
    "list",
    epilog=examples(
        "millrace sends list --counts",
        "millrace sends list --flow cart_recovery --status skipped",
        "millrace sends list --limit 1000 --json",
    ),
)
def list_sends(
    flow: Annotated[str | None, typer.Option(help="Only this flow.")] = None,
    status: Annotated[str | None, typer.Option(help="scheduled, skipped or deferred.")] = None,
    counts: Annotated[
        bool, typer.Option("--counts", help="Counts by flow, step, channel, status, reason.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="Newest decisions first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Every candidate message: sent, or held back for a reason; no addresses."""
    settings = Settings.from_environment()
    asked = ask(settings, COUNTS) if counts else ask(settings, LIST, [flow, flow, status, status, limit])
    show(asked.to_pylist(), as_json=as_json, empty="no message was ever a candidate")


@app.command(
    epilog=examples(
        "millrace sends preview",
        "millrace sends preview --channel email --json",
    )
)
def preview(
    channel: Annotated[str | None, typer.Option(help="Only this channel.")] = None, as_json: AsJson = False
) -> None:
    """What a run would do now with the last judged list: to which provider, or why not. Claims nothing."""
    settings, now = Settings.from_environment(), runs.utc_now()
    with open_warehouse(settings) as warehouse:
        runs.ensure_run_tables(warehouse)
        last = runs.last_run(warehouse)
        if last is None:
            raise NothingDecidedError("nothing was decided yet: `millrace run` first")
        due = delivery.read_due(settings, warehouse, last.as_of, channel)
    shares = delivery.preview_due(settings, due, now)
    show([asdict(share) for share in shares], as_json=as_json, empty="no message is due")


@app.command(
    epilog=examples(
        'millrace sends release --by "Ada Lovelace" --reason "first newsletter of the year"',
        'millrace sends release --late --flow cart_recovery --by "Ada Lovelace"',
        "millrace run",
    )
)
def release(
    by: Annotated[str, typer.Option(help="Your name: it stands in the run log.")],
    reason: Annotated[str, typer.Option(help="Why the list may go.")] = "",
    late: Annotated[
        bool, typer.Option("--late", help="Late messages that wait for a word, instead of a blocked list.")
    ] = False,
    flow: Annotated[str | None, typer.Option(help="With --late: only this flow's.")] = None,
    as_json: AsJson = False,
) -> None:
    """Let go what was held: the list of the last run, by a circuit breaker, or late messages."""
    if late:
        with closing(open_store(Settings.from_environment().store_url)) as store:
            count = release_late(store, by, flow)
        if as_json:
            show_json({"released_by": by, "late_messages": count})
        else:
            typer.echo(f"{count} late messages go with the next run, released by {by}.")
        return
    with open_warehouse(Settings.from_environment()) as warehouse:
        runs.ensure_run_tables(warehouse)
        released = runs.release(warehouse, by=by, reason=reason)
    if as_json:
        show_json(
            {
                "released_by": released.released_by,
                "messages": released.message_count,
                "list": released.list_as_of,
            }
        )
    else:
        typer.echo(
            f"{released.message_count} messages go with the next run, released by {released.released_by}."
        )
