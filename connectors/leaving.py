"""Whether a request may still leave, asked again by whoever has its connection in hand.

A machine may be suspended between the decision to send and the first byte, for so long that others have sent
the message instead. A connection from before does not outlive that, so the last place to ask is behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from connectors.errors import TryAgain

_may_leave: ContextVar[Callable[[], bool]] = ContextVar("may_leave", default=lambda: True)


@contextmanager
def leaving_while(condition: Callable[[], bool]) -> Iterator[None]:
    """Requests of this block, and of the tasks that it starts, leave only while the condition holds."""
    token = _may_leave.set(condition)
    try:
        yield
    finally:
        _may_leave.reset(token)


def ask_to_leave() -> None:
    """Go on, or raise.

    Raises:
        TryAgain: it is too late; not a byte of the request has left.
    """
    if not _may_leave.get()():
        raise TryAgain("attempt_out_of_date")
