"""Amazon SES: event publishing and notifications, in SNS envelopes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field, ValidationError

from connectors.feedback.model import (
    Feedback,
    Item,
    Post,
    Reject,
    bare,
    echoed,
    heard,
    is_machine,
    moment,
    refusal,
)
from connectors.feedback.sns import Envelope, verify

__all__ = ["PROVIDER", "normalize", "verify"]

PROVIDER = "ses"

MEANINGS = {
    "Send": "sent",
    "Delivery": "delivered",
    "DeliveryDelay": "deferred",
    "Open": "opened",
    "Click": "clicked",
    "Bounce": "bounced",
    "Complaint": "complained",
    "Reject": "rejected",
    "Rendering Failure": "rejected",
    "Subscription": "unsubscribed",
}
NOT_SPAM = "not-spam"


class Recipient(Item):
    """An address in a bounce, complaint or delay."""

    emailAddress: str  # noqa: N815  (Amazon's)
    status: str | None = None


class Detail(Item):
    """The part of an event that its kind is named after; each kind has some of these."""

    bounceType: str | None = None  # noqa: N815
    bounceSubType: str | None = None  # noqa: N815
    bouncedRecipients: tuple[Recipient, ...] = ()  # noqa: N815
    complainedRecipients: tuple[Recipient, ...] = ()  # noqa: N815
    delayedRecipients: tuple[Recipient, ...] = ()  # noqa: N815
    recipients: tuple[str, ...] = ()
    complaintFeedbackType: str | None = None  # noqa: N815
    delayType: str | None = None  # noqa: N815
    timestamp: str | None = None
    link: str | None = None
    userAgent: str | None = None  # noqa: N815
    reason: str | None = None
    newTopicPreferences: dict[str, Any] | None = None  # noqa: N815


class Mail(Item):
    """The mail that an event is about."""

    messageId: str  # noqa: N815
    destination: tuple[str, ...] = ()
    tags: dict[str, list[str]] | None = None
    headers: tuple[dict[str, str], ...] = ()


class Event(Item):
    """Of an event destination (`eventType`) or of the older notifications."""

    kind: str = Field(validation_alias="eventType")
    mail: Mail
    detail: Detail


def normalize(post: Post) -> list[Feedback | Reject]:
    """The events of a post, one per recipient; none for SNS's own confirmations."""
    try:
        envelope = Envelope.model_validate_json(post.body)
    except ValidationError as error:
        return [refusal(error)]
    if envelope.Type != "Notification":
        return []
    message = Post(envelope.Message.encode(), post.received_at).json()
    if not isinstance(message, dict):
        return [Reject("Message", "not JSON")]
    kind = message.get("eventType") or message.get("notificationType")
    if kind not in MEANINGS:
        return [Reject("Message.eventType", "not an SES sending event")]
    detail = message.get("failure" if kind == "Rendering Failure" else kind[0].lower() + kind[1:])
    try:
        event = Event.model_validate({"eventType": kind, "mail": message.get("mail"), "detail": detail or {}})
    except ValidationError as error:
        return [refusal(error, "Message")]
    return list(_feedback(event, envelope, post))


def _feedback(event: Event, envelope: Envelope, post: Post) -> Iterator[Feedback]:
    detail, mail = event.detail, event.mail
    meaning = _meaning(event)
    named = {recipient.emailAddress: recipient for recipient in _about(detail)}
    headers = {header.get("name", ""): header.get("value", "") for header in mail.headers}
    for address in named or detail.recipients or mail.destination:
        yield heard(
            PROVIDER,
            "email",
            meaning,
            [mail.messageId, event.kind, address, detail.timestamp, detail.link],
            moment(envelope.Timestamp) or moment(detail.timestamp) or post.received_at,
            address=address,
            message_id=echoed(mail.tags) or echoed(headers),
            provider_message_id=mail.messageId,
            mail_id=bare(headers.get("Message-ID")),
            provider_event_id=envelope.MessageId,
            bounce_type=_bounce_type(detail) if meaning == "bounced" else None,
            reason=_reason(detail, named.get(address)),
            url=detail.link,
            user_agent=detail.userAgent,
            is_machine=is_machine(detail.userAgent),
        )


def _about(detail: Detail) -> tuple[Recipient, ...]:
    return detail.bouncedRecipients or detail.complainedRecipients or detail.delayedRecipients


def _meaning(event: Event) -> str:
    """A complaint may say that it is none; a subscription event may be a subscription."""
    if event.kind == "Complaint" and event.detail.complaintFeedbackType == NOT_SPAM:
        return "delivered"
    preferences = event.detail.newTopicPreferences or {}
    topics = preferences.get("topicSubscriptionStatus") or []
    if event.kind == "Subscription" and not preferences.get("unsubscribeAll"):
        opted = [topic.get("subscriptionStatus") for topic in topics if isinstance(topic, dict)]
        return "subscribed" if opted and "OptOut" not in opted else "unsubscribed"
    return MEANINGS[event.kind]


def _bounce_type(detail: Detail) -> str:
    """Amazon has judged: Permanent is hard; Transient and Undetermined say nothing final of the address."""
    return "hard" if detail.bounceType == "Permanent" else "soft"


def _reason(detail: Detail, recipient: Recipient | None) -> str | None:
    """Amazon's words and the status code; the diagnostic text may quote the address."""
    words = [
        detail.bounceType,
        detail.bounceSubType,
        recipient.status if recipient else None,
        detail.complaintFeedbackType,
        detail.delayType,
    ]
    told = " ".join(word for word in words if word)
    return told.lower() or (detail.reason.lower() if detail.reason else None)
