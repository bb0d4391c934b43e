"""Mailgun's webhooks: JSON with `event-data`, or the form posts of older accounts; both signed with HMAC."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from email.utils import parseaddr
from typing import Any

from pydantic import Field, ValidationError

from connectors.feedback.mailgun_forms import event_data, signature
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
    moment,
    refusal,
)
from connectors.model import SuppressionReason

PROVIDER = "mailgun"

MEANINGS = {
    "accepted": "sent",
    "delivered": "delivered",
    "opened": "opened",
    "clicked": "clicked",
    "complained": "complained",
    "unsubscribed": "unsubscribed",
    "bounced": "bounced",
    "dropped": "rejected",
    "rejected": "rejected",
}
"""`failed` is missing: its severity and reason decide. `bounced` and `dropped` are of older accounts."""
KNOWN_BAD: Mapping[int, tuple[str, SuppressionReason | None]] = {
    605: ("bounced", "hard_bounced"),
    606: ("unsubscribed", None),
    607: ("spam", "complained"),
}
"""Mailgun did not even try: the address is on its own list."""
TEMPORARY = range(400, 500)
FORM_PARTS = {"event-data": event_data, "signature": signature}


class _Headers(Item):
    to: str | None = None
    message_id: str | None = Field(None, alias="message-id")
    our_id: str | None = Field(None, alias="x-millrace-message-id")


class _Message(Item):
    headers: _Headers = _Headers()


class _Status(Item):
    code: int | None = None
    enhanced: str | None = Field(None, alias="enhanced-code")


class _Client(Item):
    user_agent: str | None = Field(None, alias="user-agent")
    bot: str | None = None


class Event(Item):
    """The `event-data` of a post; form posts are brought into its shape."""

    event: str
    id: str | None = None
    timestamp: float | None = None
    recipient: str | None = None
    severity: str | None = None
    reason: str | None = None
    url: str | None = None
    message: _Message | None = None
    status: _Status | None = Field(None, alias="delivery-status")
    client: _Client | None = Field(None, alias="client-info")
    variables: dict[str, Any] | None = Field(None, alias="user-variables")


class Signature(Item):
    """What Mailgun signs: the time and a random token, not the event."""

    token: str
    timestamp: str
    signature: str


def normalize(post: Post) -> list[Feedback | Reject]:
    """The event of a post."""
    data = _part(post, "event-data")
    if not isinstance(data, Mapping):
        return [Reject("event-data", "missing")]
    try:
        event = Event.model_validate(data)
    except ValidationError as error:
        return [refusal(error, "event-data")]
    meaning = _meaning(event)
    if meaning is None:
        return [Reject("event-data.event", "unknown Mailgun event")]
    return [_feedback(event, meaning, post)]


def verify(post: Post, secret: str) -> None:
    """Check the signature; `secret` is the account's webhook signing key.

    Raises:
        NotAuthentic: wrong signature, or signed too long ago.
    """
    try:
        signature = Signature.model_validate(_part(post, "signature"))
    except ValidationError as error:
        raise NotAuthentic("no Mailgun signature") from error
    text = f"{signature.timestamp}{signature.token}".encode()
    expected = hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), signature.signature.encode()):
        raise NotAuthentic("wrong Mailgun signature")
    check_fresh(moment(signature.timestamp), post.received_at)


def _part(post: Post, name: str) -> object:
    """A part of the post, whichever shape it has."""
    if "form" in post.header("Content-Type"):
        return FORM_PARTS[name](post.form())
    body = post.json()
    return body.get(name) if isinstance(body, dict) else None


def _meaning(event: Event) -> str | None:
    """A permanent failure is a bounce; a temporary one will be tried again, up to the last: `old`."""
    if event.event != "failed":
        return MEANINGS.get(event.event)
    if event.severity == "temporary":
        return "deferred"
    return "rejected" if event.status and event.status.code in KNOWN_BAD else "bounced"


def _feedback(event: Event, meaning: str, post: Post) -> Feedback:
    status = event.status or _Status.model_validate({})
    headers = event.message.headers if event.message else _Headers()
    mail_id = bare(headers.message_id)
    signature = _part(post, "signature")
    signed = signature if isinstance(signature, Mapping) else {}
    reason, suppress = KNOWN_BAD.get(status.code or 0, (_reason(event, status, meaning), None))
    client = event.client or _Client.model_validate({})
    return heard(
        PROVIDER,
        "email",
        meaning,
        [event.id or (event.event, mail_id, event.recipient, event.timestamp, event.url), event.event],
        moment(event.timestamp) or moment(signed.get("timestamp")) or post.received_at,
        address=event.recipient or parseaddr(headers.to or "")[1] or None,
        message_id=echoed(event.variables) or headers.our_id,
        provider_message_id=mail_id,
        mail_id=mail_id,
        suppress=suppress,
        provider_event_id=signed.get("token"),
        bounce_type=_bounce_type(event, status) if meaning == "bounced" else None,
        reason=reason,
        url=event.url,
        user_agent=client.user_agent,
        is_machine=(client.bot or "none") != "none" or is_machine(client.user_agent),
    )


def _bounce_type(event: Event, status: _Status) -> str:
    """Mailgun gives up on mail that waited for long (`old`) without a fault of the address."""
    is_soft = (status.code or 0) in TEMPORARY or event.reason == "old"
    return "soft" if is_soft else bounce_type(status.enhanced)


def _reason(event: Event, status: _Status, meaning: str) -> str | None:
    if meaning not in ("bounced", "deferred", "rejected"):
        return None
    if event.reason == "old":
        return "timed_out"
    codes = [str(code) for code in (status.code, status.enhanced) if code]
    return f"smtp {' '.join(codes)}" if codes else event.reason
