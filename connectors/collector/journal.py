"""Durable before acknowledged: all requests that wait share one write and one fsync (group commit).

While a group is being made durable the next one gathers, so the groups grow with the load. What waits is
bounded: beyond it a caller is told to come back rather than kept in memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol

from connectors.errors import ConnectorError
from connectors.landing import encode_record

MAX_WAITING_BYTES = 16 << 20


class Busy(ConnectorError):  # noqa: N818  (named by what the caller learns)
    """Too much waits to become durable; come back in a moment."""


class StorageFailed(ConnectorError):  # noqa: N818  (as above)
    """The records are not durable, and none of them is kept: the disk is full or broken."""


class Segments(Protocol):
    """Where lines become durable; its calls block and come from one thread."""

    def write(self, lines: bytes) -> None:
        """Make whole lines durable, or raise `StorageFailed` and keep none of them."""
        ...

    def hurry(self) -> None:
        """Somebody waits for what comes of the lines that were just written: complete the file soon."""
        ...

    def tend(self) -> None:
        """Complete what is old enough; called a few times per second."""
        ...

    def close(self) -> None:
        """Complete everything."""
        ...


class Journal:
    """Takes records from many requests at once; belongs to one event loop.

    Args:
        segments: where the lines go.
        tend_seconds: how often `segments` may complete files.
        max_waiting_bytes: bound of what is not durable yet.
    """

    def __init__(
        self, segments: Segments, tend_seconds: float = 0.25, max_waiting_bytes: int = MAX_WAITING_BYTES
    ) -> None:
        self._segments = segments
        self._tend_seconds = tend_seconds
        self._max_waiting_bytes = max_waiting_bytes
        self._thread = ThreadPoolExecutor(1, "journal")
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._is_urgent = False
        self._waiting_bytes = 0
        self._something_waits = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to commit; call it on the loop that serves requests."""
        self._task = asyncio.create_task(self._commit_groups())

    async def close(self) -> None:
        """Make durable what waits and complete the open segment."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        loop = asyncio.get_running_loop()
        if self._waiting:
            await self._commit()
        await loop.run_in_executor(self._thread, self._segments.close)
        self._thread.shutdown()

    async def append(self, records: Iterable[Mapping[str, Any]], *, is_urgent: bool = False) -> None:
        """Keep records as landing lines; returns when they are durable.

        Args:
            records: one per line.
            is_urgent: they may make a message due, and land as soon as may be.

        Raises:
            Busy: too much is waiting; nothing was kept.
            StorageFailed: nothing of this call was kept.
        """
        lines = b"".join(encode_record(dict(record)) for record in records)
        await self.append_lines(lines, is_urgent=is_urgent)

    async def append_lines(self, lines: bytes, *, is_urgent: bool = False) -> None:
        """As `append`, for NDJSON that is ready: whole lines, each with its line feed."""
        if not lines:
            return
        if self._waiting_bytes + len(lines) > self._max_waiting_bytes:
            raise Busy("too much waits for the disk")
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((lines, done))
        self._waiting_bytes += len(lines)
        self._is_urgent |= is_urgent
        self._something_waits.set()
        await done

    async def _commit_groups(self) -> None:
        loop = asyncio.get_running_loop()
        tend_at = loop.time()
        while True:
            try:
                async with asyncio.timeout_at(tend_at):
                    await self._something_waits.wait()
            except TimeoutError:
                pass
            else:
                await asyncio.shield(self._commit())
            if loop.time() >= tend_at:
                await loop.run_in_executor(self._thread, self._segments.tend)
                tend_at = loop.time() + self._tend_seconds

    async def _commit(self) -> None:
        """One group: whoever is cancelled meanwhile was not acknowledged, whatever became of the lines."""
        group, self._waiting = self._waiting, []
        is_urgent, self._is_urgent = self._is_urgent, False
        self._something_waits.clear()
        lines = b"".join(lines for lines, _ in group)
        failure: Exception | None = None
        try:
            work = partial(self._write, lines, is_urgent=is_urgent)
            await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except Exception as error:  # noqa: BLE001  (whoever waits must hear of it, whatever it is)
            failure = error if isinstance(error, StorageFailed) else StorageFailed(type(error).__name__)
        self._waiting_bytes -= len(lines)
        for _, done in group:
            if done.done():
                continue
            if failure:
                done.set_exception(failure)
            else:
                done.set_result(None)

    def _write(self, lines: bytes, *, is_urgent: bool) -> None:
        self._segments.write(lines)
        if is_urgent:
            self._segments.hurry()
