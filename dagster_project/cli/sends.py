"""`millrace sends …`."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from connectors.delivery.held import release_late
from connectors.providers import Channel
from connectors.store import open_store
from dagster_project import delivery, runs
from dagster_project.cli.output import AsJson, examples, new_app, show, show_json
from dagster_project.pairs import discover
from dagster_project.reading import ask
from dagster_project.settings import Settings
from dagster_project.warehouse import open_warehouse

app = new_app("What is sent, what is held back and why; release a blocked list.")


class NothingDecidedError(LookupError):
    """There is no list: no run has decided anything yet."""


class UnknownFlowError(LookupError):
    """No flow of this name is there or ever was; the message lists those that are."""


class Status(StrEnum):
    """What became of a candidate message."""

    SCHEDULED = "scheduled"
    SKIPPED = "skipped"
    DEFERRED = "deferred"


ALL = 1_000_000
CHOSEN = "from send_list where (? is null or flow = ?) and (? is null or status = ?)"
LIST = f"""
select message_id, flow, step, profile_id, channel, template, variant, status, reason, due_at
{CHOSEN}
order by decided_at desc, priority desc, message_id
limit ?
"""
COUNTS = f"""
select flow, step, channel, status, coalesce(reason, '') as reason, count(*) as messages
{CHOSEN}
group by all
order by flow, step, channel, messages desc
limit ?
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
    status: Annotated[Status | None, typer.Option(help="Only these.")] = None,
    counts: Annotated[
        bool, typer.Option("--counts", help="Counts by flow, step, channel, status, reason.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="50 messages, newest decisions first.")] = None,
    as_json: AsJson = False,
) -> None:
    """Every candidate message: sent, or held back for a reason; no addresses."""
    settings = Settings.from_environment()
    name = known_flow(settings, flow) if flow else None
    most = limit or (ALL if counts else 50)
    asked = ask(settings, COUNTS if counts else LIST, [name, name, status, status, most])
    nothing = "no such message was ever a candidate" if flow or status else "no message was ever a candidate"
    show(asked.to_pylist(), as_json=as_json, empty=nothing)


@app.command(
    epilog=examples(
        "millrace sends preview",
        "millrace sends preview --channel email --json",
    )
)
def preview(
    channel: Annotated[Channel | None, typer.Option(help="Only this channel.")] = None,
    as_json: AsJson = False,
) -> None:
    """What a run would do now with the last judged list: to which provider, or why not. Claims nothing."""
    settings, now = Settings.from_environment(), runs.utc_now()
    if not ask(settings, "select as_of from raw_runs.runs limit 1").num_rows:
        raise NothingDecidedError("nothing was decided yet: `millrace run` first")
    with open_warehouse(settings) as warehouse:
        last = runs.last_run(warehouse)
        assert last is not None
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


def known_flow(settings: Settings, name: str) -> str:
    """The flow that a person means, with or without the prefix; one that was taken out is still on the list.

    Raises:
        UnknownFlowError: when there is none and never was.
    """
    known = {flow.removeprefix("flow_") for flow in discover(settings, "flow")}
    wanted = name.removeprefix("flow_")
    if wanted not in known:
        known |= set(ask(settings, "select distinct flow from send_list")["flow"].to_pylist())
    if wanted not in known:
        raise UnknownFlowError(f"there is no flow {name!r}; there are {', '.join(sorted(known))}")
    return wanted
