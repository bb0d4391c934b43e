"""SMS and MMS through Twilio."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from connectors.delivery.asking import ask_for_each
from connectors.delivery.sender import Rate
from connectors.delivery.singly import one_by_one
from connectors.errors import Rejected
from connectors.model import Doubt, Envelope, Message, Receipt
from connectors.sms.numbers import e164
from connectors.sms.twilio_account import open_twilio
from connectors.sms.twilio_codes import PROVIDER

LONGEST_BODY = 1600
"""Characters; Twilio refuses more with 21617."""


class TwilioSmsSender:
    """Text messages; one with an image is an MMS.

    Args:
        account_sid: `AC…`.
        auth_token: of the account.
        messaging_service_sid: `MG…`; Twilio picks the number and keeps to its throughput.
        sender: a number or name to send from; needed without a Messaging Service.
        status_callback: our public address for Twilio's status callbacks; `message_id` is added to it.
    """

    channel = "sms"
    provider = PROVIDER
    batch_size = 1
    is_repeatable = False
    rate = Rate(concurrent=50)
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
            sender=sender,
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
        """What Twilio's log proves; see `Twilio.find`."""
        return await ask_for_each(doubts, self.provider, self._look_up)

    async def close(self) -> None:
        """Give connections back."""
        await self._twilio.transport.close()

    async def _look_up(self, doubt: Doubt) -> Receipt | None:
        return await self._twilio.find(doubt, e164(doubt.address))

    async def _send_one(self, envelope: Envelope) -> Receipt:
        content = envelope.content
        if len(content.text) > LONGEST_BODY:
            raise Rejected(f"too_long: {len(content.text)} of {LONGEST_BODY} characters")
        media = {"media_url": [content.image]} if content.image else {}
        return await self._twilio.create(envelope, e164(envelope.message.address), body=content.text, **media)
