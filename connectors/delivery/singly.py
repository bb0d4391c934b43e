"""For vendors that take one message per call: a batch as one call each, all at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from connectors.errors import Rejected, StopSync, TryAgain
from connectors.model import Envelope, Receipt


async def one_by_one(
    batch: Sequence[Envelope], provider: str, send_one: Callable[[Envelope], Awaitable[Receipt]]
) -> list[Receipt]:
    """Send each message in a call of its own, all at once.

    What a call raises speaks for its own message, its neighbours may have been taken: it becomes a receipt.
    Only when nothing of the batch was taken, or may have been, is it raised as an error of the whole batch.

    Args:
        batch: at most as many as the vendor takes at once.
        provider: named in the receipts.
        send_one: makes the call; raises `TryAgain`, `StopSync` or `Rejected` when its message was surely not
            taken. Any other error is a mistake of ours after which nobody knows.

    Raises:
        StopSync: the vendor will take nothing until a person acts, and has taken nothing of this batch.
        TryAgain: no message of the batch was taken; the same call may work later.
    """
    answers = await asyncio.gather(*(send_one(envelope) for envelope in batch), return_exceptions=True)
    faults = [answer for answer in answers if isinstance(answer, StopSync | TryAgain)]
    if faults and len(faults) == len(answers):
        raise next((fault for fault in faults if isinstance(fault, StopSync)), faults[0])
    return [
        answer if isinstance(answer, Receipt) else _receipt(envelope.message.message_id, provider, answer)
        for envelope, answer in zip(batch, answers, strict=True)
    ]


def _receipt(message_id: str, provider: str, error: BaseException) -> Receipt:
    """What an error says about the one message that it happened to."""
    if isinstance(error, Rejected):
        return Receipt(message_id, "rejected", provider, reason=str(error))
    if isinstance(error, TryAgain):
        return Receipt(
            message_id, "retry", provider, reason=str(error), retry_after_seconds=error.retry_after_seconds
        )
    if isinstance(error, StopSync):
        return Receipt(message_id, "retry", provider, reason="provider_stopped")
    if isinstance(error, Exception):
        return Receipt(message_id, "unknown", provider, reason=f"error: {type(error).__name__}")
    raise error
