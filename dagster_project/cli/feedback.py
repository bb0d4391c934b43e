"""`millrace feedback …`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from connectors.feedback import take_feedback
from connectors.feedback.providers import PROVIDERS
from connectors.feedback.reading import Recording, RejectedItem
from connectors.store import open_store
from dagster_project.cli.output import AsJson, AsOf, examples, moment, new_app, progress_bar, show, show_json
from dagster_project.settings import Settings

app = new_app("What comes back from vendors: deliveries, bounces, complaints, replies.")


@app.callback()
def feedback() -> None:
    """What comes back from vendors: deliveries, bounces, complaints, replies."""


@app.command(
    epilog=examples(
        "millrace feedback read posts.jsonl --provider postmark",
        "millrace feedback read Maildir/ --provider bounces",
        "millrace feedback read bounces.mbox --provider bounces --json",
    )
)
def read(
    path: Annotated[Path, typer.Argument(exists=True, help="Posts as NDJSON (headers, body), or mails.")],
    provider: Annotated[str, typer.Option(help=f"Who reported: {', '.join(PROVIDERS)}.")],
    as_of: AsOf = "now",
    as_json: AsJson = False,
) -> None:
    """Take in recorded posts or bounce mails: suppress, resolve unknown outcomes, tell landing.

    Reading the same again changes nothing. Recorded posts are believed: their signatures are checked where
    they arrive. Exit code 1 when something could not be read; everything else has been taken in.
    """
    if provider not in PROVIDERS:
        raise typer.BadParameter(f"{provider!r} is none of {', '.join(PROVIDERS)}", param_hint="--provider")
    settings, now = Settings.from_environment(), moment(as_of)
    recording = Recording(path, provider)
    landing = settings.open_landing()
    store, rejects = open_store(settings.store_url), list[RejectedItem]()
    try:
        with progress_bar(quiet=as_json) as draw:
            done, total = 0, recording.count() if draw else 0

            def advance() -> None:
                nonlocal done
                done += 1
                if draw:
                    draw("feedback", done, total)

            taken = take_feedback(store, landing, recording.feedback(now, rejects.append, advance), now)
    finally:
        store.close()
    refused = [asdict(reject) for reject in rejects]
    if as_json:
        show_json(asdict(taken) | {"rejects": refused})
    else:
        counts = asdict(taken)
        rows = [{"what": name, "count": count} for name, count in sorted(counts.pop("events").items())]
        show([*rows, *({"what": name, "count": count} for name, count in counts.items())], as_json=False)
        if refused:
            show(refused, as_json=False, title="could not be read")
    raise typer.Exit(1 if refused else 0)
