"""Push to Android, and to whoever else registers with Firebase: Cloud Messaging, HTTP v1.

Not through firebase-admin: it repeats a call after a read error, a 500 or a 503, up to four times, and so
shows a notification twice; and it sends over a client that falls to some hundred calls a second.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from connectors.delivery.sender import Rate
from connectors.delivery.singly import one_by_one
from connectors.errors import StopSync, TryAgain
from connectors.http import HttpClient, Reply
from connectors.model import Envelope, Message, Receipt
from connectors.push.fcm_answers import receipt_of, words
from connectors.push.payload import encode
from connectors.push.tokens import ReusedToken, belongs_to

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_SECONDS = 3600
REUSED_SECONDS = TOKEN_SECONDS - 300
UNAUTHENTICATED = 401


class FcmSender:
    """One message per call, over kept connections.

    Args:
        service_account: JSON of the service account's key, as downloaded; its `token_uri` gives access.
        base_url: of FCM.
        connections: calls at once.
    """

    channel = "push"
    provider = "fcm"
    batch_size = 1
    is_repeatable = False

    def __init__(
        self,
        service_account: str,
        *,
        base_url: str = "https://fcm.googleapis.com",
        connections: int = 100,
        timeout_seconds: float = 30.0,
    ) -> None:
        self._account = _account(service_account)
        self._url = f"{base_url}/v1/projects/{self._account['project_id']}/messages:send"
        self._http = HttpClient(connections=connections, timeout_seconds=timeout_seconds)
        self._access = ReusedToken(self._new_access, REUSED_SECONDS)
        self.rate = Rate(per_second=10_000, concurrent=connections)

    def serves(self, message: Message) -> bool:
        """Tokens that are neither Apple's nor a browser's."""
        return belongs_to(message, "fcm")

    async def send(self, batch: Sequence[Envelope]) -> list[Receipt]:
        """Send each message by a call of its own."""
        return await one_by_one(batch, self.provider, self._send_one)

    async def close(self) -> None:
        """Give connections back."""
        self._access.close()
        await self._http.close()

    async def _send_one(self, envelope: Envelope) -> Receipt:
        payload = json.loads(encode(envelope, "fcm"))
        body = {"message": {"token": envelope.message.address} | payload}
        reply = await self._post(body)
        if reply.status == UNAUTHENTICATED and "UNAUTHENTICATED" in words(reply):
            # The access token was refused before anything was taken: once more, with a new one.
            reply = await self._post(body)
        return receipt_of(envelope.message.message_id, reply)

    async def _post(self, body: Mapping[str, Any]) -> Reply:
        access = await self._access.get()
        reply = await self._http.post(self._url, json=body, headers={"Authorization": f"Bearer {access}"})
        if reply.status == UNAUTHENTICATED:
            self._access.drop(access)
        return reply

    async def _new_access(self) -> str:
        """An access token for an assertion that the service account's key has signed (RFC 7523)."""
        now = int(time.time())
        uri = self._account["token_uri"]
        claims = {"iss": self._account["client_email"], "scope": SCOPE, "aud": uri}
        assertion = jwt.encode(
            claims | {"iat": now, "exp": now + TOKEN_SECONDS}, self._account["private_key"], "RS256"
        )
        reply = await self._http.post(uri, form={"grant_type": GRANT, "assertion": assertion})
        answer = reply.json() if reply.is_success else None
        if isinstance(answer, dict) and answer.get("access_token"):
            return str(answer["access_token"])
        if reply.status is not None and 400 <= reply.status < 500 and reply.status not in (408, 429):  # noqa: PLR2004
            raise StopSync(f"fcm: Google refused the service account (http {reply.status}): check its key")
        raise TryAgain(f"fcm_no_access: http {reply.status}", reply.retry_after_seconds())


def _account(text: str) -> dict[str, Any]:
    """The fields of the key that are needed, the private key read.

    Raises:
        StopSync: it is not the key of a service account.
    """
    try:
        account = json.loads(text)
        named = {name: account[name] for name in ("project_id", "client_email", "token_uri")}
        return named | {"private_key": load_pem_private_key(account["private_key"].encode(), None)}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StopSync("fcm: MILLRACE_FCM_SERVICE_ACCOUNT must hold a service account's JSON key") from error
