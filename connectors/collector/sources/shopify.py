"""Shopify's webhooks: orders and what becomes of them, customers and consents, checkouts, products, stock.

https://shopify.dev/docs/apps/build/webhooks/verify-deliveries: the base64 HMAC-SHA256 of the body. Neither
the topic nor a time is signed, so what a post means must follow from its body too, and the body's own times
tell its age. Notices to the app have no time; they change nothing, they are noted.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from connectors.collector.sources import shopify_things as things
from connectors.collector.sources.shopify_things import Body, Calls
from connectors.collector.sources.signing import check_recent, check_signature
from connectors.feedback.model import Post, Reject, moment

TOLERANCE = timedelta(days=1)
"""Shopify repeats a post for four hours, with the body of the first time."""
CHANGED = ("updated_at", "processed_at", "created_at", "consent_updated_at")

TOPICS: Mapping[str, Callable[[Body], Calls]] = {
    "orders/create": things.ordered,
    "orders/paid": things.ordered,
    "orders/updated": things.order_as_it_is,
    "orders/edited": things.order_as_it_is,
    "orders/fulfilled": things.order_as_it_is,
    "orders/partially_fulfilled": things.order_as_it_is,
    "orders/cancelled": things.cancelled,
    "refunds/create": things.refunded,
    "checkouts/create": things.checking_out,
    "checkouts/update": things.checking_out,
    "customers/create": things.customer_changed,
    "customers/update": things.customer_changed,
    "customers/enable": things.customer_changed,
    "customers/disable": things.customer_changed,
    "customers_email_marketing_consent/update": things.consents,
    "customers_marketing_consent/update": things.consents,
    "products/create": things.product_changed,
    "products/update": things.product_changed,
    "inventory_levels/update": things.stock_changed,
}
NOTICES = {
    "app/uninstalled": ("app_uninstalled", "myshopify_domain"),
    "customers/data_request": ("data_requested", "shop_domain"),
    "customers/redact": ("erasure_requested", "shop_domain"),
    "shop/redact": ("shop_erasure_requested", "shop_domain"),
}
"""What Shopify asks of every app (`/docs/apps/build/compliance`): entry in the audit log, what tells it."""


def verify(post: Post, secret: str) -> None:
    """Check the signature, and the body's own time; `secret` is the app's client secret.

    Raises:
        NotAuthentic: wrong signature, or about something that happened more than a day ago.
    """
    expected = base64.b64encode(hmac.new(secret.encode(), post.body, hashlib.sha256).digest()).decode()
    check_signature(expected, [post.header("X-Shopify-Hmac-SHA256")])
    if notice(post) is None:
        changed = _changed_at(post.json())
        check_recent(moment(changed) if isinstance(changed, str) else None, post.received_at, TOLERANCE)


def records(post: Post) -> list[dict[str, Any] | Reject]:
    """The calls of a post; their ids follow from the body. A notice has none."""
    if notice(post):
        return []
    body = post.json()
    read = TOPICS.get(post.header("X-Shopify-Topic"))
    if read is None:
        return [Reject("X-Shopify-Topic", "no event is made of this topic")]
    if not isinstance(body, Mapping):
        return [Reject("", "the body must be a JSON object")]
    try:
        return [things.without_none(call) for call in read(body)] or [
            Reject("", "the body is not of this topic")
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return [Reject("", f"the body is not of this topic: {type(error).__name__}")]


def notice(post: Post) -> tuple[str, str, Mapping[str, Any]] | None:
    """What a notice puts into the audit log: action, subject, details; no address or number is among them.

    A body with a time of its own is none, whatever topic is claimed for it.
    """
    action, told_by = NOTICES.get(post.header("X-Shopify-Topic"), ("", ""))
    body = post.json()
    if not action or not isinstance(body, Mapping) or told_by not in body:
        return None
    is_shop = told_by == "myshopify_domain"
    if not is_shop and _changed_at(body):
        return None
    details = {
        "shop": str(body[told_by])[:128],
        "request": _id(body.get("data_request")),
        "orders": _texts(body.get("orders_requested")) or _texts(body.get("orders_to_redact")),
    }
    subject = _id(body.get("customer")) or str(body.get("shop_id") or body.get("id") or "")
    return action, subject, {name: value for name, value in details.items() if value}


def _id(thing: object) -> str:
    return str(thing.get("id") or "") if isinstance(thing, Mapping) else ""


def _texts(values: object) -> list[str]:
    return [str(each) for each in values] if isinstance(values, list) else []


def _changed_at(body: object) -> object:
    """The body's own time, or that of the consent in it."""
    return next(_times(body), None) if isinstance(body, Mapping) else None


def _times(body: Body) -> Iterator[object]:
    for part in (body, *(body.get(name) for name in things.CONSENTS)):
        if isinstance(part, Mapping):
            yield from (part[name] for name in CHANGED if part.get(name))
