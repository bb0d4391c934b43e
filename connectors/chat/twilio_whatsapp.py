"""WhatsApp through Twilio: approved templates, as Twilio's Content API keeps them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta

from connectors.delivery.asking import ask_for_each
from connectors.delivery.sender import Rate
from connectors.delivery.singly import one_by_one
from connectors.errors import Rejected
from connectors.model import Content, Doubt, Envelope, Message, Receipt
from connectors.sms.numbers import e164
from connectors.sms.twilio_account import open_twilio
from connectors.sms.twilio_codes import PROVIDER


class TwilioWhatsAppSender:
    """WhatsApp templates by their Content SID; see `TwilioSmsSender` for the arguments.

    Args:
        sender: the WhatsApp number to send from, `+43…`, when there is no Messaging Service.
    """

    channel = "whatsapp"
    provider = PROVIDER
    batch_size = 1
    is_repeatable = False
    rate = Rate(per_second=10, concurrent=20)
    read_back_horizon = timedelta(minutes=5)

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        *,
        messaging_service_sid: str | None = None,
        sender: str | None = None,
        status_callback: str | None = None,
        base_url: str = "https://api.twilio.com",
        timeout_seconds: float = 30.0,
    ) -> None:
        self._twilio = open_twilio(
            account_sid,
            auth_token,
            messaging_service_sid=messaging_service_sid,
            sender=f"whatsapp:{sender}" if sender else None,
            status_callback=status_callback,
            base_url=base_url,
            timeout_seconds=timeout_seconds,
        )

    def serves(self, message: Message) -> bool:  # noqa: ARG002  (any number)
        """Whatever the number."""
        return True

    async def send(self, batch: Sequence[Envelope]) -> list[Receipt]:
        """Create one message each."""
        return await one_by_one(batch, self.provider, self._send_one)

    async def read_back(self, doubts: Sequence[Doubt]) -> list[Receipt]:
        """What Twilio's log proves; see `Twilio.find`. Buttons are not in it, so often nothing."""
        return await ask_for_each(doubts, self.provider, self._look_up)

    async def close(self) -> None:
        """Give connections back."""
        await self._twilio.transport.close()

    async def _look_up(self, doubt: Doubt) -> Receipt | None:
        return await self._twilio.find(doubt, address(doubt.address))

    async def _send_one(self, envelope: Envelope) -> Receipt:
        content_sid = envelope.content.data.get("content_sid")
        if not content_sid:
            raise Rejected("no_content_sid: name the approved template's Content SID in template.yml")
        return await self._twilio.create(
            envelope,
            address(envelope.message.address),
            content_sid=content_sid,
            content_variables=json.dumps(variables(envelope.content), ensure_ascii=False),
        )


def address(number: str) -> str:
    """The number as Twilio writes it for WhatsApp."""
    return f"whatsapp:{e164(number)}"


def variables(content: Content) -> dict[str, str]:
    """{{1}}, {{2}} …: the parameters of the body, then the end of the button's address, then the image."""
    values = [*content.data["parameters"]]
    values += [content.url.rpartition("/")[2]] if content.url else []
    values += [content.image] if content.image else []
    return {str(number): value for number, value in enumerate(values, 1)}
