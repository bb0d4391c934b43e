"""The `webhook` channel: a flow's `webhook` step tells the system of that name in `webhooks.yml`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from connectors.delivery.sender import Rate
from connectors.errors import StopSync, TryAgain
from connectors.forwarding.forwarder import open_client, post
from connectors.forwarding.registry import Webhook
from connectors.http import HttpClient
from connectors.model import Envelope, Message, Outcome, Receipt


class WebhookSender:
    """Signed as forwarded events are; the message's id is the webhook's, so a repetition is known as one.

    What goes wrong with one system is its own message's outcome, never the channel's: the others go on.
    """

    channel = "webhook"
    provider = "standard_webhooks"
    batch_size = 1
    is_repeatable = True
    rate = Rate(concurrent=8)

    def __init__(self, webhooks: Mapping[str, Webhook]) -> None:
        self._webhooks = webhooks
        self._clients: dict[str, HttpClient] = {}

    def serves(self, message: Message) -> bool:
        """Whether the system is declared."""
        return message.template in self._webhooks

    async def send(self, batch: Sequence[Envelope]) -> list[Receipt]:
        """Tell the one message of the batch; one that was not taken comes again, for a day."""
        return [await self._tell(envelope) for envelope in batch]

    async def close(self) -> None:
        """Close all connections."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.close()

    async def _tell(self, envelope: Envelope) -> Receipt:
        message = envelope.message
        webhook = self._webhooks[message.template or ""]
        client = self._clients.setdefault(webhook.name, open_client(webhook))
        try:
            reason = await post(client, webhook, message.message_id, as_body(envelope))
        except (TryAgain, StopSync) as error:
            asked = error.retry_after_seconds if isinstance(error, TryAgain) else None
            return Receipt(
                message.message_id, "retry", self.provider, reason=str(error), retry_after_seconds=asked
            )
        outcome: Outcome = "retry" if reason else "accepted"
        return Receipt(message.message_id, outcome, self.provider, message.message_id, reason)


def as_body(envelope: Envelope) -> bytes:
    """Which flow and step it is, whom it is about, and what the step says `with` it."""
    message = envelope.message
    about = {"flow": message.flow, "step": message.step, "profileId": message.profile_id}
    whole = {
        "type": "flow.webhook",
        "timestamp": f"{message.decided_at.isoformat()}Z",
        "data": {**about, "with": dict(envelope.content.data)},
    }
    return json.dumps(whole, separators=(",", ":"), default=str).encode()
