"""The providers of an installation: opened as `providers.yml` says, their status, and alerts about them."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from connectors.delivery import doubts
from connectors.delivery.alerts import conditions, news
from connectors.delivery.status import ProviderStatus, provider_status
from connectors.forwarding.sender import WebhookSender
from connectors.providers import Providers, load_providers
from connectors.store import open_store, open_to_read
from connectors.vendors import open_senders
from dagster_project.alerts import alert
from dagster_project.forwarding import read_webhooks
from dagster_project.runs import utc_now

if TYPE_CHECKING:
    from connectors.delivery import Sender
    from connectors.store import Store
    from dagster_project.settings import Settings


def open_providers(settings: Settings) -> tuple[Providers, dict[str, tuple[Sender, ...]]]:
    """What `providers.yml` says, and the senders that it names, by channel and in failover order.

    Webhooks that are declared are told; what takes the others is the file's.

    Raises:
        ProvidersError: with every mistake.
        WebhooksError: likewise, of `webhooks.yml`.
    """
    providers = load_providers(settings.providers_path)
    senders = open_senders(providers, settings.credentials, settings.outbox, settings.mail_from)
    if webhooks := read_webhooks(settings):
        senders["webhook"] = (WebhookSender(webhooks), *senders.get("webhook", ()))
    return providers, senders


def read_status(settings: Settings, channel: str | None = None) -> list[ProviderStatus]:
    """How the providers are now, of one channel or all."""
    providers, senders = open_providers(settings)
    asked = {name: listed for name, listed in senders.items() if channel in (None, name)}
    with closing(open_to_read(settings.store_url)) as store:
        try:
            return provider_status(store, asked, providers.policies(settings.mail_from), utc_now())
        finally:
            close_senders(senders)


def health_table(settings: Settings, channel: str) -> list[dict[str, Any]]:
    """One channel's providers as a person looks at them in Dagster."""
    shown = (
        "provider",
        "breaker",
        "per_second",
        "accepted",
        "rejected",
        "waiting",
        "unknown",
        "dead_letters",
    )
    return [
        {name: value for name, value in asdict(status).items() if name in shown}
        for status in read_status(settings, channel)
    ]


def read_back(settings: Settings, now: datetime) -> dict[str, Counter[str]]:
    """Ask the logs of all providers that have one about messages in doubt; what they became, by provider."""
    _, senders = open_providers(settings)

    async def ask(store: Store) -> dict[str, Counter[str]]:
        try:
            return {
                f"{channel}/{sender.provider}": await doubts.read_back(store, sender, now)
                for channel, listed in senders.items()
                for sender in listed
            }
        finally:
            await _close(senders)

    with closing(open_store(settings.store_url)) as store:
        return asyncio.run(ask(store))


def tell_news(settings: Settings, store: Store, now: datetime) -> None:
    """Alert of what is new since the last run, and say what is resolved; each once."""
    changed = news(store, conditions(store, now), now)
    for text in changed.raised:
        alert(settings, text)
    for text in changed.resolved:
        alert(settings, f"resolved: {text}", level=logging.INFO)


def close_senders(senders: Mapping[str, Sequence[Sender]]) -> None:
    """Give back what opening them took."""
    asyncio.run(_close(senders))


async def _close(senders: Mapping[str, Sequence[Sender]]) -> None:
    await asyncio.gather(*(sender.close() for listed in senders.values() for sender in listed))
