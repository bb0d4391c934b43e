"""A shop's products, customers and orders from Shopify's API into landing files, page by page.

Event ids are those of the webhooks: what was told and pulled counts once. Where a pull stands is kept after
each page, so a killed one goes on; after a finished one the next asks for what has changed since it began.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.collector.pii import hash_pii
from connectors.landing import Landing, encode_record
from connectors.pull.graphql import AdminApi
from connectors.pull.shopify import API_VERSION, RESOURCES, Page, pages

SOURCE = "shopify"
SHOP = re.compile(r"[a-z0-9][a-z0-9-]*\.myshopify\.com")
OVERLAP = timedelta(minutes=5)
"""Shopify's search lags behind its database; what is asked for twice counts once."""

Progress = Callable[[str, int, int], None]


class BadShopError(ValueError):
    """The name is not that of a shop at Shopify."""


@dataclass(frozen=True, slots=True)
class PullState:
    """Where the pull of one resource stands.

    Attributes:
        since: ISO time in UTC; none asks for everything.
        cursor: behind the last landed page; none at the beginning.
        begun_at: when this round began, ISO in UTC; none between rounds.
    """

    since: str | None = None
    cursor: str | None = None
    begun_at: str | None = None


class StateFile:
    """The state of each resource of one shop, in a JSON file that is replaced as a whole."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, resource: str) -> PullState:
        """Where the resource stands; at the beginning when nothing is known."""
        return PullState(**self._all().get(resource, {}))

    def write(self, resource: str, state: PullState) -> None:
        """Note where it stands."""
        kept = {name: getattr(state, name) for name in PullState.__dataclass_fields__}
        arriving = self._path.with_suffix(".tmp")
        arriving.parent.mkdir(parents=True, exist_ok=True)
        arriving.write_text(json.dumps(self._all() | {resource: kept}, indent=2) + "\n")
        arriving.replace(self._path)

    def _all(self) -> dict[str, dict[str, Any]]:
        known: dict[str, dict[str, Any]] = json.loads(self._path.read_text()) if self._path.exists() else {}
        return known


def endpoint(shop: str) -> str:
    """The API's address of a shop such as `tea.myshopify.com`.

    Raises:
        BadShopError: anything else, which must not get the access token.
    """
    if not SHOP.fullmatch(shop):
        raise BadShopError(f"{shop!r} is not a shop at Shopify; write its name as in tea.myshopify.com")
    return f"https://{shop}/admin/api/{API_VERSION}/graphql.json"


async def pull_shop(
    api: AdminApi,
    landing: Landing,
    state: StateFile,
    now: datetime,
    *,
    only: Iterable[str] = RESOURCES,
    since: datetime | None = None,
    pii_secret: str | None = None,
    progress: Progress | None = None,
) -> dict[str, int]:
    """Land what is new at the shop; how many events of each resource.

    Args:
        api: the shop's.
        landing: where the files go.
        state: where earlier pulls stopped.
        now: naive UTC.
        only: names in `RESOURCES`.
        since: begin anew with what has changed since then, naive UTC.
        pii_secret: when set, addresses and names are hashed with it.
        progress: told resource, events so far, events so far.

    Raises:
        StopSync, TryAgain: as in `AdminApi.ask`; what has landed stays, and the next pull goes on from there.
    """
    counts = {}
    for name in only:
        standing = PullState(since=_text(since)) if since else state.read(name)
        standing = PullState(standing.since, standing.cursor, standing.begun_at or _text(now - OVERLAP))
        counts[name] = 0
        async for page in pages(api, RESOURCES[name], since=standing.since, cursor=standing.cursor):
            counts[name] += _land(page, landing, name, standing, pii_secret)
            standing = PullState(standing.since, page.cursor, standing.begun_at)
            state.write(name, standing if page.cursor else PullState(since=standing.begun_at))
            if progress:
                progress(name, counts[name], counts[name])
    return counts


def _land(page: Page, landing: Landing, name: str, standing: PullState, pii_secret: str | None) -> int:
    """One file, named by its content: a page that is asked for twice in a round is one file."""
    received = {"source": SOURCE, "receivedAt": standing.begun_at}
    records = [{**(hash_pii(call, pii_secret) if pii_secret else call), **received} for call in page.calls]
    if records:
        digest = hashlib.sha256(b"".join(map(encode_record, records))).hexdigest()[:16]
        landing.write(f"shopify/{name}/{digest}.ndjson", records)
    return len(records)


def _text(moment: datetime) -> str:
    return f"{moment.isoformat(timespec='seconds')}Z"
