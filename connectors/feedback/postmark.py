"""Postmark's webhooks: one JSON object per post, authenticated by the user and password in its URL."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from connectors.feedback.model import (
    Feedback,
    Item,
    NotAuthentic,
    Post,
    Reject,
    echoed,
    heard,
    is_machine,
    moment,
    refusal,
)

PROVIDER = "postmark"

BOUNCES: Mapping[str, tuple[str, str | None]] = {
    "HardBounce": ("bounced", "hard"),
    "BadEmailAddress": ("bounced", "hard"),
    "SoftBounce": ("bounced", "soft"),
    "DnsError": ("bounced", "soft"),
    "SpamNotification": ("bounced", "soft"),
    "Blocked": ("bounced", "soft"),
    "DMARCPolicy": ("bounced", "soft"),
    "Unknown": ("bounced", "soft"),
    "Transient": ("deferred", None),
    "SpamComplaint": ("complained", None),
    "Unsubscribe": ("unsubscribed", None),
    "Subscribe": ("subscribed", None),
    "VirusNotification": ("rejected", None),
    "ManuallyDeactivated": ("rejected", None),
    "Unconfirmed": ("rejected", None),
    "SMTPApiError": ("rejected", None),
    "TemplateRenderingFailed": ("rejected", None),
}
"""Postmark's bounce types: what they mean, and whether the address is at fault for good."""
NOT_ABOUT_DELIVERY = (
    "AutoResponder",
    "AddressChange",
    "OpenRelayTest",
    "ChallengeVerification",
    "InboundError",
)
RECORDS = {"Delivery": "delivered", "Open": "opened", "Click": "clicked"}
STOPPED: Mapping[str, tuple[str, str | None]] = {
    "HardBounce": ("bounced", "hard"),
    "SpamComplaint": ("complained", None),
}
"""Why Postmark put an address on its own list, where it was not a wish."""


class Event(Item):
    """Any of Postmark's records; each has its own name for the address and the time."""

    RecordType: str
    ID: str | None = None
    MessageID: str | None = None
    Type: str | None = None
    TypeCode: str | None = None
    Email: str | None = None
    Recipient: str | None = None
    BouncedAt: str | None = None
    DeliveredAt: str | None = None
    ReceivedAt: str | None = None
    ChangedAt: str | None = None
    OriginalLink: str | None = None
    UserAgent: str | None = None
    Origin: str | None = None
    SuppressSending: bool | None = None
    SuppressionReason: str | None = None
    Metadata: dict[str, Any] | None = None


def normalize(post: Post) -> list[Feedback | Reject]:
    """The event of a post; none for what says nothing about delivery (an auto-reply)."""
    try:
        event = Event.model_validate(post.json())
    except ValidationError as error:
        return [refusal(error)]
    if event.RecordType in ("Bounce", "SpamComplaint"):
        return _bounced(event, post)
    if event.RecordType == "SubscriptionChange":
        return _subscription(event, post)
    meaning = RECORDS.get(event.RecordType)
    if meaning is None:
        return [Reject("RecordType", "unknown Postmark record")]
    return [_feedback(event, post, meaning)]


def verify(post: Post, secret: str) -> None:
    """Check the basic authentication; `secret` is the `user:password` of the webhook's URL.

    Raises:
        NotAuthentic: missing or wrong. Postmark signs nothing, so a post has no time of its own.
    """
    scheme, _, given = post.header("Authorization").partition(" ")
    try:
        credentials = base64.b64decode(given, validate=True)
    except binascii.Error as error:
        raise NotAuthentic("wrong Postmark credentials") from error
    if scheme.lower() != "basic" or not hmac.compare_digest(credentials, secret.encode()):
        raise NotAuthentic("wrong Postmark credentials")


def _bounced(event: Event, post: Post) -> list[Feedback | Reject]:
    kind = event.Type or event.RecordType
    if kind in NOT_ABOUT_DELIVERY:
        return []
    if kind not in BOUNCES:
        return [Reject("Type", "unknown Postmark bounce type")]
    meaning, bounce_type = BOUNCES[kind]
    reason = f"postmark {event.TypeCode}" if event.TypeCode else None
    return [_feedback(event, post, meaning, bounce_type=bounce_type, reason=reason)]


def _subscription(event: Event, post: Post) -> list[Feedback | Reject]:
    """A change of Postmark's own list: a wish of the recipient, or a fault that it has noticed."""
    if not event.SuppressSending:
        # What we or Postmark take off the list by hand is no word of the recipient.
        return [_feedback(event, post, "subscribed")] if event.Origin in ("Recipient", None) else []
    meaning, bounce_type = STOPPED.get(event.SuppressionReason or "", ("unsubscribed", None))
    return [_feedback(event, post, meaning, bounce_type=bounce_type)]


def _feedback(
    event: Event, post: Post, meaning: str, bounce_type: str | None = None, reason: str | None = None
) -> Feedback:
    told_at = event.BouncedAt or event.DeliveredAt or event.ReceivedAt or event.ChangedAt
    address = event.Email or event.Recipient
    return heard(
        PROVIDER,
        "email",
        meaning,
        [event.RecordType, event.ID, event.MessageID, address, told_at],
        moment(told_at) or post.received_at,
        address=address,
        message_id=echoed(event.Metadata),
        provider_message_id=event.MessageID,
        provider_event_id=event.ID,
        url=event.OriginalLink,
        user_agent=event.UserAgent,
        is_machine=is_machine(event.UserAgent),
        bounce_type=bounce_type,
        reason=reason,
    )
