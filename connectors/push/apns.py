"""Push to Apple devices: APNs over HTTP/2 with a provider token."""

from __future__ import annotations

import ssl
import time
import uuid
from collections.abc import Sequence

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from connectors.delivery.sender import Rate
from connectors.delivery.singly import one_by_one
from connectors.errors import StopSync
from connectors.http import Reply
from connectors.model import Envelope, Message, Receipt
from connectors.push.apns_answers import reason_of, receipt_of
from connectors.push.http2 import Http2Client
from connectors.push.payload import encode, expires_epoch, is_urgent
from connectors.push.tokens import ReusedToken, belongs_to

REUSED_SECONDS = 40 * 60
"""Apple refuses provider tokens older than an hour, and newer ones than every 20 minutes."""

NAMESPACE = uuid.UUID("5d0b6a54-98c5-5c4e-9a39-4d1c0fd3a9b5")


class ApnsSender:
    """One notification per stream.

    Args:
        key: the signing key as Apple hands it out (`.p8`, PEM).
        key_id: its name, ten characters.
        team_id: of the developer account.
        topic: the app's bundle id.
        base_url: `https://api.sandbox.push.apple.com` for builds that are being developed.
        tls: whom to trust instead of the system's authorities.
    """

    channel = "push"
    provider = "apns"
    batch_size = 1
    is_repeatable = False
    rate = Rate(concurrent=200)

    def __init__(
        self,
        key: str,
        key_id: str,
        team_id: str,
        topic: str,
        *,
        base_url: str = "https://api.push.apple.com",
        tls: ssl.SSLContext | None = None,
        timeout_seconds: float = 30.0,
    ) -> None:
        self._key = _signing_key(key)
        self._key_id, self._team_id, self._topic = key_id, team_id, topic
        self._base_url = base_url
        self._http = Http2Client(tls=tls, timeout_seconds=timeout_seconds)
        self._token = ReusedToken(self._new_token, REUSED_SECONDS)

    def serves(self, message: Message) -> bool:
        """Tokens of Apple's."""
        return belongs_to(message, "apns")

    async def send(self, batch: Sequence[Envelope]) -> list[Receipt]:
        """Send each notification on a stream of its own."""
        return await one_by_one(batch, self.provider, self._send_one)

    async def close(self) -> None:
        """Give connections back."""
        self._token.close()
        await self._http.close()

    async def _send_one(self, envelope: Envelope) -> Receipt:
        payload = encode(envelope, "apns")
        reply = await self._post(envelope, payload)
        if reason_of(reply) == "ExpiredProviderToken":
            # Refused at the door, before the notification was looked at: once more, with a new token.
            reply = await self._post(envelope, payload)
        return receipt_of(envelope.message.message_id, reply)

    async def _post(self, envelope: Envelope, payload: bytes) -> Reply:
        token = await self._token.get()
        url = f"{self._base_url}/3/device/{envelope.message.address}"
        login = {"authorization": f"bearer {token}", "apns-topic": self._topic}
        reply = await self._http.post(url, payload, login | headers(envelope))
        if reason_of(reply) == "ExpiredProviderToken":
            self._token.drop(token)
        return reply

    async def _new_token(self) -> str:
        claims = {"iss": self._team_id, "iat": int(time.time())}
        return jwt.encode(claims, self._key, "ES256", headers={"kid": self._key_id})


def headers(envelope: Envelope) -> dict[str, str]:
    """What Apple is told about a notification. The collapse id lets a second copy replace the first."""
    message = envelope.message
    return {
        "apns-id": apns_id(message.message_id),
        "apns-collapse-id": message.message_id[:64],
        "apns-push-type": "alert",
        "apns-priority": "10" if is_urgent(envelope) else "5",
        "apns-expiration": str(expires_epoch(envelope)),
    }


def apns_id(message_id: str) -> str:
    """The message id as the UUID that Apple wants; the same for every attempt."""
    return str(uuid.uuid5(NAMESPACE, message_id))


def _signing_key(pem: str) -> ec.EllipticCurvePrivateKey:
    """The key, read once.

    Raises:
        StopSync: it is none.
    """
    try:
        key = load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError) as error:
        raise StopSync("apns: MILLRACE_APNS_KEY must hold a signing key of Apple's (.p8)") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise StopSync("apns: MILLRACE_APNS_KEY must hold an elliptic-curve key, as Apple's are")
    return key
