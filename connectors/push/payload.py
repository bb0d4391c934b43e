"""What a push service is given: title, text, picture, buttons and deep link, in each one's own words.

The message id stands in every payload, so that the app can report what was opened, and names what is shown:
a second copy replaces the first on the screen. Buttons are words that an app knows beforehand: `category` is
the template's name, and what each button leads to is in `actions`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from connectors.errors import Rejected
from connectors.model import Content, Envelope

Service = Literal["fcm", "apns", "web_push"]

MOST_BYTES: Mapping[Service, int] = {"fcm": 4096, "apns": 4096, "web_push": 3993}
"""FCM and APNs: 4 KB. Web push: 4096 encrypted (RFC 8030, 7.2), of which aes128gcm takes 103 in one record:
86 of header, a delimiter and a tag of 16."""

EPOCH = datetime(1970, 1, 1)
LONGEST_TTL_SECONDS = 28 * 86_400
"""Four weeks: the most that FCM and the push services of browsers keep a message."""


def fcm_message(envelope: Envelope) -> dict[str, Any]:
    """The `message` of FCM's HTTP v1 API, its token aside."""
    message, content = envelope.message, envelope.content
    urgent = is_urgent(envelope)
    android: dict[str, Any] = {
        "priority": "HIGH" if urgent else "NORMAL",
        "notification": {"tag": message.message_id},
    }
    headers = {"apns-priority": "10" if urgent else "5", "apns-collapse-id": message.message_id[:64]}
    if message.expires_at:
        android["ttl"] = f"{ttl_seconds(envelope)}s"
        headers["apns-expiration"] = str(expires_epoch(envelope))
    apns: dict[str, Any] = {
        "headers": headers,
        "payload": {"aps": {"mutable-content": 1, "category": category(envelope)}},
    }
    if content.image:
        apns["fcm_options"] = {"image": content.image}
    return {
        "notification": _present(title=content.subject, body=content.text, image=content.image),
        "data": _present(
            message_id=message.message_id,
            url=content.url,
            category=category(envelope),
            actions=_compact(buttons(content)) if content.actions else None,
        ),
        "android": android,
        "apns": apns,
    }


def apns_payload(envelope: Envelope) -> dict[str, Any]:
    """The JSON of a notification to an Apple device; an extension of the app fetches the picture."""
    content = envelope.content
    alert = _present(title=content.subject, body=content.text)
    return {
        "aps": {"alert": alert, "sound": "default", "mutable-content": 1, "category": category(envelope)},
        **_present(
            message_id=envelope.message.message_id,
            url=content.url,
            image=content.image,
            actions=buttons(content) or None,
        ),
    }


def web_notification(envelope: Envelope) -> dict[str, Any]:
    """The arguments of `showNotification` in a service worker, and in `data` where clicks lead."""
    content, message_id = envelope.content, envelope.message.message_id
    return {
        "title": content.subject or "",
        "options": _present(
            body=content.text,
            image=content.image,
            tag=message_id,
            actions=[{"action": action.name, "title": action.title} for action in content.actions] or None,
            data=_present(
                message_id=message_id,
                url=content.url,
                actions={action.name: action.url for action in content.actions if action.url} or None,
            ),
        ),
    }


PAYLOADS = {"fcm": fcm_message, "apns": apns_payload, "web_push": web_notification}


def encode(envelope: Envelope, service: Service) -> bytes:
    """The payload as compact JSON; of FCM the whole message, which is more than FCM counts.

    Raises:
        Rejected: it is larger than the service takes.
    """
    payload = _compact(PAYLOADS[service](envelope)).encode()
    if len(payload) > MOST_BYTES[service]:
        raise Rejected(f"payload_too_large: {len(payload)} of {MOST_BYTES[service]} bytes for {service}")
    return payload


def buttons(content: Content) -> list[dict[str, str]]:
    """The actions as an app reads them."""
    return [_present(name=action.name, title=action.title, url=action.url) for action in content.actions]


def category(envelope: Envelope) -> str:
    """The template's own name, under which an app registers its buttons."""
    return (envelope.message.template_path or "push").rpartition("/")[2]


def is_urgent(envelope: Envelope) -> bool:
    """Whether a sleeping device is woken for it."""
    return envelope.message.message_class == "transactional"


def ttl_seconds(envelope: Envelope) -> int:
    """How long a service may keep the message for a device that is off; four weeks when it never expires."""
    expires_at = envelope.message.expires_at
    left = (expires_at - envelope.sent_at).total_seconds() if expires_at else LONGEST_TTL_SECONDS
    return int(min(max(left, 0), LONGEST_TTL_SECONDS))


def expires_epoch(envelope: Envelope) -> int:
    """When the message expires, in seconds since 1970."""
    return int((envelope.sent_at - EPOCH).total_seconds()) + ttl_seconds(envelope)


def _present(**values: Any) -> dict[str, Any]:  # noqa: ANN401  (any JSON)
    return {name: value for name, value in values.items() if value is not None}


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
