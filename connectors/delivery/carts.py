"""Whether a cart has been emptied since its owner entered a flow: no single event says so.

A run works it out from all events (`int_carts`). Between two runs it is worked out here, by the same rules,
from the cart as it was at the entry and the facts since then.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from connectors.model import Message

EMPTIED = "cart_emptied"
CART_SIGNALS = {
    "Product Added": "product_added",
    "Product Removed": "product_removed",
    "Cart Viewed": "cart_viewed",
    "Checkout Started": "checkout_started",
}
"""Events that change a cart, or tell what is in it; the words are those of the seed `event_kinds`."""

SNAPSHOTS = ("Cart Viewed", "Checkout Started")


def cart_change(event_name: str, properties: Mapping[str, Any]) -> str | None:
    """What an event did to a cart, as JSON for the column `cart` of the facts; none when it did nothing."""
    if event_name not in CART_SIGNALS:
        return None
    change: dict[str, Any] = {"cart_id": properties.get("cart_id")}
    if event_name in SNAPSHOTS:
        lines = properties.get("products")
        if not isinstance(lines, list):
            return None
        change["contents"] = [_line(line, 1) for line in lines if isinstance(line, Mapping)]
    else:
        is_added = event_name == "Product Added"
        change["added" if is_added else "removed"] = _line(properties, 1 if is_added else None)
    return json.dumps(change, separators=(",", ":"))


def is_emptied(message: Message, news: Iterable[Mapping[str, Any]]) -> bool:
    """Whether nothing is left in the cart that the message is about, after what has happened since.

    Args:
        message: its entry names the cart and its items; any other message is about no cart.
        news: facts about the person; one event may be told once for each of their identifiers.
    """
    entry = message.context.get("entry") or {}
    items = entry.get("items")
    if not items:
        return False
    changes = {
        (fact["occurred_at"], fact["event_id"]): json.loads(fact["cart"])
        for fact in news
        if fact.get("cart")
        and any(exit_signal.is_met_by(EMPTIED, fact["occurred_at"]) for exit_signal in message.exit_signals)
    }
    ours = [
        change
        for _, change in sorted(changes.items(), key=lambda item: item[0])
        if change["cart_id"] in (None, entry.get("cart_id"))
    ]
    pieces: Mapping[str, float] = _sums(_line(item, 1) for item in items)
    for change in ours:
        pieces = _changed(pieces, change)
    return bool(ours) and all(left <= 0 for left in pieces.values())


def _changed(pieces: Mapping[str, float], change: Mapping[str, Any]) -> Mapping[str, float]:
    """The cart after a change; a removal without a quantity takes the whole line."""
    if "contents" in change:
        return _sums(change["contents"])
    if "added" in change:
        return _sums([*pieces.items(), change["added"]])
    product, fewer = change["removed"]
    return {**pieces, product: pieces.get(product, 0) - fewer if fewer is not None else 0}


def _sums(lines: Iterable[Sequence[Any]]) -> dict[str, float]:
    """Pieces by product; a cart may list the same product twice."""
    sums: dict[str, float] = {}
    for product, pieces in lines:
        sums[product] = sums.get(product, 0) + pieces
    return sums


def _line(line: Mapping[str, Any], otherwise: float | None) -> tuple[str, float | None]:
    """Product and pieces of a line; what is no number says nothing about the pieces."""
    said = line.get("quantity")
    is_number = isinstance(said, int | float) and not isinstance(said, bool)
    return str(line.get("product_id")), said if is_number else otherwise
