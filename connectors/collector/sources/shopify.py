"""Shopify's webhooks: customers with their consents, checkouts, orders, refunds, products.

https://shopify.dev/docs/apps/build/webhooks/verify-deliveries: the base64 HMAC-SHA256 of the body. Neither
the topic nor a time is signed, so what a post means must follow from its body too, and the body's own times
tell its age.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from connectors.collector.sources.signing import check_recent, check_signature
from connectors.feedback.model import Post, Reject, moment

TOLERANCE = timedelta(days=1)
"""Shopify repeats a post for four hours, with the body of the first time."""
CHANGED = ("updated_at", "processed_at", "created_at")
CONSENTS = {"email_marketing_consent": "email", "sms_marketing_consent": "sms"}
STATES = {"subscribed": "Subscribed", "unsubscribed": "Unsubscribed"}

Body = Mapping[str, Any]
Calls = Iterator[dict[str, Any]]


def verify(post: Post, secret: str) -> None:
    """Check the signature, and the body's own time; `secret` is the app's client secret.

    Raises:
        NotAuthentic: wrong signature, or about something that happened more than a day ago.
    """
    expected = base64.b64encode(hmac.new(secret.encode(), post.body, hashlib.sha256).digest()).decode()
    check_signature(expected, [post.header("X-Shopify-Hmac-SHA256")])
    body = post.json()
    changed = (
        next((body[name] for name in CHANGED if body.get(name)), None) if isinstance(body, dict) else None
    )
    check_recent(moment(changed) if isinstance(changed, str) else None, post.received_at, TOLERANCE)


def records(post: Post) -> list[dict[str, Any] | Reject]:
    """The calls of a post; their ids follow from the body."""
    body = post.json()
    read = TOPICS.get(post.header("X-Shopify-Topic"))
    if read is None:
        return [Reject("X-Shopify-Topic", "no event is made of this topic")]
    if not isinstance(body, Mapping):
        return [Reject("", "the body must be a JSON object")]
    try:
        return [_without_none(call) for call in read(body)] or [Reject("", "the body is not of this topic")]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return [Reject("", f"the body is not of this topic: {type(error).__name__}")]


def _order(order: Body) -> Calls:
    yield from _person(order, order["created_at"], f"shopify-order-{order['id']}-customer")
    yield {
        "type": "track",
        "event": "Order Completed",
        "messageId": f"shopify-order-{order['id']}",
        "userId": _user_id(order),
        "timestamp": order["created_at"],
        "properties": {
            "order_id": str(order["id"]),
            "total": float(order["total_price"]),
            "discount": float(order.get("total_discounts") or 0),
            "currency": order["currency"],
            "cart_id": order.get("cart_token"),
            "products": _lines(order),
            **_guest(order),
        },
    }


def _cancelled(order: Body) -> Calls:
    if order["cancelled_at"]:
        yield {
            "type": "track",
            "event": "Order Cancelled",
            "messageId": f"shopify-order-{order['id']}-cancelled",
            "userId": _user_id(order),
            "timestamp": order["cancelled_at"],
            "properties": {"order_id": str(order["id"]), "currency": order["currency"]},
        }


def _refund(refund: Body) -> Calls:
    paid_back = [
        each for each in refund["transactions"] if each["kind"] == "refund" and each["status"] == "success"
    ]
    if paid_back:
        yield {
            "type": "track",
            "event": "Order Refunded",
            "messageId": f"shopify-refund-{refund['id']}",
            "timestamp": refund["created_at"],
            "properties": {
                "order_id": str(refund["order_id"]),
                "total": round(sum(float(each["amount"]) for each in paid_back), 3),
                "currency": paid_back[0]["currency"],
            },
        }


def _checkout(checkout: Body) -> Calls:
    if not checkout.get("completed_at"):
        yield {
            "type": "track",
            "event": "Checkout Started",
            "messageId": f"shopify-checkout-{checkout['token']}-{checkout['updated_at']}",
            "userId": _user_id(checkout),
            "timestamp": checkout["updated_at"],
            "properties": {
                "cart_id": checkout.get("cart_token") or checkout["token"],
                "currency": checkout.get("currency"),
                "products": _lines(checkout),
                **_guest(checkout),
            },
        }


def _customer(customer: Body) -> Calls:
    yield from _person({"customer": customer}, customer["updated_at"], _changed("customer", customer))
    for name, channel in CONSENTS.items():
        consent = customer.get(name) or {}
        if consent.get("state") in STATES and consent.get("consent_updated_at"):
            yield {
                "type": "track",
                "event": STATES[consent["state"]],
                "messageId": f"shopify-consent-{customer['id']}-{channel}-{consent['consent_updated_at']}",
                "userId": str(customer["id"]),
                "timestamp": consent["consent_updated_at"],
                "properties": {"channel": channel, "source": "shopify", "proof": consent.get("opt_in_level")},
            }


def _product(product: Body) -> Calls:
    variants = product["variants"]
    image = product.get("image") or {}
    yield {
        "type": "track",
        "event": "Product Updated",
        "messageId": _changed("product", product),
        "timestamp": product["updated_at"],
        "properties": {
            "product_id": str(product["id"]),
            "name": product["title"],
            "category": product.get("product_type") or None,
            "price": min((float(variant["price"]) for variant in variants), default=None),
            "inventory_quantity": sum(variant.get("inventory_quantity") or 0 for variant in variants),
            "image_url": image.get("src"),
        },
    }


TOPICS: Mapping[str, Callable[[Body], Calls]] = {
    "orders/create": _order,
    "orders/paid": _order,
    "orders/cancelled": _cancelled,
    "refunds/create": _refund,
    "checkouts/create": _checkout,
    "checkouts/update": _checkout,
    "customers/create": _customer,
    "customers/update": _customer,
    "products/create": _product,
    "products/update": _product,
}


def _person(about: Body, timestamp: str, message_id: str) -> Calls:
    customer = about.get("customer") or {}
    if customer.get("id"):
        yield {
            "type": "identify",
            "messageId": message_id,
            "userId": str(customer["id"]),
            "timestamp": timestamp,
            "traits": {
                "email": customer.get("email"),
                "phone": customer.get("phone"),
                "firstName": customer.get("first_name"),
                "lastName": customer.get("last_name"),
                "createdAt": customer.get("created_at"),
            },
        }


def _user_id(about: Body) -> str | None:
    customer = about.get("customer") or {}
    return str(customer["id"]) if customer.get("id") else None


def _guest(about: Body) -> dict[str, Any]:
    """Who has no account is known by the address that the order was placed with."""
    return {} if _user_id(about) else {"email": about.get("email"), "phone": about.get("phone")}


def _lines(about: Body) -> list[dict[str, Any]]:
    return [
        {
            "product_id": str(line["product_id"] or line.get("variant_id") or line["title"]),
            "name": line["title"],
            "price": float(line["price"]),
            "quantity": line["quantity"],
        }
        for line in about["line_items"]
    ]


def _changed(kind: str, thing: Body) -> str:
    return f"shopify-{kind}-{thing['id']}-{thing['updated_at']}"


def _without_none(call: Body) -> dict[str, Any]:
    return {
        name: _without_none(value) if isinstance(value, Mapping) else value
        for name, value in call.items()
        if value is not None
    }
