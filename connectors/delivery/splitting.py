"""Poison rows: a batch that a vendor refuses as a whole is halved until the culprit stands alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from connectors.errors import Indivisible

Row = TypeVar("Row")


async def isolate(
    batch: Sequence[Row],
    call: Callable[[Sequence[Row]], Awaitable[object]],
    refuse: Callable[[Row, Indivisible], Awaitable[object]],
) -> None:
    """Call with the batch, or with ever smaller parts of it; k culprits in n rows cost O(k log n) calls.

    Args:
        batch: the rows.
        call: deals with a part completely, or raises `Indivisible` when nothing of it was taken.
        refuse: deals with a row that is refused when it is alone.
    """
    waiting = [batch]
    while waiting:
        part = waiting.pop()
        try:
            await call(part)
        except Indivisible as fault:
            if len(part) == 1:
                await refuse(part[0], fault)
                continue
            middle = len(part) // 2
            waiting += [part[middle:], part[:middle]]
