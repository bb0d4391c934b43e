"""The seam to a vendor: everything else about sending is written once, in this package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from connectors.model import Envelope, Receipt


class Sender(Protocol):
    """One vendor on one channel.

    Attributes:
        channel: what it delivers: email, sms, push, profile, webhook.
        provider: the vendor's name in the ledger.
        batch_size: how many messages one call takes.
        is_repeatable: a second call with the same message changes nothing, so a doubt needs no care.
    """

    channel: str
    provider: str
    batch_size: int
    is_repeatable: bool

    async def send(self, batch: Sequence[Envelope]) -> list[Receipt]:
        """Hand over a batch; exactly one receipt per message, whatever happened to each.

        Raises:
            StopSync: nothing will work until a person acts; no byte of the batch has left.
            TryAgain: nothing was sent; the same call may work later.
        """
        ...

    async def close(self) -> None:
        """Give connections back."""
        ...
