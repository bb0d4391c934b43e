"""Standard Webhooks: how a post is signed, so that its receiver knows who sent it, when, and whether twice.

https://www.standardwebhooks.com: headers `webhook-id`, `webhook-timestamp`, `webhook-signature`. The
signature is `v1,` and the base64 of HMAC-SHA256 over `<id>.<timestamp>.<body>`; the secret is `whsec_` and
base64.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

PREFIX = "whsec_"
SCHEME = "v1,"


def secret_key(secret: str) -> bytes:
    """The key in a secret.

    Raises:
        ValueError: when it is not base64, or empty.
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("the secret is not base64") from error
    if not key:
        raise ValueError("the secret is empty")
    return key


def signature(key: bytes, webhook_id: str, timestamp: str, body: bytes) -> str:
    """The signature without its scheme; `timestamp` is in seconds since 1970, as in the header."""
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def signed_headers(key: bytes, webhook_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of a post of JSON. A repetition has the same id and a new time, and is signed anew."""
    return {
        "Content-Type": "application/json",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": SCHEME + signature(key, webhook_id, str(timestamp), body),
    }
