"""The forwarder: looks through landing, and tells each webhook its events in order, apart from all others.

A system that takes nothing now keeps its queue waiting, so that nothing overtakes; after each pause the
oldest event is the trial. A failure that may be the event's own (an error, no answer) keeps only that event
back; receivers that need the order find it in `timestamp`. Other systems notice nothing: each has a task, a
connection and a queue of its own.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

from connectors.errors import StopSync, TryAgain
from connectors.forwarding import queue
from connectors.forwarding.network import PublicResolver
from connectors.forwarding.queue import Entry
from connectors.forwarding.registry import Webhook
from connectors.http import HttpClient, judge
from connectors.landing import Landing
from connectors.standard_webhooks import signed_headers
from connectors.store import Store

LOOK_SECONDS = 0.5
LOOKING_SHARE = 4
"""A look at a large landing takes time: looking is at most a fifth of it."""
TIMEOUT_SECONDS = 15.0
"""Standard Webhooks advises 15 to 30."""
AT_ONCE = 50
FAILURES_IN_A_ROW = 3
FORGET_SECONDS = 3600.0

log = logging.getLogger(__name__)


def open_client(webhook: Webhook) -> HttpClient:
    """Connections to one webhook, to public addresses only unless it is declared otherwise."""
    resolver = None if webhook.allow_private else PublicResolver
    return HttpClient(connections=1, timeout_seconds=TIMEOUT_SECONDS, resolver=resolver)


async def post(client: HttpClient, webhook: Webhook, webhook_id: str, body: bytes) -> str | None:
    """Tell one thing, once: none when it was taken, otherwise why nobody knows or it was not.

    Raises:
        TryAgain: the system takes nothing now.
        StopSync: the system takes nothing from us: its address or our secret is wrong.
    """
    headers = signed_headers(webhook.key, webhook_id, int(time.time()), body)
    reply = await client.post(webhook.url, content=body, headers=headers)
    verdict = judge(reply, webhook.name)
    return verdict.reason if verdict else None


class Forwarder:
    """Forwards until it is stopped; belongs to one event loop.

    Args:
        store: holds the queue.
        landing: where events arrive.
        webhooks: who is told what.
        clock: the time as naive UTC.
    """

    def __init__(
        self,
        store: Store,
        landing: Landing,
        webhooks: Mapping[str, Webhook],
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._landing = landing
        self._webhooks = webhooks
        self._clock = clock
        self._seen: dict[str, str] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set."""
        work = [self._fill(stop), *(self._serve(webhook, stop) for webhook in self._webhooks.values())]
        await asyncio.gather(*work)

    async def _fill(self, stop: asyncio.Event) -> None:
        """Queue what lands. A landing or store that cannot be reached is asked again."""
        forget_at = 0.0
        while not stop.is_set():
            started = time.monotonic()
            try:
                await asyncio.to_thread(
                    queue.enqueue_landed,
                    self._store,
                    self._landing,
                    self._webhooks.values(),
                    self._seen,
                    self._clock(),
                )
                if started >= forget_at:
                    forget_at = started + FORGET_SECONDS
                    await asyncio.to_thread(queue.forget, self._store, self._clock())
            except Exception as error:  # noqa: BLE001  (whatever it is, what was queued goes on)
                log.warning("landing cannot be looked through: %s", type(error).__name__)
            await _sleep(stop, max(LOOK_SECONDS, LOOKING_SHARE * (time.monotonic() - started)))

    async def _serve(self, webhook: Webhook, stop: asyncio.Event) -> None:
        """Tell one webhook its events, one after the other."""
        client, failures = open_client(webhook), 0
        try:
            while not stop.is_set():
                pause = timedelta(seconds=LOOK_SECONDS)
                try:
                    failures, pause = await self._round(client, webhook, failures, stop)
                except Exception as error:  # noqa: BLE001  (of the store: what it has not noted comes again)
                    log.warning("%s is not told: %s", webhook.name, type(error).__name__)
                await _sleep(stop, pause.total_seconds())
        finally:
            await client.close()

    async def _round(
        self, client: HttpClient, webhook: Webhook, failures: int, stop: asyncio.Event
    ) -> tuple[int, timedelta]:
        """Some events: how many failures in a row it has come to, and the pause that follows."""
        limit = 1 if failures >= FAILURES_IN_A_ROW else AT_ONCE
        entries = await asyncio.to_thread(queue.due, self._store, webhook.name, self._clock(), limit)
        for entry in entries:
            wait, is_away = await self._tell(client, webhook, entry)
            failures = 0 if wait is None else failures + 1
            if wait and failures >= FAILURES_IN_A_ROW:
                return failures, min(wait, queue.LONGEST_PAUSE)
            if is_away or stop.is_set():
                break
        return failures, timedelta() if entries else timedelta(seconds=LOOK_SECONDS)

    async def _tell(
        self, client: HttpClient, webhook: Webhook, entry: Entry
    ) -> tuple[timedelta | None, bool]:
        """One attempt: the wait until the next one, if one is needed; and whether the system is away."""
        is_away, asked = False, None
        try:
            reason = await post(client, webhook, entry.event_id, entry.body.encode())
        except (TryAgain, StopSync) as error:
            reason, is_away = str(error), True
            asked = error.retry_after_seconds if isinstance(error, TryAgain) else None
        now = self._clock()
        if reason is None:
            await asyncio.to_thread(queue.settle_delivered, self._store, entry.number, now)
            return None, False
        failed = partial(queue.settle_failed, reason=reason, is_away=is_away, asked_seconds=asked)
        return await asyncio.to_thread(failed, self._store, entry, now), is_away


async def _sleep(stop: asyncio.Event, seconds: float) -> None:
    """Sleep, but not beyond the end."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass
