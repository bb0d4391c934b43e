"""The one event model of everything that comes back, and what all vendors' files need to build it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from connectors.errors import ConnectorError
from connectors.events.contract import Reject
from connectors.feedback.post import Form, Post
from connectors.model import SuppressionReason

__all__ = ["Feedback", "Form", "NotAuthentic", "Post", "Reject"]

REPLAY_WINDOW = timedelta(days=1)
"""How old a signed post may be: SendGrid repeats for 24 hours, Mailgun for 8, SNS for 6. Within it, event ids
make a repetition harmless."""
CLOCK_ERROR = timedelta(minutes=5)

NOT_THE_ADDRESS = ("4.", "5.2.2", "5.2.3", "5.3.", "5.5.", "5.6.", "5.7.")

EVENT_NAMES = {
    "email": {
        "sent": "Email Sent",
        "delivered": "Email Delivered",
        "deferred": "Email Deferred",
        "opened": "Email Opened",
        "clicked": "Email Link Clicked",
        "bounced": "Email Bounced",
        "complained": "Email Marked as Spam",
        "rejected": "Email Rejected",
    },
    "sms": {
        "sent": "SMS Sent",
        "delivered": "SMS Delivered",
        "clicked": "SMS Link Clicked",
        "bounced": "SMS Failed",
        "rejected": "SMS Rejected",
        "replied": "SMS Replied",
    },
    "whatsapp": {
        "sent": "WhatsApp Message Sent",
        "delivered": "WhatsApp Message Delivered",
        "opened": "WhatsApp Message Read",
        "clicked": "WhatsApp Message Link Clicked",
        "bounced": "WhatsApp Message Failed",
        "rejected": "WhatsApp Message Rejected",
        "replied": "WhatsApp Message Replied",
    },
}
"""Words of the seed `event_kinds`, by channel and by what it means for a message."""
SAID = {"unsubscribed": "Unsubscribed", "subscribed": "Subscribed"}
CONSENTS = tuple(SAID.values())


class NotAuthentic(ConnectorError):  # noqa: N818  (named by what the caller learns)
    """The post is not from whom it claims to be, or is too old to be believed."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """Something that a vendor, a mail server or a recipient said after a message was handed over.

    Attributes:
        event_id: the same whenever the same thing is told again.
        name: as in the seed `event_kinds`.
        address: whom it is about: e-mail, E.164 number or push token.
        message_id: ours, when it is echoed.
        provider_message_id: the vendor's.
        mail_id: the `Message-ID` of the mail, without brackets.
        outcome: what it proves about the attempt: the vendor took the message, or surely refused it.
        suppress: when set, the address must not be written to again on this channel.
        lifts: a suppression that this word takes back.
        properties: bounce_type (hard, soft), reason, user_agent, url, is_machine, …; no addresses.
    """

    event_id: str
    name: str
    channel: str
    provider: str
    occurred_at: datetime
    address: str | None = None
    message_id: str | None = None
    provider_message_id: str | None = None
    mail_id: str | None = None
    outcome: Literal["accepted", "rejected"] = "accepted"
    suppress: SuppressionReason | None = None
    lifts: SuppressionReason | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)


class Item(BaseModel):
    """One event of a vendor's post; what we do not use is not looked at, because vendors add fields."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True, frozen=True)


def heard(
    provider: str,
    channel: str,
    meaning: str,
    said_id: Sequence[object],
    occurred_at: datetime,
    *,
    address: str | None = None,
    message_id: str | None = None,
    provider_message_id: str | None = None,
    mail_id: str | None = None,
    outcome: Literal["accepted", "rejected"] | None = None,
    suppress: SuppressionReason | None = None,
    lifts: SuppressionReason | None = None,
    **properties: Any,  # noqa: ANN401  (JSON)
) -> Feedback:
    """An event in the words of its channel; a hard bounce and a complaint close the address.

    `meaning` is a word of `EVENT_NAMES` or `SAID`; `said_id` is what makes it this event and no other,
    whenever it is told. Empty properties are left out. All else is as in `Feedback`.
    """
    closes: dict[object, SuppressionReason] = {"hard": "hard_bounced", "complained": "complained"}
    told = {name: value for name, value in properties.items() if value is not None and value != ""}
    return Feedback(
        event_id=event_id(provider, meaning, *said_id),
        name=EVENT_NAMES[channel].get(meaning) or SAID[meaning],
        channel=channel,
        provider=provider,
        occurred_at=occurred_at,
        address=address,
        message_id=message_id,
        provider_message_id=provider_message_id,
        mail_id=mail_id,
        outcome=outcome or ("rejected" if meaning == "rejected" else "accepted"),
        suppress=suppress or closes.get(told.get("bounce_type")) or closes.get(meaning),
        lifts=lifts,
        properties=told,
    )


def refusal(error: ValidationError, prefix: str = "") -> Reject:
    """The first thing that is wrong with an item, without the value: it may be an address."""
    problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    path = ".".join(str(part) for part in (prefix, *problem["loc"]) if part != "")
    return Reject(path, problem["msg"].removeprefix("Value error, "))


def event_id(*parts: object) -> str:
    """An id that follows from what was said, so that saying it again changes nothing."""
    text = json.dumps([str(part) if part is not None else None for part in parts])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def moment(value: str | float | None) -> datetime | None:
    """ISO-8601 text or seconds since 1970 as naive UTC; none when it is neither."""
    if value is None or value == "":
        return None
    try:
        if isinstance(value, int | float) or value.replace(".", "", 1).isdigit():
            return datetime.fromtimestamp(float(value), UTC).replace(tzinfo=None)
        read = datetime.fromisoformat(value)
    except (ValueError, OverflowError, OSError):
        return None
    return read.astimezone(UTC).replace(tzinfo=None) if read.tzinfo else read


def check_fresh(signed_at: datetime | None, received_at: datetime) -> None:
    """Refuse a post whose signed time is far from now: a recording that is played back."""
    if signed_at is None or not -CLOCK_ERROR <= received_at - signed_at <= REPLAY_WINDOW:
        raise NotAuthentic("the signed time is missing or too far from now")


def echoed(bag: Mapping[str, Any] | None) -> str | None:
    """Our message id in what a vendor echoes of our own variables, tags or headers."""
    for name, value in (bag or {}).items():
        if name.lower().replace("-", "_") in ("message_id", "millrace_message_id", "x_millrace_message_id"):
            first = next(iter(value), None) if isinstance(value, list) else value
            return str(first) if first else None
    return None


def bare(mail_id: str | None) -> str | None:
    """A Message-ID without its brackets."""
    return mail_id.strip().strip("<>") or None if mail_id else None


def bounce_type(status: str | None) -> str:
    """Hard or soft, by the enhanced status of RFC 3463; without one, a permanent failure is hard.

    Soft is what says nothing about the address: persistent transient failures (4.x.x), a full mailbox, a
    system or network fault, the mail's content, a policy.
    """
    return "soft" if status and status.startswith(NOT_THE_ADDRESS) else "hard"


def is_machine(user_agent: str | None) -> bool | None:
    """Whether an open was a prefetch: Apple's proxy says `Mozilla/5.0` and no more."""
    return True if user_agent == "Mozilla/5.0" else None


def items_of(value: object) -> Iterator[tuple[int, Mapping[str, Any] | Reject]]:
    """The objects of a JSON list with their places; anything else in it is a reject."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        yield 0, Reject("", "the post must be a JSON list")
        return
    for place, item in enumerate(value):
        yield place, item if isinstance(item, Mapping) else Reject(str(place), "must be a JSON object")
