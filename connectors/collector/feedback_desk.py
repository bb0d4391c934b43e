"""Delivery webhooks of many requests in one transaction: whoever comes first takes in what waits for all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from starlette.concurrency import run_in_threadpool

from connectors.collector.together import Together
from connectors.feedback import Feedback, write_feedback
from connectors.feedback.take import keep_feedback
from connectors.landing import Landing
from connectors.store import Store

SECONDS_TO_LANDING = 5.0

log = logging.getLogger(__name__)


class FeedbackDesk:
    """Takes in feedback: durable and acted upon when `take` returns; in landing some seconds later.

    Args:
        store: what is decided there holds for the very next claim.
        landing: where the events go; one file for all that came in the meantime.
        clock: the time as naive UTC.
        seconds_to_landing: how long events gather for a file.
    """

    def __init__(
        self,
        store: Store,
        landing: Landing,
        clock: Callable[[], datetime],
        seconds_to_landing: float = SECONDS_TO_LANDING,
    ) -> None:
        self._store = store
        self._landing = landing
        self._clock = clock
        self._seconds_to_landing = seconds_to_landing
        self._together: Together[Feedback] = Together(self._keep)
        self._writing: asyncio.Task[None] | None = None

    async def take(self, items: Sequence[Feedback]) -> None:
        """Keep and act on what was said.

        Raises:
            Busy: too much waits; nothing was kept.
        """
        if not items:
            return
        await self._together.do(items)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_soon())

    async def close(self) -> None:
        """Write what has not reached the landing."""
        if self._writing:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
            await self._write()

    def _keep(self, items: Sequence[Feedback]) -> None:
        keep_feedback(self._store, items, self._clock())

    async def _write_soon(self) -> None:
        await asyncio.sleep(self._seconds_to_landing)
        await self._write()

    async def _write(self) -> None:
        try:
            await run_in_threadpool(write_feedback, self._store, self._landing, self._clock())
        except Exception as error:  # noqa: BLE001  (all of it holds and is kept; the next delivery writes it)
            log.warning("feedback is not in landing yet: %s", type(error).__name__)
