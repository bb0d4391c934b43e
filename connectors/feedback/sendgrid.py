"""SendGrid's Event Webhook: a JSON list of events, signed with ECDSA."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pydantic import ValidationError

from connectors.feedback.model import (
    Feedback,
    Item,
    NotAuthentic,
    Post,
    Reject,
    bare,
    bounce_type,
    check_fresh,
    echoed,
    heard,
    is_machine,
    items_of,
    moment,
    refusal,
)
from connectors.model import SuppressionReason

PROVIDER = "sendgrid"
SIGNATURE_HEADER = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP_HEADER = "X-Twilio-Email-Event-Webhook-Timestamp"

MEANINGS = {
    "processed": "sent",
    "delivered": "delivered",
    "deferred": "deferred",
    "bounce": "bounced",
    "dropped": "rejected",
    "open": "opened",
    "click": "clicked",
    "spamreport": "complained",
    "unsubscribe": "unsubscribed",
    "group_unsubscribe": "unsubscribed",
    "group_resubscribe": "subscribed",
}
DROPPED: Mapping[str, tuple[str, SuppressionReason | None]] = {
    "Bounced Address": ("bounced", "hard_bounced"),
    "Invalid": ("invalid", "hard_bounced"),
    "Spam Reporting Address": ("spam", "complained"),
    "Unsubscribed Address": ("unsubscribed", None),
    "Spam Content": ("spam_content", None),
    "Recipient List over Package Quota": ("over_quota", None),
}
"""Why SendGrid did not even try: our reason, and what we should have known about the address."""
SENT_NUMBER = re.compile(r"\.(?:filter|recvd)")


class Event(Item):
    """One event; `smtp-id` and `sg_machine_open` come with some."""

    event: str
    email: str | None = None
    timestamp: float | None = None
    sg_event_id: str | None = None
    sg_message_id: str | None = None
    reason: str | None = None
    status: str | None = None
    type: str | None = None
    url: str | None = None
    useragent: str | None = None
    sg_machine_open: bool = False


def normalize(post: Post) -> list[Feedback | Reject]:
    """The events of a post, in its order."""
    return [
        item if isinstance(item, Reject) else _feedback(place, item, post)
        for place, item in items_of(post.json())
    ]


def verify(post: Post, secret: str) -> None:
    """Check the signature; `secret` is the verification key of the account's settings (base64 DER).

    Raises:
        NotAuthentic: wrong signature, or signed too long ago.
    """
    stamp = post.header(TIMESTAMP_HEADER)
    try:
        key = load_der_public_key(base64.b64decode(secret))
        signature = base64.b64decode(post.header(SIGNATURE_HEADER), validate=True)
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise NotAuthentic("the verification key is not an elliptic curve's")
        key.verify(signature, stamp.encode() + post.body, ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError, binascii.Error) as error:
        raise NotAuthentic("wrong SendGrid signature") from error
    check_fresh(moment(stamp), post.received_at)


def _feedback(place: int, item: Mapping[str, Any], post: Post) -> Feedback | Reject:
    try:
        event = Event.model_validate(item)
    except ValidationError as error:
        return refusal(error, str(place))
    meaning = MEANINGS.get(event.event)
    if meaning is None:
        return Reject(f"{place}.event", "unknown SendGrid event")
    known = event.sg_event_id or (event.sg_message_id, event.email, event.event, event.timestamp, event.url)
    reason, suppress = DROPPED.get(event.reason or "", ("dropped", None))
    return heard(
        PROVIDER,
        "email",
        meaning,
        [known],
        moment(event.timestamp) or post.received_at,
        address=event.email,
        message_id=echoed(item),
        provider_message_id=SENT_NUMBER.split(event.sg_message_id)[0] if event.sg_message_id else None,
        mail_id=bare(item.get("smtp-id")),
        suppress=suppress if event.event == "dropped" else None,
        provider_event_id=event.sg_event_id,
        bounce_type=_bounce_type(event) if meaning == "bounced" else None,
        reason=reason if event.event == "dropped" else _codes(event),
        url=event.url,
        user_agent=event.useragent,
        is_machine=event.sg_machine_open or is_machine(event.useragent),
    )


def _bounce_type(event: Event) -> str:
    """`blocked` is the receiving server's opinion of this mail or of us."""
    return "soft" if event.type == "blocked" else bounce_type(event.status)


def _codes(event: Event) -> str | None:
    """Codes, not the server's text: it may quote the address."""
    return f"smtp {event.status}" if event.status else event.type
