"""`millrace providers …`."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from typing import Annotated

import typer

from connectors.delivery.doubts import find_doubts
from connectors.providers import load_providers
from connectors.store import open_store
from dagster_project import providers
from dagster_project.cli.output import AsJson, examples, new_app, show
from dagster_project.runs import utc_now
from dagster_project.settings import Settings

app = new_app("Who delivers: health, pace, outcomes, and messages in doubt.")
ON_SCREEN = {
    "breaker": "breaker",
    "per_second": "msg/s",
    "accepted": "accepted",
    "rejected": "rejected",
    "waiting": "retry",
    "unknown": "unknown",
    "dead_letters": "dead",
    "doubts": "doubts",
    "warm_up": "warm-up",
    "reason": "reason",
}


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
    with closing(open_store(settings.store_url)) as store:
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
    """A status as a person reads it."""
    now, declared = row["per_second"], row["declared_per_second"]
    rate = (
        "no limit"
        if now is None
        else f"{now:g}"
        if now == declared or not declared
        else f"{now:g} / {declared:g}"
    )
    shown = {**row, "per_second": rate}
    return {
        "provider": f"{row['channel']}/{row['provider']}",
        **{ON_SCREEN[name]: shown[name] for name in ON_SCREEN},
    }
