"""The `profile` channel: a flow's `update_profile` becomes an identify event in landing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from connectors.delivery.sender import AnyAddress, Rate
from connectors.model import Envelope, Receipt


class ProfileUpdates(AnyAddress):
    """Hands the traits back with the receipt; they are written to landing together with the outcome, once."""

    channel = "profile"
    provider = "landing"
    batch_size = 500
    is_repeatable = True
    rate = Rate()

    async def send(self, batch: Sequence[Envelope]) -> list[Receipt]:
        """One identify record per message; its event id follows from the message's."""
        return [
            Receipt(
                envelope.message.message_id, "accepted", self.provider, events=(identify_record(envelope),)
            )
            for envelope in batch
        ]

    async def close(self) -> None:
        """Nothing is open."""


def identify_record(envelope: Envelope) -> dict[str, object]:
    """The landing record that sets the traits on the person, by the opaque profile id."""
    message = envelope.message
    return {
        "type": "identify",
        "messageId": hashlib.sha256(f"{message.message_id}|identify".encode()).hexdigest()[:32],
        "timestamp": envelope.sent_at.isoformat() + "Z",
        "source": "delivery",
        "traits": dict(envelope.content.data),
        "properties": {"profile_id": message.profile_id, "message_id": message.message_id},
    }
