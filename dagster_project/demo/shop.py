"""The shop as the outside world: records reach landing as time passes, and customers read their mail."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from dagster_project.demo.behaviour import Cart, Diary, plan
from dagster_project.demo.calendar import Calendar
from dagster_project.demo.catalogue import catalogue_records
from dagster_project.demo.customers import Customer, make_customers
from dagster_project.demo.mailbox import Mail
from dagster_project.demo.reactions import react
from dagster_project.demo.records import Arrival, Record

if TYPE_CHECKING:
    from connectors.landing import Landing

BROKEN_RECORDS: tuple[Record, ...] = (
    {
        "type": "track",
        "event": "Order Completed",
        "messageId": "broken-1",
        "properties": {"order_id": "O-broken"},
    },
    {"type": "shout", "messageId": "broken-2", "userId": "U1", "timestamp": "2026-09-01T10:00:00Z"},
    {
        "type": "track",
        "event": "Product Viewed",
        "messageId": "broken-3",
        "userId": "U1",
        "timestamp": "yesterday",
    },
)


@dataclass(frozen=True)
class PlacedOrder:
    """An order as only the simulator knows it.

    Attributes:
        caused_by: the flow whose message led to it; none for an order of the customer's own accord.
        displaced_by: the flow whose message made the customer order this cart earlier, so that this order
            did not happen.
    """

    user_id: str
    order_id: str
    at: datetime
    caused_by: str | None
    displaced_by: str | None = None


class Shop:
    """A seeded shop: the same seed and the same mails give the same records."""

    def __init__(self, seed: int, customer_count: int, calendar: Calendar) -> None:
        self._seed = seed
        self._calendar = calendar
        self.customers = {
            customer.email: customer for customer in make_customers(seed, customer_count, calendar)
        }
        self._diaries = {customer.user_id: Diary(customer) for customer in self.customers.values()}
        self._carts: dict[str, list[tuple[datetime, Cart]]] = {}
        self._paid: dict[str, str | None] = {}
        self._expected: list[Arrival] = []
        self.orders: list[PlacedOrder] = []
        for customer in self.customers.values():
            arrivals, carts = plan(customer, seed, calendar, self._diaries[customer.user_id])
            self._expected += [arrival for arrival in arrivals if arrival.at <= calendar.ends_at]
            self._carts[customer.user_id] = carts
        heapq.heapify(self._expected)

    def addresses(self, mailbox: str) -> frozenset[str]:
        """Addresses of all customers whose mailbox is `good`, `gone` or `busy`."""
        return frozenset(email for email, customer in self.customers.items() if customer.mailbox == mailbox)

    def advance(self, landing: Landing, until: datetime) -> int:
        """Write what arrived up to a naive UTC moment to landing; the number of records."""
        records = [arrival.record for arrival in self._due(until) if self._happens(arrival)]
        if until == self._calendar.go_live:
            landing.write("shop/catalogue.ndjson", catalogue_records(self._calendar.starts_at))
            records += BROKEN_RECORDS
        if records:
            landing.write(f"shop/{until:%Y-%m-%dT%H}.ndjson", records)
        return len(records)

    def read_mails(self, mails: Iterable[Mail], at: datetime) -> None:
        """Customers react to mails delivered at a naive UTC moment."""
        for mail in mails:
            customer = self.customers[mail.address]
            left_cart = self._left_cart(customer, at)
            diary = self._diaries[customer.user_id]
            for arrival in react(mail, at, customer, diary, left_cart, self._seed):
                if arrival.at <= self._calendar.ends_at:
                    heapq.heappush(self._expected, arrival)

    def _due(self, until: datetime) -> Iterable[Arrival]:
        while self._expected and self._expected[0].at <= until:
            yield heapq.heappop(self._expected)

    def _happens(self, arrival: Arrival) -> bool:
        """Whether a record is still true when its time comes: a paid cart is not paid again."""
        cart_id = arrival.cart_id
        if cart_id is None:
            return True
        is_paid, paid_by = cart_id in self._paid, self._paid.get(cart_id)
        if arrival.is_order:
            # A cart that the customer paid of their own accord leaves nothing for a message to cause.
            if paid_by is not None or not is_paid:
                self._remember(arrival, displaced_by=paid_by)
            self._paid.setdefault(cart_id, arrival.caused_by)
        return not is_paid

    def _remember(self, arrival: Arrival, displaced_by: str | None) -> None:
        assert arrival.user_id is not None
        order_id = arrival.record["properties"]["order_id"]
        order = PlacedOrder(arrival.user_id, order_id, arrival.at, arrival.caused_by, displaced_by)
        self.orders.append(order)

    def _left_cart(self, customer: Customer, at: datetime) -> Cart | None:
        """The customer's latest cart, when it was left unpaid."""
        started = [cart for started_at, cart in self._carts[customer.user_id] if started_at < at]
        return started[-1] if started and started[-1].cart_id not in self._paid else None
