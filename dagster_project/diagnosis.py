"""What `millrace doctor` looks at: each part of an installation, its state, and what to do about it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import yaml

from connectors.landing import FORMATS
from connectors.store import is_there, open_store
from dagster_project.flows.registry import check_flows
from dagster_project.providers import close_senders, open_providers
from dagster_project.reading import QuestionError, ask
from dagster_project.segments import read_segments
from dagster_project.tick import dbt_project

if TYPE_CHECKING:
    from dagster_project.settings import Settings

SECONDS_TO_ANSWER = 3
NIGHTS = """
select
    max(nights.as_of) as as_of,
    coalesce(max(nights.as_of) < (select max(as_of) from raw_runs.runs) - interval '2 days', true) as is_late
from raw_runs.nights
"""

CURRENCIES = """
select currency, count(*) as orders from orders where currency <> ? group by all order by orders desc
"""


@dataclass(frozen=True)
class Finding:
    """One part of the installation: `ok`, `advice` (works, could be better) or `broken`, and what to do."""

    part: str
    state: Literal["ok", "advice", "broken"]
    what: str


def examine(settings: Settings) -> list[Finding]:
    """All findings, in the order in which data flows."""
    return [_guarded(part, look, settings) for part, look in EXAMINATIONS.items()]


def home(settings: Settings) -> Finding:
    """The folder of all state can be written."""
    there = next(path for path in (settings.home, *settings.home.parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        return Finding(
            "home", "broken", f"{settings.home} cannot be written: set MILLRACE_HOME to a folder of yours"
        )
    return Finding("home", "ok", f"{settings.home}{'' if there == settings.home else ': not made yet'}")


def landing(settings: Settings) -> Finding:
    """Files can be listed where events arrive, and the loader reads them all."""
    place = settings.open_landing()
    files, passed_over = place.files(), place.passed_over()
    if passed_over:
        names = ", ".join(passed_over[:3]) + (" …" if len(passed_over) > 3 else "")  # noqa: PLR2004
        return Finding(
            "landing",
            "advice",
            f"{len(passed_over)} files in {settings.landing} are not read ({names}): "
            f"make them one of {' '.join(FORMATS)}",
        )
    return Finding("landing", "ok", f"{len(files)} files in {settings.landing}")


def project(settings: Settings) -> Finding:
    """The dbt project compiles."""
    models = [
        node for node in dbt_project(settings).manifest().nodes.values() if node.resource_type == "model"
    ]
    return Finding("dbt project", "ok", f"{len(models)} models")


def flows(settings: Settings) -> Finding:
    """Every flow compiles."""
    problems = check_flows(settings)
    if problems:
        return Finding("flows", "broken", f"{len(problems)} mistakes: see `millrace flows check`")
    return Finding("flows", "ok", "every flow compiles")


def segments(settings: Settings) -> Finding:
    """Every segment is a pair of files that say what it means."""
    found, problems = read_segments(settings)
    if problems:
        more = f" (and {len(problems) - 1} more: see `millrace flows check`)" if len(problems) > 1 else ""
        return Finding("segments", "broken", f"{problems[0]}{more}")
    return Finding("segments", "ok", f"{len(found)} segments")


def warehouse(settings: Settings) -> Finding:
    """There is something to read, and how old it is."""
    try:
        latest = ask(settings, "select max(as_of) as as_of from raw_runs.runs").to_pylist()[0]["as_of"]
    except QuestionError as error:
        return Finding("warehouse", "advice", str(error))
    if latest is None:
        return Finding("warehouse", "advice", "no run yet: `millrace run` once an hour")
    return Finding("warehouse", "ok", f"last run as of {latest} UTC")


def currency(settings: Settings) -> Finding:
    """Orders are in the currency in which everything is added up."""
    own = yaml.safe_load((settings.dbt_project / "dbt_project.yml").read_text())["vars"]["shop_currency"]
    try:
        rows = ask(settings, CURRENCIES, [own]).to_pylist()
    except QuestionError as error:
        return Finding("currency", "advice", str(error))
    if rows:
        foreign = ", ".join(f"{row['currency']} ({row['orders']})" for row in rows)
        return Finding(
            "currency",
            "advice",
            f"orders are in {foreign}, amounts are added up as {own}: "
            "set shop_currency in dbt/dbt_project.yml",
        )
    return Finding("currency", "ok", own)


def nights(settings: Settings) -> Finding:
    """What may be a day old is not much older: recommendations, hours, channels, predictions."""
    try:
        (row,) = ask(settings, NIGHTS).to_pylist()
    except QuestionError as error:
        return Finding("nights", "advice", str(error))
    last = f"the last was as of {row['as_of']} UTC" if row["as_of"] else "none yet"
    if row["is_late"]:
        return Finding("nights", "advice", f"{last}: `millrace nightly` once a day, after a run")
    return Finding("nights", "ok", last)


def store(settings: Settings) -> Finding:
    """The transactional store can be opened; one that is not there yet is not made."""
    if not is_there(settings.store_url):
        return Finding("store", "ok", "not made yet: the first run does it")
    with closing(open_store(settings.store_url)) as opened:
        return Finding("store", "ok", opened.engine.url.render_as_string(hide_password=True))


def providers(settings: Settings) -> Finding:
    """`providers.yml` can be used, and what it needs is set."""
    _, senders = open_providers(settings)
    close_senders(senders)
    named = (
        f"{channel}: {', '.join(sender.provider for sender in listed)}" for channel, listed in senders.items()
    )
    return Finding("providers", "ok", "; ".join(named))


def mail_server(settings: Settings) -> Finding:
    """The mail server of the settings answers."""
    if settings.smtp_url is None:
        return Finding("mail server", "advice", "none: set MILLRACE_SMTP to smtp://user:password@host:port")
    address = urlsplit(settings.smtp_url)
    with socket.create_connection((address.hostname, address.port or 25), timeout=SECONDS_TO_ANSWER):
        return Finding("mail server", "ok", f"{address.hostname}:{address.port or 25} answers")


def secret(settings: Settings) -> Finding:
    """Links are signed with a key that nobody else knows."""
    if settings.secret == "development-only":  # noqa: S105  (the very value that must not be used)
        return Finding(
            "secret", "advice", "development key: set MILLRACE_SECRET before real people get links"
        )
    return Finding("secret", "ok", "set")


EXAMINATIONS: dict[str, Callable[[Settings], Finding]] = {
    "home": home,
    "landing": landing,
    "dbt project": project,
    "flows": flows,
    "segments": segments,
    "warehouse": warehouse,
    "currency": currency,
    "nights": nights,
    "store": store,
    "providers": providers,
    "mail server": mail_server,
    "secret": secret,
}


def _guarded(part: str, look: Callable[[Settings], Finding], settings: Settings) -> Finding:
    """A part that raises is broken; the others are still looked at."""
    try:
        return look(settings)
    except Exception as error:  # noqa: BLE001  (whatever is wrong is what the doctor is asked for)
        return Finding(
            part, "broken", str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        )
