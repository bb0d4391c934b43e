"""WhatsApp through Meta's Cloud API: templates that WhatsApp has approved.

The API has no log to ask: a doubt is resolved by the status webhook, which brings our message id back in
`biz_opaque_callback_data`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.delivery.sender import Rate
from connectors.delivery.singly import one_by_one
from connectors.errors import Rejected, StopSync, TryAgain
from connectors.http import HttpClient, Reply, judge
from connectors.model import Content, Envelope, Message, Receipt, SuppressionReason
from connectors.sms.numbers import e164

OUR_FAULT = frozenset({0, 3, 10, *range(190, 300), 33, 368, 131005, 131031, 131042, 131045, 133010})
"""Token, permission, account, payment or number: every message would fail until a person acts."""

NOT_NOW = frozenset({4, 80007, 130429, 131048, 131056, 133016})
"""Limits of the app, the account, the number, its reputation, or this pair of numbers: nothing was taken."""

SUPPRESSIONS: Mapping[int, SuppressionReason] = {131050: "stop"}
"""The recipient has stopped this business's marketing. Not 131026: no account yet, an old app, new terms."""

ABOUT_THE_MESSAGE = 130_000
"""Codes from here on are WhatsApp's own; with a 4xx of whatever kind, this one message was refused."""

NOT_SENT = "paused"


class WhatsAppSender:
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

    def serves(self, message: Message) -> bool:  # noqa: ARG002  (any number)
        """Whatever the number."""
        return True

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


def receipt_of(message_id: str, reply: Reply) -> Receipt:
    """Meta's answer as a receipt; its codes count, the statuses around them vary.

    Raises:
        TryAgain: a limit was reached.
        StopSync: token, account or number are at fault.
    """
    if reply.is_success:
        return _taken(message_id, reply)
    code = _code(reply)
    if code in OUR_FAULT:
        raise StopSync(f"whatsapp {code}: check MILLRACE_WHATSAPP_… and the account in WhatsApp Manager")
    if code in NOT_NOW:
        raise TryAgain(f"whatsapp {code}", reply.retry_after_seconds())
    if code is not None and code >= ABOUT_THE_MESSAGE and reply.status in range(400, 500):
        return Receipt(
            message_id, "rejected", "whatsapp", reason=f"whatsapp {code}", suppress=SUPPRESSIONS.get(code)
        )
    verdict = judge(reply, "whatsapp")
    assert verdict, "success was read above"
    return verdict.receipt(message_id, "whatsapp")


def _taken(message_id: str, reply: Reply) -> Receipt:
    """A success names the message; one that is held for a check of its quality is Meta's to send."""
    try:
        taken = reply.json()["messages"][0]
        name, status = str(taken["id"]), taken.get("message_status")
    except (KeyError, IndexError, TypeError, AttributeError):
        return Receipt(message_id, "unknown", "whatsapp", reason="unreadable_answer")
    if status == NOT_SENT:
        return Receipt(message_id, "rejected", "whatsapp", name, reason=f"whatsapp {status}")
    return Receipt(message_id, "accepted", "whatsapp", name)


def _code(reply: Reply) -> int | None:
    answer = reply.json()
    error = answer.get("error") if isinstance(answer, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) else None
