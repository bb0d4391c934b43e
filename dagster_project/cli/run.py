"""`millrace run`: one tick."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from dagster_project import delivery
from dagster_project.cli.output import AsJson, AsOf, examples, moment, new_app, progress_bar, show, show_json
from dagster_project.settings import Settings
from dagster_project.tick import TickResult, tick
from dagster_project.warehouse import open_warehouse

app = new_app()

WHY_REJECTED = 'millrace sql "select * from rejects order by load_id desc"'

DryRun = Annotated[bool, typer.Option("--dry-run", help="Decide, send nothing, and say what would be sent.")]
Deliver = Annotated[bool, typer.Option(help="Hand due messages to the providers, or only decide.")]


@app.command(
    epilog=examples(
        "millrace run",
        "millrace run --as-of 2026-11-20T09:00",
        "millrace run --no-deliver --json",
        "millrace run --dry-run",
    )
)
def run(
    as_of: AsOf = "now", deliver: Deliver = True, dry_run: DryRun = False, as_json: AsJson = False
) -> None:
    """One tick: load landing files, decide, check the list, send what is due, take the results back.

    Rejected records stand in the table `rejects`, with file, line, field and reason. Exit code 1 when a
    circuit breaker held the list back.
    """
    settings, is_live = Settings.from_environment(), as_of == "now"
    with progress_bar(quiet=as_json) as progress:
        result = tick(
            settings, moment(as_of), deliver=deliver and not dry_run, live=is_live, progress=progress
        )
    shares = foresee(settings, result.as_of) if dry_run else []
    if as_json:
        show_json(summary(result) | ({"preview": shares} if dry_run else {}))
    else:
        show(table(result), as_json=False, title=f"As of {result.as_of:%Y-%m-%d %H:%M:%S} UTC")
    if result.loaded.rejects and not as_json:
        typer.echo(f"{result.loaded.rejects} rejected; why: {WHY_REJECTED}", err=True)
    if dry_run and not as_json:
        show(
            shares, as_json=False, title="Nothing was sent. What would have been:", empty="No message is due."
        )
    if result.is_blocked:
        typer.echo(
            "The list is held. Look with `millrace sends list`, then `millrace sends release --by NAME`.",
            err=True,
        )
        raise typer.Exit(1)


def foresee(settings: Settings, as_of: datetime) -> list[dict[str, object]]:
    """What delivery would do with the list of a moment, counted."""
    with open_warehouse(settings) as warehouse:
        due = delivery.read_due(settings, warehouse, as_of)
    return [asdict(share) for share in delivery.preview_due(settings, due, as_of)]


def summary(result: TickResult) -> dict[str, object]:
    """A tick as JSON."""
    return {
        "as_of": result.as_of,
        "loaded": asdict(result.loaded),
        "models": len(result.nodes),
        "list": asdict(result.facts),
        "verdicts": [asdict(verdict) for verdict in result.verdicts],
        "delivery": asdict(result.delivery) if result.delivery else None,
        "seconds": {stage: round(seconds, 3) for stage, seconds in result.seconds.items()},
    }


def table(result: TickResult) -> list[dict[str, object]]:
    """A tick as three columns that a person reads."""
    loaded = (
        f"{result.loaded.records} records from {result.loaded.files} files, {result.loaded.rejects} rejected"
    )
    notes = {
        "load": loaded,
        "transform": f"{len(result.nodes)} models",
        "check": "; ".join(item.reason for item in result.verdicts if item.severity != "ok")
        or "nothing unusual",
        "deliver": f"{result.facts.message_count} messages due",
        "results": "what came of it returns",
        "archive": "landing files that everybody has read",
        "serve": "readers see this moment",
    }
    return [
        {"stage": stage, "seconds": f"{seconds:.2f}", "what": notes[stage]}
        for stage, seconds in result.seconds.items()
    ]
