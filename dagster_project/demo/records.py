"""Landing records in Segment's words, as an external tracker would write them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

Record = dict[str, Any]

TRANSIT = timedelta(seconds=3)  # from a browser to the tracker


ORDER = "Order Completed"


@dataclass(frozen=True, order=True)
class Arrival:
    """A record on its way to landing.

    Attributes:
        at: when the tracker receives it (naive UTC).
        number: tie-breaker that keeps the order of writing.
        record: what lands.
        cart_id: the cart that this checkout or order is for; once a cart is paid, whatever else was planned
            for it does not happen.
        user_id: whose behaviour it is.
        caused_by: the flow whose message led to it; none for a customer's own plans.
    """

    at: datetime
    number: int
    record: Record = field(compare=False)
    cart_id: str | None = field(default=None, compare=False)
    user_id: str | None = field(default=None, compare=False)
    caused_by: str | None = field(default=None, compare=False)

    @property
    def is_order(self) -> bool:
        """Whether this pays for its cart."""
        return self.record.get("event") == ORDER


def record(
    kind: str,
    at: datetime,
    *,
    message_id: str,
    event: str | None = None,
    user_id: str | None = None,
    anonymous_id: str | None = None,
    properties: Mapping[str, Any] | None = None,
    traits: Mapping[str, Any] | None = None,
) -> Record:
    """A Segment record of `kind` (track, identify …) at a naive UTC moment; absent parts are left out."""
    parts = {
        "type": kind,
        "messageId": message_id,
        "event": event,
        "userId": user_id,
        "anonymousId": anonymous_id,
        "timestamp": f"{at.isoformat(timespec='milliseconds')}Z",
        "receivedAt": f"{(at + TRANSIT).isoformat(timespec='milliseconds')}Z",
        "properties": dict(properties) if properties is not None else None,
        "traits": dict(traits) if traits is not None else None,
    }
    return {name: value for name, value in parts.items() if value is not None}


def lines(arrivals: Iterable[Arrival]) -> list[Record]:
    """The records of arrivals, in the order of their arrival."""
    return [arrival.record for arrival in sorted(arrivals)]
