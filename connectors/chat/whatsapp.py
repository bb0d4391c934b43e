"""WhatsApp through Meta's Cloud API: templates that WhatsApp has approved.

The API has no log to ask: a doubt is resolved by the status webhook, which brings our message id back in
`biz_opaque_callback_data`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.chat.whatsapp_answers import receipt_of
from connectors.delivery.sender import AnyAddress, Rate
from connectors.delivery.singly import one_by_one
from connectors.errors import Rejected
from connectors.http import HttpClient
from connectors.model import Content, Envelope, Receipt
from connectors.sms.numbers import e164


class WhatsAppSender(AnyAddress):
    """One template message per call.

    Args:
        access_token: of a system user, with `whatsapp_business_messaging`.
        phone_number_id: of the number to send from, as Meta numbers it.
        base_url: of the Graph API, with its version.
        connections: calls at once; a number may send 80 messages a second until Meta raises it.
    """

    channel = "whatsapp"
    provider = "whatsapp"
    batch_size = 1
    is_repeatable = False

    def __init__(
        self,
        access_token: str,
        phone_number_id: str,
        *,
        base_url: str = "https://graph.facebook.com/v25.0",
        connections: int = 40,
        timeout_seconds: float = 30.0,
    ) -> None:
        self.rate = Rate(per_second=80, concurrent=connections)
        self._url = f"{base_url}/{phone_number_id}/messages"
        self._http = HttpClient(
            {"Authorization": f"Bearer {access_token}"},
            connections=connections,
            timeout_seconds=timeout_seconds,
        )

    async def send(self, batch: Sequence[Envelope]) -> list[Receipt]:
        """Send each message by a call of its own."""
        return await one_by_one(batch, self.provider, self._send_one)

    async def close(self) -> None:
        """Give connections back."""
        await self._http.close()

    async def _send_one(self, envelope: Envelope) -> Receipt:
        reply = await self._http.post(self._url, json=template_message(envelope))
        return receipt_of(envelope.message.message_id, reply)


def template_message(envelope: Envelope) -> dict[str, Any]:
    """The body of a call.

    Raises:
        Rejected: the content is no approved template, or the address no international number.
    """
    message, content = envelope.message, envelope.content
    if not content.data.get("template"):
        raise Rejected("no_approved_template")
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": e164(message.address),
        "type": "template",
        "template": {
            "name": content.data["template"],
            "language": {"code": content.data["language"]},
            "components": components(content),
        },
        "biz_opaque_callback_data": message.message_id,
    }


def components(content: Content) -> list[dict[str, Any]]:
    """What varies: the picture of the head, the parameters of the body, the end of the button's address."""
    parts: list[dict[str, Any]] = []
    if content.image:
        picture = {"type": "image", "image": {"link": content.image}}
        parts.append({"type": "header", "parameters": [picture]})
    if content.data["parameters"]:
        texts = [{"type": "text", "text": text} for text in content.data["parameters"]]
        parts.append({"type": "body", "parameters": texts})
    if content.url:
        end = {"type": "text", "text": content.url.rpartition("/")[2]}
        parts.append({"type": "button", "sub_type": "url", "index": "0", "parameters": [end]})
    return parts
