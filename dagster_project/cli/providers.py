"""`millrace providers …`."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from typing import Annotated

import typer

from connectors.delivery.doubts import find_doubts
from connectors.providers import load_providers
from connectors.store import open_to_read
from dagster_project import providers
from dagster_project.cli.output import AsJson, examples, new_app, show
from dagster_project.runs import utc_now
from dagster_project.settings import Settings

app = new_app("Who delivers: health, pace, outcomes, and messages in doubt.")


@app.command(
    epilog=examples(
        "millrace providers status",
        "millrace providers status --json",
    )
)
def status(as_json: AsJson = False) -> None:
    """Each provider's breaker, rate (messages per second now / declared), last 24 hours, what waits for you.

    Exit code 1 when a provider is not in use.
    """
    rows = [asdict(each) for each in providers.read_status(Settings.from_environment())]
    if as_json:
        show(rows, as_json=True)
    else:
        show([_line(row) for row in rows], as_json=False)
    if any(row["breaker"] != "closed" for row in rows):
        raise typer.Exit(1)


@app.command(
    epilog=examples(
        "millrace providers unknown",
        "millrace providers unknown --json",
    )
)
def unknown(
    limit: Annotated[int, typer.Option(min=1, help="Oldest first.")] = 50, as_json: AsJson = False
) -> None:
    """Messages of which nobody knows whether they left, each with its policy and when that applies."""
    settings = Settings.from_environment()
    policies = load_providers(settings.providers_path).policies(settings.mail_from)
    with closing(open_to_read(settings.store_url)) as store:
        found = find_doubts(store, policies, limit)
    show([asdict(doubt) for doubt in found], as_json=as_json, empty="every outcome is known")


@app.command(
    "read-back",
    epilog=examples(
        "millrace providers read-back",
        "millrace providers read-back --json",
    ),
)
def read_back(as_json: AsJson = False) -> None:
    """Ask the providers' logs about messages in doubt, as every run does; says what became of them."""
    settings = Settings.from_environment()
    rows = [
        {"provider": provider, "outcome": outcome, "messages": count}
        for provider, outcomes in providers.read_back(settings, utc_now()).items()
        for outcome, count in sorted(outcomes.items())
    ]
    show(rows, as_json=as_json, empty="nothing new")


def _line(row: dict[str, object]) -> dict[str, object]:
    """A status in the width of a terminal; `--json` has all of it."""
    now, declared = row["per_second"], row["declared_per_second"]
    rate = "-" if now is None else f"{now:g}" if declared in (None, now) else f"{now:g} of {declared:g}"
    outcomes = ("accepted", "rejected", "waiting", "unknown")
    return {
        "provider": f"{row['channel']}/{row['provider']}",
        "breaker": row["breaker"],
        "msg/s": rate,
        "24 h": " ".join(f"{row[name]} {name}" for name in outcomes if row[name]) or "nothing",
        "dead": row["dead_letters"],
        "doubts": row["doubts"],
        "note": row["reason"] or row["warm_up"],
    }
