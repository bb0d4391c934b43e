"""Stripe's webhooks: what was paid and given back.

https://docs.stripe.com/webhooks/signature: `Stripe-Signature: t=…,v1=…`, a hex HMAC-SHA256 of time and body.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any

from connectors.collector.sources.signing import as_text, check_recent, check_signature, from_epoch
from connectors.feedback.model import Post, Reject

ZERO_DECIMALS = frozenset(
    "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF UGX VND VUV XAF XOF XPF".split()  # noqa: SIM905  (a list of words)
)
THREE_DECIMALS = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
"""https://docs.stripe.com/currencies: amounts are in the smallest unit, which is mostly a hundredth."""


def verify(post: Post, secret: str) -> None:
    """Check the signature and its age; `secret` is the endpoint's signing secret, all of it.

    Raises:
        NotAuthentic: wrong signature, or not signed within five minutes of now.
    """
    parts = [part.partition("=") for part in post.header("Stripe-Signature").split(",")]
    signed_at = next((value for name, _, value in parts if name.strip() == "t"), "")
    expected = hmac.new(secret.encode(), f"{signed_at}.".encode() + post.body, hashlib.sha256).hexdigest()
    check_signature(expected, (value for name, _, value in parts if name.strip() == "v1"))
    check_recent(from_epoch(signed_at), post.received_at)


def records(post: Post) -> list[dict[str, Any] | Reject]:
    """The event as Segment calls, with Stripe's id of the event."""
    event = post.json()
    event = event if isinstance(event, Mapping) else {}
    data = _part(event, "data")
    thing = _part(data, "object")
    if not thing or not isinstance(event.get("id"), str):
        return [Reject("data.object", "missing")]
    read = EVENTS.get(str(event.get("type")))
    if read is None:
        return [Reject("type", "no event is made of this type")]
    happened_at = from_epoch(event["created"]) if isinstance(event.get("created"), int) else None
    call = {
        "messageId": f"stripe-{event['id']}",
        "timestamp": as_text(happened_at or post.received_at),
        "userId": _user_id(thing),
        **read(thing, _part(data, "previous_attributes")),
    }
    return [{name: value for name, value in call.items() if value is not None}]


def _checkout(session: Mapping[str, Any], _previous: Mapping[str, Any]) -> dict[str, Any]:
    totals = _part(session, "total_details")
    discount = totals.get("amount_discount")
    details = _part(session, "customer_details")
    return {
        "type": "track",
        "event": "Order Completed",
        "properties": _without_none(
            order_id=_order_id(session),
            total=_money(session.get("amount_total"), session),
            discount=_money(discount, session) if discount else None,
            currency=_currency(session),
            email=details.get("email") or session.get("customer_email"),
            phone=details.get("phone"),
        ),
    }


def _refund(charge: Mapping[str, Any], previous: Mapping[str, Any]) -> dict[str, Any]:
    """Stripe tells what has been given back in all, and what it was before."""
    given_back = (charge.get("amount_refunded") or 0) - (previous.get("amount_refunded") or 0)
    return {
        "type": "track",
        "event": "Order Refunded",
        "properties": _without_none(
            order_id=_order_id(charge),
            total=_money(given_back, charge),
            currency=_currency(charge),
        ),
    }


def _customer(customer: Mapping[str, Any], _previous: Mapping[str, Any]) -> dict[str, Any]:
    names = ("email", "phone", "name")
    traits = _without_none(**{name: customer.get(name) for name in names})
    return {"type": "identify", "traits": traits}


EVENTS: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, Any]]] = {
    "checkout.session.completed": _checkout,
    "charge.refunded": _refund,
    "customer.created": _customer,
    "customer.updated": _customer,
}


def _user_id(thing: Mapping[str, Any]) -> str | None:
    """The shop's own id where the shop has passed it on; otherwise Stripe's."""
    own = thing.get("client_reference_id") or _part(thing, "metadata").get("user_id")
    stripes = thing.get("id") if thing.get("object") == "customer" else thing.get("customer")
    return str(own or stripes) if own or stripes else None


def _order_id(thing: Mapping[str, Any]) -> str | None:
    """The shop's own number where it has passed it on; otherwise what charge and checkout share."""
    found = _part(thing, "metadata").get("order_id") or thing.get("payment_intent") or thing.get("id")
    return str(found) if found else None


def _money(amount: object, thing: Mapping[str, Any]) -> float | None:
    if not isinstance(amount, int):
        return None
    currency = _currency(thing)
    decimals = 0 if currency in ZERO_DECIMALS else 3 if currency in THREE_DECIMALS else 2
    return float(round(amount / 10**decimals, decimals))


def _currency(thing: Mapping[str, Any]) -> str | None:
    currency = thing.get("currency")
    return currency.upper() if isinstance(currency, str) else None


def _part(thing: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = thing.get(name)
    return part if isinstance(part, Mapping) else {}


def _without_none(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}
