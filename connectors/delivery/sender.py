"""The seam to a vendor: everything else about sending is written once, in this package."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, runtime_checkable

from connectors.model import Doubt, Envelope, Message, Receipt


@dataclass(frozen=True, slots=True)
class Rate:
    """What a vendor's endpoint takes: messages per second (none: no published limit), calls at once."""

    per_second: float | None = None
    concurrent: int = 1


class Sender(Protocol):
    """One vendor on one channel.

    Attributes:
        channel: what it delivers: email, sms, whatsapp, push, profile, webhook.
        provider: the vendor's name in the ledger.
        batch_size: how many messages one call takes.
        is_repeatable: a second call with the same message changes nothing, so a doubt needs no care.
        rate: the vendor's published limits; the loop keeps to them and to what the vendor answers.
    """

    channel: str
    provider: str
    batch_size: int
    is_repeatable: bool
    rate: Rate

    def serves(self, message: Message) -> bool:
        """Whether this vendor can reach the message's address: a push token belongs to one of them."""
        ...

    async def send(self, batch: Sequence[Envelope]) -> list[Receipt]:
        """Hand over a batch; exactly one receipt per message, whatever happened to each.

        Raises:
            StopSync: nothing will work until a person acts; no byte of the batch has left.
            TryAgain: nothing was sent; the same call may work later.
            Indivisible: the vendor refused the batch as a whole, for a fault that it does not place.
        """
        ...

    async def close(self) -> None:
        """Give connections back."""
        ...


class AnyAddress:
    """What a vendor inherits that can reach every address of its channel."""

    def serves(self, message: Message) -> bool:  # noqa: ARG002  (any address)
        """Whatever the address."""
        return True


@runtime_checkable
class ReadsBack(Protocol):
    """A vendor whose log can be asked what became of a message.

    Attributes:
        read_back_horizon: how long after an attempt the log is sure to show the message, had it arrived. What
            is not there by then was not sent.
    """

    read_back_horizon: timedelta

    async def read_back(self, doubts: Sequence[Doubt]) -> list[Receipt]:
        """A receipt (accepted or rejected) for each message that the log shows; none for the others.

        Where the log shows something that may be the message, and may not, the receipt says `unknown`: the
        doubt stays.

        Raises:
            TryAgain: the log could not be asked, or not completely; nothing follows from what is missing.
            StopSync: nothing will work until a person acts.
        """
        ...
