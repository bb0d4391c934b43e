"""Push to browsers: RFC 8030 with VAPID (RFC 8292) and payloads that only the browser can read (RFC 8291)."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from functools import partial
from urllib.parse import SplitResult, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from connectors.delivery.sender import Rate
from connectors.delivery.singly import one_by_one
from connectors.errors import StopSync
from connectors.http import HttpClient, Reply, judge
from connectors.model import Envelope, Message, Receipt
from connectors.push.payload import encode, is_urgent, ttl_seconds
from connectors.push.subscriptions import PUSH_SERVICES, encrypt, padless, read_subscription, unpadded
from connectors.push.tokens import ReusedToken, belongs_to

SIGNED_SECONDS = 12 * 3600
"""RFC 8292 allows a day."""

CREATED = frozenset({201, 202})
"""RFC 8030: 201, or 202 when delivery is reported later; no other success is a push service's."""

GONE = frozenset({404, 410})
KEY_REFUSED = frozenset({401, 403})
"""One push service does not take our key, or one subscription was made with another: not a fault of all."""


class WebPushSender:
    """One message per call.

    Args:
        private_key: VAPID key, the 32 bytes of P-256 in URL-safe base64, as browsers' tools print it.
        contact: `mailto:` or `https:` address at which a push service finds us.
        push_services: hosts to which subscriptions may lead.
        base_url: takes the place of every push service's scheme and host, for tests and for proxies.
        connections: calls at once.
    """

    channel = "push"
    provider = "web_push"
    batch_size = 1
    is_repeatable = False

    def __init__(
        self,
        private_key: str,
        contact: str,
        *,
        push_services: Sequence[str] = PUSH_SERVICES,
        base_url: str | None = None,
        connections: int = 100,
        timeout_seconds: float = 30.0,
    ) -> None:
        try:
            self._key = ec.derive_private_key(int.from_bytes(unpadded(private_key)), ec.SECP256R1())
        except ValueError as error:
            raise StopSync("web_push: MILLRACE_WEB_PUSH_PRIVATE_KEY must hold a VAPID private key") from error
        self._contact = contact
        self._push_services = tuple(push_services)
        self._base_url = base_url
        self._http = HttpClient(connections=connections, timeout_seconds=timeout_seconds)
        self._logins: dict[str, ReusedToken] = {}
        self.rate = Rate(concurrent=connections)

    def serves(self, message: Message) -> bool:
        """Subscriptions of browsers."""
        return belongs_to(message, "web_push")

    async def send(self, batch: Sequence[Envelope]) -> list[Receipt]:
        """Send each message by a call of its own."""
        return await one_by_one(batch, self.provider, self._send_one)

    async def close(self) -> None:
        """Give connections back."""
        for login in self._logins.values():
            login.close()
        await self._http.close()

    async def _send_one(self, envelope: Envelope) -> Receipt:
        message_id = envelope.message.message_id
        subscription = read_subscription(envelope.message.address, self._push_services)
        body = encrypt(encode(envelope, "web_push"), subscription)
        headers = {
            "Authorization": await self._login(f"https://{subscription.endpoint.netloc}"),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(ttl_seconds(envelope)),
            "Topic": topic(message_id),
            "Urgency": "high" if is_urgent(envelope) else "normal",
        }
        reply = await self._http.post(self._address(subscription.endpoint), content=body, headers=headers)
        return receipt_of(message_id, reply)

    def _address(self, endpoint: SplitResult) -> str:
        if self._base_url is None:
            return endpoint.geturl()
        base = urlsplit(self._base_url)
        return endpoint._replace(scheme=base.scheme, netloc=base.netloc).geturl()

    async def _login(self, audience: str) -> str:
        """The signed header for one push service."""
        if audience not in self._logins:
            self._logins[audience] = ReusedToken(partial(self._sign, audience), SIGNED_SECONDS / 2)
        return await self._logins[audience].get()

    async def _sign(self, audience: str) -> str:
        claims = {"aud": audience, "exp": int(time.time()) + SIGNED_SECONDS, "sub": self._contact}
        public = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return f"vapid t={jwt.encode(claims, self._key, 'ES256')}, k={padless(public)}"


def topic(message_id: str) -> str:
    """A name of at most 32 letters of URL-safe base64: a copy that still waits is replaced by the next."""
    return padless(hashlib.sha256(message_id.encode()).digest())[:32]


def receipt_of(message_id: str, reply: Reply) -> Receipt:
    """The push service's answer as a receipt.

    Raises:
        TryAgain: too many requests, unavailable, or a key that this service does not take.
    """
    if reply.status in GONE:
        return Receipt(
            message_id, "rejected", "web_push", reason=f"http {reply.status}", suppress="invalid_token"
        )
    if verdict := judge(reply, "web_push", transient=KEY_REFUSED):
        return verdict.receipt(message_id, "web_push")
    if reply.status not in CREATED:
        return Receipt(message_id, "unknown", "web_push", reason=f"http {reply.status}")
    return Receipt(message_id, "accepted", "web_push", reply.headers.get("location"))
