"""Mailgun's webhooks: JSON with `event-data`, or the form posts of older accounts; both signed with HMAC."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from email.utils import parseaddr
from typing import Any

from pydantic import Field, ValidationError

from connectors.feedback.model import (
    EVENT_NAMES,
    SAID,
    Feedback,
    Form,
    Item,
    NotAuthentic,
    Post,
    Reject,
    bare,
    bounce_type,
    check_fresh,
    echoed,
    event_id,
    is_machine,
    moment,
    refusal,
    said,
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
    data = _event_data(post)
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
        signature = Signature.model_validate(_signature(post))
    except ValidationError as error:
        raise NotAuthentic("no Mailgun signature") from error
    text = f"{signature.timestamp}{signature.token}".encode()
    expected = hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), signature.signature.encode()):
        raise NotAuthentic("wrong Mailgun signature")
    check_fresh(moment(signature.timestamp), post.received_at)


def _event_data(post: Post) -> object:
    if "form" not in post.header("Content-Type"):
        body = post.json()
        return body.get("event-data") if isinstance(body, dict) else None
    form = post.form()
    code = form.first("code")
    # The sender's own variables share the form with Mailgun's fields, which come first.
    return {
        "event": form.first("event"),
        "recipient": form.first("recipient"),
        "timestamp": form.last("timestamp"),
        "url": form.first("url"),
        "reason": form.first("reason"),
        "message": {"headers": {"message-id": form.first("Message-Id")}},
        "delivery-status": _legacy_status(code) if code else None,
        "client-info": {"user-agent": form.first("user-agent")},
        "user-variables": {name: values[0] for name, values in form.items()},
    }


def _legacy_status(code: str) -> dict[str, Any]:
    """`550`, or an enhanced status: `5.1.1`."""
    return {"code": int(code)} if code.isdigit() else {"enhanced-code": code}


def _signature(post: Post) -> object:
    if "form" not in post.header("Content-Type"):
        body = post.json()
        return body.get("signature") if isinstance(body, dict) else None
    form: Form = post.form()
    return {name: form.last(name) for name in ("token", "timestamp", "signature")}


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
    told = _signature(post)
    signature = told if isinstance(told, Mapping) else {}
    occurred_at = moment(event.timestamp) or moment(signature.get("timestamp")) or post.received_at
    hardness = _bounce_type(event, status) if meaning == "bounced" else None
    why, suppress = KNOWN_BAD.get(status.code or 0, (_reason(event, status, meaning), None))
    if meaning == "complained":
        suppress = "complained"
    elif meaning == "bounced":
        suppress = "hard_bounced" if hardness == "hard" else None
    user_agent = event.client.user_agent if event.client else None
    bot = event.client.bot if event.client else None
    return Feedback(
        event_id=event_id(
            PROVIDER,
            event.id or (event.event, mail_id, event.recipient, event.timestamp, event.url),
            event.event,
        ),
        name=EVENT_NAMES["email"].get(meaning) or SAID[meaning],
        channel="email",
        provider=PROVIDER,
        occurred_at=occurred_at,
        address=event.recipient or parseaddr(headers.to or "")[1] or None,
        message_id=echoed(event.variables) or headers.our_id,
        provider_message_id=mail_id,
        mail_id=mail_id,
        outcome="rejected" if meaning == "rejected" else "accepted",
        suppress=suppress,
        properties=said(
            provider_event_id=signature.get("token"),
            bounce_type=hardness,
            reason=why,
            url=event.url,
            user_agent=user_agent,
            is_machine=True if bot and bot != "none" else is_machine(user_agent),
        ),
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
