"""What Shopify's orders, customers, checkouts and products mean as events, told by webhook or read by a pull.

The bodies are those of Shopify's webhooks. Ids follow from what happened, not from who told it, so an order
that was pushed and pulled lands once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connectors.feedback.model import moment

CONSENTS = {"email_marketing_consent": "email", "sms_marketing_consent": "sms"}
STATES = {"subscribed": "Subscribed", "unsubscribed": "Unsubscribed"}

Body = Mapping[str, Any]
Calls = Iterator[dict[str, Any]]


def ordered(order: Body) -> Calls:
    """The order as it was placed, and who placed it."""
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


def cancelled(order: Body) -> Calls:
    """That the order was cancelled, if it was."""
    if order.get("cancelled_at"):
        yield {
            "type": "track",
            "event": "Order Cancelled",
            "messageId": f"shopify-order-{order['id']}-cancelled",
            "userId": _user_id(order),
            "timestamp": order["cancelled_at"],
            "properties": {"order_id": str(order["id"]), "currency": order["currency"]},
        }


def fulfilled(order: Body) -> Calls:
    """That everything in the order is on its way, if it is."""
    done_at = [each["created_at"] for each in order.get("fulfillments") or [] if each.get("created_at")]
    if order.get("fulfillment_status") == "fulfilled" and done_at:
        yield {
            "type": "track",
            "event": "Order Fulfilled",
            "messageId": f"shopify-order-{order['id']}-fulfilled",
            "userId": _user_id(order),
            "timestamp": max(done_at, key=_instant),
            "properties": {"order_id": str(order["id"]), "currency": order["currency"], **_guest(order)},
        }


def order_as_it_is(order: Body) -> Calls:
    """All that has become of an order so far; what was told before is told again under the same ids."""
    yield from ordered(order)
    yield from fulfilled(order)
    for refund in order.get("refunds") or []:
        yield from refunded({"order_id": order["id"], **refund})
    yield from cancelled(order)


def refunded(refund: Body) -> Calls:
    """What was paid back."""
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


def checking_out(checkout: Body) -> Calls:
    """A checkout that is not an order yet."""
    if not checkout.get("completed_at"):
        yield {
            "type": "track",
            "event": "Checkout Started",
            "messageId": f"shopify-checkout-{checkout['token']}-{_instant(checkout['updated_at'])}",
            "userId": _user_id(checkout),
            "timestamp": checkout["updated_at"],
            "properties": {
                "cart_id": checkout.get("cart_token") or checkout["token"],
                "currency": checkout.get("currency"),
                "products": _lines(checkout),
                **_guest(checkout),
            },
        }


def customer_changed(customer: Body) -> Calls:
    """Who the customer is, and what she has said about being written to."""
    yield from _person({"customer": customer}, customer["updated_at"], _changed("customer", customer))
    yield from consents(customer)


def consents(customer: Body) -> Calls:
    """The customer's words about marketing, each with its time; without one there is nothing to believe."""
    customer_id = customer.get("id") or customer["customer_id"]
    for name, channel in CONSENTS.items():
        consent = customer.get(name) or {}
        if consent.get("state") in STATES and consent.get("consent_updated_at"):
            said_at = consent["consent_updated_at"]
            yield {
                "type": "track",
                "event": STATES[consent["state"]],
                "messageId": f"shopify-consent-{customer_id}-{channel}-{_instant(said_at)}",
                "userId": str(customer_id),
                "timestamp": said_at,
                "properties": {"channel": channel, "source": "shopify", "proof": consent.get("opt_in_level")},
            }


def product_changed(product: Body) -> Calls:
    """The product as the catalogue has it."""
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


def stock_changed(level: Body) -> Calls:
    """How many of a variant are at a place; which product that is, only `products/update` tells."""
    if level["available"] is not None:
        item, place = level["inventory_item_id"], level["location_id"]
        yield {
            "type": "track",
            "event": "Inventory Level Updated",
            "messageId": f"shopify-stock-{item}-{place}-{_instant(level['updated_at'])}",
            "timestamp": level["updated_at"],
            "properties": {
                "inventory_item_id": str(item),
                "location_id": str(place),
                "inventory_quantity": level["available"],
            },
        }


def without_none(call: Body) -> dict[str, Any]:
    """The call without what is not known."""
    return {
        name: without_none(value) if isinstance(value, Mapping) else value
        for name, value in call.items()
        if value is not None
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
    return f"shopify-{kind}-{thing['id']}-{_instant(thing['updated_at'])}"


def _instant(value: str) -> str:
    """A time in UTC: a webhook writes the shop's zone, the API does not."""
    read = moment(value)
    if read is None:
        raise ValueError("a time that cannot be read")
    return f"{read.isoformat()}Z"
