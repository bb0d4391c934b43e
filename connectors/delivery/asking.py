"""For vendors whose log is asked about one message at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from connectors.errors import TryAgain
from connectors.model import Doubt, Receipt


async def ask_for_each(
    doubts: Sequence[Doubt], provider: str, look_up: Callable[[Doubt], Awaitable[Receipt | None]]
) -> list[Receipt]:
    """Ask about one doubt after the other, in their order, until the log has had enough of it.

    Logs are asked more slowly than messages are sent. What was learned until then counts; for the rest the
    receipts say `unknown`, which leaves them as they are: not to have asked proves nothing.

    Args:
        doubts: the oldest first.
        provider: named in the receipts.
        look_up: gives the receipt when the log shows the message, None when it does not.

    Raises:
        TryAgain: the log could not be asked about the first of them.
        StopSync: as `look_up`.
    """
    receipts: list[Receipt] = []
    for number, doubt in enumerate(doubts):
        try:
            receipt = await look_up(doubt)
        except TryAgain:
            if number == 0:
                raise
            unasked = (rest.message_id for rest in doubts[number:])
            return receipts + [Receipt(key, "unknown", provider, reason="not_asked") for key in unasked]
        if receipt:
            receipts.append(receipt)
    return receipts
