"""Webhooks out of this installation: settings become a forwarder, and the sender of flows' webhook steps."""

from __future__ import annotations

import asyncio
import signal
from contextlib import closing
from typing import TYPE_CHECKING

from connectors.forwarding.forwarder import Forwarder
from connectors.forwarding.registry import load_webhooks
from connectors.store import open_store
from dagster_project.locks import only_one
from dagster_project.runs import utc_now

if TYPE_CHECKING:
    from connectors.forwarding.registry import Webhook
    from dagster_project.settings import Settings


def read_webhooks(settings: Settings) -> dict[str, Webhook]:
    """The webhooks of an installation, by name.

    Raises:
        WebhooksError: with every mistake.
    """
    return load_webhooks(settings.webhooks_path, settings.secrets)


def forward(settings: Settings, webhooks: dict[str, Webhook]) -> None:
    """Forward events until SIGINT or SIGTERM.

    Raises:
        HeldError: another process forwards those of this installation.
    """
    landing = settings.open_landing()
    with only_one(settings.forwarder_path), closing(open_store(settings.store_url)) as store:
        asyncio.run(_run(Forwarder(store, landing, webhooks, utc_now)))


async def _run(forwarder: Forwarder) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await forwarder.run(stop)
