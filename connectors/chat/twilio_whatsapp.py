"""WhatsApp through Twilio: approved templates, as Twilio's Content API keeps them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from connectors.delivery.sender import Rate
from connectors.delivery.singly import one_by_one
from connectors.errors import Rejected
from connectors.model import Content, Envelope, Receipt
from connectors.sms.twilio_account import TwilioSender


class TwilioWhatsAppSender(TwilioSender):
    """WhatsApp templates by their Content SID; `sender` is the WhatsApp number to send from, `+43…`."""

    channel = "whatsapp"
    rate = Rate(per_second=10, concurrent=20)
    prefix = "whatsapp:"

    async def send(self, batch: Sequence[Envelope]) -> list[Receipt]:
        """Create one message each."""
        return await one_by_one(batch, self.provider, self._send_one)

    async def _send_one(self, envelope: Envelope) -> Receipt:
        content_sid = envelope.content.data.get("content_sid")
        if not content_sid:
            raise Rejected("no_content_sid: name the approved template's Content SID in template.yml")
        return await self._twilio.create(
            envelope,
            self._address(envelope.message.address),
            content_sid=content_sid,
            content_variables=json.dumps(variables(envelope.content), ensure_ascii=False),
        )


def variables(content: Content) -> dict[str, str]:
    """{{1}}, {{2}} …: the parameters of the body, then the end of the button's address, then the image."""
    values = [*content.data["parameters"]]
    values += [content.url.rpartition("/")[2]] if content.url else []
    values += [content.image] if content.image else []
    return {str(number): value for number, value in enumerate(values, 1)}
