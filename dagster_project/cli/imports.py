"""`millrace import …`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from connectors.landing import open_landing
from dagster_project.cli.output import AsJson, examples, new_app, show, show_json
from dagster_project.imports.online_retail import import_online_retail
from dagster_project.settings import Settings

app = new_app("Turn foreign data into landing files.")


@app.callback()
def imports() -> None:
    """Turn foreign data into landing files."""


@app.command(
    "online-retail",
    epilog=examples(
        "millrace import online-retail ../shared/data/online_retail/online_retail.parquet",
        "millrace import online-retail online_retail.parquet --until 2011-03-01 --with-addresses",
        "millrace run --as-of 2011-12-10",
    ),
)
def online_retail(
    path: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The UCI file, as .parquet.")],
    until: Annotated[datetime | None, typer.Option(help="Only the days before this one.")] = None,
    with_addresses: Annotated[
        bool,
        typer.Option(
            "--with-addresses",
            help="Give customers an .example address and a consent, so that flows schedule messages.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """The UCI Online Retail data: invoices become orders, cancellations refunds, guests stay guests."""
    settings = Settings.from_environment()
    landing = open_landing(settings.landing, endpoint_url=settings.s3_endpoint_url)
    done = asdict(
        import_online_retail(
            path, landing, until=until.date() if until else None, with_addresses=with_addresses
        )
    )
    if as_json:
        show_json(done)
    else:
        show([{"what": key.replace("_", " "), "count": value} for key, value in done.items()], as_json=False)
