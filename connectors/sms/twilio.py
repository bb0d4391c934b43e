"""SMS and MMS through Twilio."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.delivery.sender import Rate
from connectors.delivery.singly import one_by_one
from connectors.errors import Rejected
from connectors.model import Envelope, Receipt
from connectors.sms.twilio_account import TwilioSender

LONGEST_BODY = 1600
"""Characters; Twilio refuses more with 21617."""


class TwilioSmsSender(TwilioSender):
    """Text messages; one with an image is an MMS."""

    channel = "sms"
    rate = Rate(concurrent=50)

    async def send(self, batch: Sequence[Envelope]) -> list[Receipt]:
        """Create one message each."""
        return await one_by_one(batch, self.provider, self._send_one)

    async def _send_one(self, envelope: Envelope) -> Receipt:
        content = envelope.content
        if len(content.text) > LONGEST_BODY:
            raise Rejected(f"too_long: {len(content.text)} of {LONGEST_BODY} characters")
        media = {"media_url": [content.image]} if content.image else {}
        to = self._address(envelope.message.address)
        return await self._twilio.create(envelope, to, body=content.text, **media)
