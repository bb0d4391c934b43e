"""E-mail through Postmark: up to 500 messages per call, an outcome for each inside one answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from connectors.delivery.asking import ask_for_each
from connectors.delivery.sender import AnyAddress, Rate
from connectors.email.headers import own_headers
from connectors.email.mime import mailbox, recipient
from connectors.email.postmark_answer import PROVIDER, read_answer
from connectors.errors import Rejected, TryAgain
from connectors.http import HttpClient, logged
from connectors.model import Doubt, Envelope, Receipt


class PostmarkSender(AnyAddress):
    """The batch endpoint, and the message search behind it.

    Args:
        server_token: of one Postmark server (their word for a project).
        mail_from: mailbox in `From:`; a confirmed sender signature.
        broadcast_stream: the stream of marketing messages; Postmark forbids them in the other one.
        transactional_stream: the stream of all other messages.
        base_url: where the API is.
        timeout_seconds: for a whole call; over it the outcome of all its messages is unknown.
    """

    channel = "email"
    provider = PROVIDER
    batch_size = 500
    is_repeatable = False
    rate = Rate(concurrent=4)
    """Postmark publishes no limit, and asks for few connections with large batches."""
    read_back_horizon = timedelta(minutes=30)
    """Nothing is published; messages can be searched within seconds, and 45 days long."""

    def __init__(
        self,
        server_token: str,
        *,
        mail_from: str,
        broadcast_stream: str = "broadcast",
        transactional_stream: str = "outbound",
        base_url: str = "https://api.postmarkapp.com",
        timeout_seconds: float = 60.0,
    ) -> None:
        self._mail_from = mail_from
        self._streams = (broadcast_stream, transactional_stream)
        self._base_url = base_url
        headers = {"X-Postmark-Server-Token": server_token, "Accept": "application/json"}
        self._http = HttpClient(headers, timeout_seconds=timeout_seconds)

    async def send(self, batch: Sequence[Envelope]) -> list[Receipt]:
        """Send the batch by one call; what is no address stays at home."""
        receipts, bodies = {}, {}
        for envelope in batch:
            try:
                bodies[envelope.message.message_id] = message_body(envelope, self._mail_from, self._streams)
            except Rejected as error:
                message_id = envelope.message.message_id
                receipts[message_id] = Receipt(message_id, "rejected", self.provider, reason=str(error))
        if bodies:
            reply = await self._http.post(f"{self._base_url}/email/batch", json=list(bodies.values()))
            recipients = {message_id: body["To"] for message_id, body in bodies.items()}
            receipts |= {receipt.message_id: receipt for receipt in read_answer(recipients, reply)}
        return [receipts[envelope.message.message_id] for envelope in batch]

    async def read_back(self, doubts: Sequence[Doubt]) -> list[Receipt]:
        """Search both streams for our message id among the metadata; one search takes one id."""
        return await ask_for_each(doubts, self.provider, self._look_up)

    async def close(self) -> None:
        """Give connections back."""
        await self._http.close()

    async def _look_up(self, doubt: Doubt) -> Receipt | None:
        broadcast, transactional = self._streams
        return await self._search(doubt, broadcast) or await self._search(doubt, transactional)

    async def _search(self, doubt: Doubt, stream: str) -> Receipt | None:
        wanted = {"metadata_message_id": doubt.message_id, "messagestream": stream}
        url = f"{self._base_url}/messages/outbound"
        answer = await self._http.ask(url, {"count": "1", "offset": "0"} | wanted, self.provider)
        for entry in logged(answer, "Messages", self.provider):
            if (entry.get("Metadata") or {}).get("message_id") != doubt.message_id:
                raise TryAgain("postmark could not be asked: it answers with other messages")
            return Receipt(doubt.message_id, "accepted", self.provider, entry.get("MessageID"))
        return None


def message_body(envelope: Envelope, mail_from: str, streams: tuple[str, str]) -> dict[str, Any]:
    """One message of the batch. Opens and clicks are ours already: Postmark must not add its own.

    Args:
        envelope: the message and its content.
        mail_from: mailbox in `From:`.
        streams: the one for marketing, the one for everything else.

    Raises:
        Rejected: the address is none.
    """
    message, content = envelope.message, envelope.content
    headers = own_headers(envelope, mail_from) | {"X-PM-KeepID": "true"}
    body = {
        "From": mailbox(mail_from),
        "To": recipient(message.address),
        "Subject": content.subject or "",
        "TextBody": content.text,
        "Headers": [{"Name": name, "Value": value} for name, value in headers.items()],
        "Metadata": {"message_id": message.message_id},
        "MessageStream": streams[message.message_class != "marketing"],
        "Tag": message.flow,
        "TrackOpens": False,
        "TrackLinks": "None",
    }
    return body if content.html is None else body | {"HtmlBody": content.html}
