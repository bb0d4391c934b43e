"""E-mail through SendGrid's v3 API.

One message per call: the 1,000 personalizations that a call may hold share one content, and each of our
messages is rendered for its recipient. SendGrid answers such a call with 202, no body, and its own id.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from connectors.delivery.asking import ask_for_each
from connectors.delivery.sender import AnyAddress, Rate
from connectors.delivery.singly import one_by_one
from connectors.email.headers import own_headers
from connectors.email.mime import name_and_address, recipient
from connectors.errors import TryAgain
from connectors.http import HttpClient, judge, logged
from connectors.model import Doubt, Envelope, Receipt

ACCEPTED = 202
"""Other successes are none: 200 is the answer in sandbox mode, where nothing is sent."""


class SendGridSender(AnyAddress):
    """The mail/send endpoint; the log behind it can be asked by the accounts that pay for e-mail activity.

    Args:
        api_key: needs the scope `mail.send`, for read-back also `messages.read`.
        mail_from: mailbox in `From:`; a verified sender.
        base_url: `https://api.eu.sendgrid.com` for accounts in the EU.
        connections: calls at once; SendGrid publishes no limit, it answers 429 with its reset time.
        timeout_seconds: for a whole call; over it the outcome is unknown.
    """

    channel = "email"
    provider = "sendgrid"
    batch_size = 1
    is_repeatable = False
    read_back_horizon = timedelta(hours=1)
    """Nothing is published; activity shows up within minutes, and an hour costs a doubt nothing."""

    def __init__(
        self,
        api_key: str,
        *,
        mail_from: str,
        base_url: str = "https://api.sendgrid.com",
        connections: int = 50,
        timeout_seconds: float = 30.0,
    ) -> None:
        self.rate = Rate(concurrent=connections)
        self._mail_from = mail_from
        self._base_url = base_url
        self._http = HttpClient(
            {"Authorization": f"Bearer {api_key}"}, connections=connections, timeout_seconds=timeout_seconds
        )

    async def send(self, batch: Sequence[Envelope]) -> list[Receipt]:
        """Send each message by a call of its own."""
        return await one_by_one(batch, self.provider, self._send_one)

    async def read_back(self, doubts: Sequence[Doubt]) -> list[Receipt]:
        """Ask the activity log for our message id, one call per doubt (its answers do not name it)."""
        return await ask_for_each(doubts, self.provider, self._look_up)

    async def close(self) -> None:
        """Give connections back."""
        await self._http.close()

    async def _look_up(self, doubt: Doubt) -> Receipt | None:
        asked = {"query": f"(unique_args['message_id']=\"{doubt.message_id}\")", "limit": "1"}
        answer = await self._http.ask(f"{self._base_url}/v3/messages", asked, self.provider)
        for entry in logged(answer, "messages", self.provider):
            if str(entry.get("to_email", "")).casefold() != doubt.address.casefold():
                raise TryAgain("sendgrid could not be asked: it answers with other messages")
            # The log's id is the one that mail/send gives, a dot, and the way that the mail took.
            name = str(entry.get("msg_id", "")).partition(".")[0]
            return Receipt(doubt.message_id, "accepted", self.provider, name or None)
        return None

    async def _send_one(self, envelope: Envelope) -> Receipt:
        body = mail_send(envelope, self._mail_from)
        reply = await self._http.post(f"{self._base_url}/v3/mail/send", json=body)
        message_id = envelope.message.message_id
        if verdict := judge(reply, self.provider):
            return verdict.receipt(message_id, self.provider)
        if reply.status != ACCEPTED:
            return Receipt(message_id, "unknown", self.provider, reason=f"http {reply.status}")
        return Receipt(
            message_id, "accepted", self.provider, provider_message_id=reply.headers.get("x-message-id")
        )


def mail_send(envelope: Envelope, mail_from: str) -> dict[str, Any]:
    """The body of mail/send. Opens, clicks and unsubscribing are ours already: SendGrid must not add its own.

    Raises:
        Rejected: the address is none.
    """
    message, content = envelope.message, envelope.content
    name, address = name_and_address(mail_from)
    parts = [{"type": "text/plain", "value": content.text}]
    if content.html is not None:
        parts.append({"type": "text/html", "value": content.html})
    off = {"enable": False}
    return {
        "personalizations": [
            {"to": [{"email": recipient(message.address)}], "custom_args": {"message_id": message.message_id}}
        ],
        "from": {"email": address} | ({"name": name} if name else {}),
        "subject": content.subject or "",
        "content": parts,
        "headers": own_headers(envelope, mail_from),
        "categories": sorted({message.flow, message.message_class}),
        "tracking_settings": {
            "click_tracking": off | {"enable_text": False},
            "open_tracking": off,
            "subscription_tracking": off,
        },
    }
