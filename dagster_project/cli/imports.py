"""`millrace import …`."""

from __future__ import annotations

import asyncio
import csv
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from connectors.http import HttpClient
from connectors.pull.graphql import AdminApi
from connectors.pull.shopify import RESOURCES
from dagster_project.cli.output import (
    AsJson,
    examples,
    moment,
    new_app,
    progress_bar,
    show,
    show_json,
    writable,
)
from dagster_project.imports.contact_rows import Fault
from dagster_project.imports.contacts import import_contacts, read_mapping
from dagster_project.imports.online_retail import import_online_retail
from dagster_project.imports.shopify import Progress, StateFile, endpoint, pull_shop
from dagster_project.runs import utc_now
from dagster_project.settings import Settings

FAULTS_SHOWN = 20


class MissingTokenError(LookupError):
    """The shop's access token is not set."""


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
    landing = settings.open_landing()
    with progress_bar(quiet=as_json) as progress:
        result = import_online_retail(
            path,
            landing,
            until=until.date() if until else None,
            with_addresses=with_addresses,
            progress=progress,
        )
    _show_counts(asdict(result), as_json=as_json)


@app.command(
    epilog=examples(
        "export MILLRACE_SHOPIFY_ADMIN_TOKEN=shpat_...",
        "millrace import shopify tea.myshopify.com",
        "millrace import shopify tea.myshopify.com --only orders --since 2026-01-01",
    )
)
def shopify(
    shop: Annotated[str, typer.Argument(help="As in tea.myshopify.com.")],
    only: Annotated[list[str] | None, typer.Option(help=f"{', '.join(RESOURCES)}; repeatable.")] = None,
    since: Annotated[str | None, typer.Option(help="UTC moment: begin anew with what changed since.")] = None,
    as_json: AsJson = False,
) -> None:
    """Products, customers and orders from Shopify's Admin API.

    The app needs read_products, read_customers and read_orders (read_all_orders beyond 60 days). Killed or
    throttled, it goes on where it stopped; done again, it asks only for what is new. What a webhook has told
    already counts once.
    """
    settings = Settings.from_environment()
    wanted = only or list(RESOURCES)
    unknown = sorted(set(wanted) - set(RESOURCES))
    if unknown:
        raise typer.BadParameter(f"{unknown[0]!r} is none of {', '.join(RESOURCES)}", param_hint="--only")
    url = endpoint(shop)
    token = settings.secrets.get("SHOPIFY_ADMIN_TOKEN")
    if not token:
        raise MissingTokenError("set MILLRACE_SHOPIFY_ADMIN_TOKEN to the Admin API access token of the app")
    with progress_bar(quiet=as_json) as progress:
        counts = asyncio.run(_pull(settings, url, token, shop, wanted, since, progress))
    _show_counts(counts, as_json=as_json)


@app.command(
    epilog=examples(
        "millrace import contacts list.csv --dry-run",
        "millrace import contacts list.csv --map email=E-Mail --map first_name=Vorname",
        "millrace import contacts list.csv --map mapping.yml --faults faults.csv",
    )
)
def contacts(
    path: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV with a header.")],
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", help="field=column, or a YAML file of `field: column`; repeatable."),
    ] = None,
    is_dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check; write nothing.")] = False,
    encoding: Annotated[str | None, typer.Option(help="utf-8, cp1252 …; found out when not given.")] = None,
    delimiter: Annotated[str | None, typer.Option(help="One sign; found out when not given.")] = None,
    faults: Annotated[
        Path | None, typer.Option(callback=writable, help="Write all faults to this CSV file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """People from a list: who they are, and consents that come with when, where and proof.

    Fields are user_id, email, phone, first_name, last_name, birthday, locale, time_zone, country, created_at,
    updated_at, consent_email, consent_sms, consent_whatsapp, consent_push, consent_at, consent_source,
    consent_proof and trait.<name>; a column of such a name needs no --map. Bad rows are reported and the rest
    loads; exit code 1 says that there were some. The same list again changes nothing.
    """
    settings = Settings.from_environment()
    with progress_bar(quiet=as_json) as progress:
        result = import_contacts(
            path,
            settings.open_landing(),
            read_mapping(mapping or []),
            utc_now(),
            is_dry_run=is_dry_run,
            encoding=encoding,
            delimiter=delimiter,
            pii_secret=settings.secret if settings.hashes_pii else None,
            progress=progress,
        )
    found = asdict(result)
    rows = found.pop("faults")
    if faults:
        with faults.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, Fault.__dataclass_fields__)
            writer.writeheader()
            writer.writerows(rows)
    if as_json:
        show_json({**found, "faults": len(rows), "first_faults": rows[:FAULTS_SHOWN]})
    else:
        counts = {**found, "faults": len(rows)}
        show(
            [{"what": name.replace("_", " "), "count": str(value)} for name, value in counts.items()],
            as_json=False,
        )
        if rows:
            show(rows[:FAULTS_SHOWN], as_json=False, title=f"faults in {path.name}, the first {FAULTS_SHOWN}")
    if rows:
        raise typer.Exit(1)


async def _pull(
    settings: Settings,
    url: str,
    token: str,
    shop: str,
    only: list[str],
    since: str | None,
    progress: Progress | None,
) -> dict[str, int]:
    http = HttpClient({"X-Shopify-Access-Token": token})
    try:
        return await pull_shop(
            AdminApi(http, url),
            settings.open_landing(),
            StateFile(settings.home / "imports" / f"{shop}.json"),
            utc_now(),
            only=only,
            since=moment(since) if since else None,
            pii_secret=settings.secret if settings.hashes_pii else None,
            progress=progress,
        )
    finally:
        await http.close()


def _show_counts(counts: dict[str, int], *, as_json: bool) -> None:
    if as_json:
        show_json(counts)
    else:
        show(
            [{"what": key.replace("_", " "), "count": value} for key, value in counts.items()], as_json=False
        )
