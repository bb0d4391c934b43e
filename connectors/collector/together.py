"""Blocking work of many requests in one go: whoever comes first does what waits for all (group commit)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from starlette.concurrency import run_in_threadpool

from connectors.collector.journal import Busy

MAX_WAITING = 20_000

Item = TypeVar("Item")


class Together(Generic[Item]):
    """Collects items while the work on earlier ones is under way; belongs to one event loop.

    Args:
        work: called in a thread with the items of one or more requests; it takes all of them, or raises.
        max_waiting: bound of the items that wait.
    """

    def __init__(self, work: Callable[[list[Item]], object], max_waiting: int = MAX_WAITING) -> None:
        self._work = work
        self._max_waiting = max_waiting
        self._waiting: list[tuple[Sequence[Item], asyncio.Future[None]]] = []
        self._one_at_a_time = asyncio.Lock()

    async def do(self, items: Sequence[Item]) -> None:
        """Returns when the work on these items is done.

        Raises:
            Busy: too much waits; nothing was done.
            Exception: what the work raised.
        """
        if not items:
            return
        if sum(len(waiting) for waiting, _ in self._waiting) + len(items) > self._max_waiting:
            raise Busy("too much waits")
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((items, done))
        async with self._one_at_a_time:
            if not done.done():
                await asyncio.shield(self._do_waiting())
        await done

    async def _do_waiting(self) -> None:
        group, self._waiting = self._waiting, []
        try:
            await run_in_threadpool(self._work, [item for items, _ in group for item in items])
        except Exception as error:  # noqa: BLE001  (each of the group hears of it)
            for _, done in group:
                done.set_exception(error)
            return
        for _, done in group:
            done.set_result(None)
