"""WhatsApp Cloud API: statuses, replies and marketing preferences, signed with the app's secret."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from connectors.feedback.model import (
    Feedback,
    Item,
    NotAuthentic,
    Post,
    Reject,
    heard,
    moment,
    refusal,
)
from connectors.feedback.replies import keyword, reply

PROVIDER = "whatsapp"
CHANNEL = "whatsapp"
SIGNATURE_HEADER = "X-Hub-Signature-256"

MEANINGS = {"sent": "sent", "delivered": "delivered", "read": "opened", "failed": "bounced"}
NOTHING_NEW = ("deleted", "played", "warning")
STOPPED_MARKETING = 131050
PREFERENCES = {"stop": "unsubscribed", "resume": "subscribed"}


class Fault(Item):
    """Why a message failed; 131026 (undeliverable) has many causes, so no code closes a number at once."""

    code: int


class Status(Item):
    """What became of one message."""

    id: str
    status: str
    timestamp: str | None = None
    recipient_id: str | None = None
    biz_opaque_callback_data: str | None = None
    errors: tuple[Fault, ...] = ()


class Preference(Item):
    """A wish about marketing messages, from WhatsApp's own settings."""

    wa_id: str
    value: str
    category: str | None = None
    timestamp: str | None = None


class Words(Item):
    """The text of a reply or of its button."""

    body: str = ""
    text: str = ""


class Context(Item):
    """The message that a reply answers."""

    id: str | None = None


class Incoming(Item):
    """A reply."""

    id: str
    timestamp: str | None = None
    text: Words = Words()
    button: Words = Words()
    context: Context = Context()


def normalize(post: Post) -> list[Feedback | Reject]:
    """The events of a post, which may hold several accounts, changes and messages."""
    body = post.json()
    if not isinstance(body, Mapping) or body.get("object") != "whatsapp_business_account":
        return [Reject("object", "not a post of a WhatsApp Business account")]
    return list(_events(body, post))


def verify(post: Post, secret: str) -> None:
    """Check the signature over the body; `secret` is the Meta app's.

    Meta signs no time: a recording can be played back, and event ids make that harmless.

    Raises:
        NotAuthentic: wrong signature.
    """
    expected = "sha256=" + hmac.new(secret.encode(), post.body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), post.header(SIGNATURE_HEADER).encode()):
        raise NotAuthentic("wrong WhatsApp signature")


def _events(body: Mapping[str, Any], post: Post) -> Iterator[Feedback | Reject]:
    readers: dict[str, Callable[[Any, Post], Iterator[Feedback | Reject]]] = {
        "statuses": _status,
        "messages": _reply,
        "user_preferences": _preference,
    }
    for path, value in _values(body):
        for name, read in readers.items():
            for place, item in enumerate(_list(value.get(name))):
                try:
                    yield from read(item, post)
                except ValidationError as error:
                    yield refusal(error, f"{path}.{name}.{place}")


def _values(body: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, entry in enumerate(_list(body.get("entry"))):
        changes = entry.get("changes") if isinstance(entry, Mapping) else None
        for place, change in enumerate(_list(changes)):
            value = change.get("value") if isinstance(change, Mapping) else None
            if isinstance(value, Mapping):
                yield f"entry.{number}.changes.{place}.value", value


def _status(item: object, post: Post) -> Iterator[Feedback | Reject]:
    status = Status.model_validate(item)
    meaning = MEANINGS.get(status.status)
    if meaning is None:
        if status.status not in NOTHING_NEW:
            yield Reject("status", "unknown WhatsApp status")
        return
    code = status.errors[0].code if status.errors else None
    yield heard(
        PROVIDER,
        CHANNEL,
        meaning,
        [status.id, status.status],
        moment(status.timestamp) or post.received_at,
        address=_number(status.recipient_id),
        message_id=status.biz_opaque_callback_data,
        provider_message_id=status.id,
        bounce_type="soft" if meaning == "bounced" else None,
        reason=f"whatsapp {code}" if code else None,
    )
    if code == STOPPED_MARKETING and status.recipient_id:
        yield _wish("unsubscribed", status.id, status.recipient_id, status.timestamp, post)


def _reply(item: object, post: Post) -> Iterator[Feedback | Reject]:
    """The number is `from`, which Python keeps for itself."""
    incoming = Incoming.model_validate(item)
    number = _number(item.get("from")) if isinstance(item, Mapping) else None
    if number is None:
        yield Reject("from", "missing")
        return
    text = incoming.text.body or incoming.button.text
    occurred_at = moment(incoming.timestamp) or post.received_at
    yield reply(
        PROVIDER,
        CHANNEL,
        incoming.id,
        number,
        occurred_at,
        keyword(text),
        in_reply_to=incoming.context.id,
    )


def _preference(item: object, post: Post) -> Iterator[Feedback | Reject]:
    preference = Preference.model_validate(item)
    meaning = PREFERENCES.get(preference.value)
    if meaning is None:
        yield Reject("user_preferences.value", "must be stop or resume")
        return
    yield _wish(meaning, "user_preferences", preference.wa_id, preference.timestamp, post)


def _wish(meaning: str, source_id: str, wa_id: str, timestamp: str | None, post: Post) -> Feedback:
    """Marketing only: messages about an order may still go."""
    return heard(
        PROVIDER,
        CHANNEL,
        meaning,
        ["preference", source_id, wa_id, timestamp],
        moment(timestamp) or post.received_at,
        address=_number(wa_id),
        reason="whatsapp_preference",
    )


def _number(wa_id: object) -> str | None:
    """Meta writes numbers without their plus."""
    return f"+{str(wa_id).removeprefix('+')}" if wa_id else None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
