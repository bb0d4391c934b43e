"""Segment's Webhooks (Actions) destination: a call per post, or a list of them.

https://www.twilio.com/docs/segment/connections/destinations/catalog/actions-webhook: `X-Signature` is the
hex HMAC-SHA1 of the body. No time is signed: the calls' own ids make a recording harmless.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from connectors.collector.sources.signing import check_signature
from connectors.feedback.model import Post, Reject


def verify(post: Post, secret: str) -> None:
    """Check the signature; `secret` is the destination's shared secret.

    Raises:
        NotAuthentic: wrong signature.
    """
    # SHA-1 is what Segment signs with; as an HMAC it is still unforgeable.
    check_signature(
        hmac.new(secret.encode(), post.body, hashlib.sha1).hexdigest(), [post.header("X-Signature")]
    )


def records(post: Post) -> list[dict[str, Any] | Reject]:
    """The calls as they are; without an id a call could be played back, so it is refused."""
    body = post.json()
    calls = body if isinstance(body, list) else [body]
    return [
        call
        if isinstance(call, dict) and call.get("messageId")
        else Reject(f"{place}.messageId", "a call must be a JSON object with a messageId")
        for place, call in enumerate(calls)
    ]
