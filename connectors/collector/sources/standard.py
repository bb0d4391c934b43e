"""Any system of one's own, signed as Standard Webhooks says (HMAC-SHA256 over id, time and body).

https://www.standardwebhooks.com: headers `webhook-id`, `webhook-timestamp`, `webhook-signature`. The body is
`{"type", "timestamp", "data"}`: its type becomes an event. Or it is a Segment call, when it has a
`messageId`, an `event` or one of the calls as its type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.collector.sources.signing import as_text, check_recent, check_signature, from_epoch
from connectors.feedback.model import NotAuthentic, Post, Reject
from connectors.standard_webhooks import SCHEME, secret_key, signature

CALLS = ("identify", "track", "page", "screen", "group", "alias")


def verify(post: Post, secret: str) -> None:
    """Check the signature and its age; `secret` is `whsec_` and base64.

    Raises:
        NotAuthentic: wrong signature, or not signed within five minutes of now.
    """
    try:
        key = secret_key(secret)
    except ValueError as error:
        raise NotAuthentic("the secret of this webhook is not base64") from error
    expected = signature(key, post.header("webhook-id"), post.header("webhook-timestamp"), post.body)
    given = post.header("webhook-signature").split()
    check_signature(expected, (each.removeprefix(SCHEME) for each in given if each.startswith(SCHEME)))
    check_recent(from_epoch(post.header("webhook-timestamp")), post.received_at)


def records(post: Post) -> list[dict[str, Any] | Reject]:
    """The event of a post; its id is the webhook's unless it brings its own."""
    body = post.json()
    if not isinstance(body, Mapping):
        return [Reject("", "the body must be a JSON object")]
    own_id = {"messageId": f"standard-{post.header('webhook-id')}"}
    if body.get("type") in CALLS or "event" in body or "messageId" in body:
        return [{**own_id, **body}]
    data = body.get("data")
    if not isinstance(body.get("type"), str) or not isinstance(data, Mapping):
        return [Reject("type" if isinstance(data, Mapping) else "data", "missing")]
    return [
        {
            **own_id,
            "type": "track",
            "event": body["type"],
            "userId": data.get("userId") or data.get("user_id"),
            "timestamp": body.get("timestamp") or as_text(post.received_at),
            "properties": dict(data),
        }
    ]
