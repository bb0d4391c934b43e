"""What a customer does of their own accord, planned in full beforehand: no message can change the plan.

The plan is what would have happened without any message. Messages only add orders (see `reactions`), and one
that pays for a cart early takes the place of the planned order for the same cart.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from dagster_project.demo.calendar import Calendar
from dagster_project.demo.catalogue import CURRENCY, PRODUCTS, Product
from dagster_project.demo.customers import Customer
from dagster_project.demo.randomness import stream
from dagster_project.demo.records import ORDER, Arrival, Record, record

CART_SHARE = 0.42  # of visits in which something is put into a cart
PAID_AT_ONCE_SHARE = 0.3  # of carts
COMES_BACK_SHARE = 0.16  # of abandoned carts, by itself within days
COMES_BACK_MEAN_DAYS = 1.6
EMPTIED_SHARE = 0.05
REFUND_SHARE = 0.04
LOGGED_IN_SHARE = 0.75
LATE_SHARE = 0.004
TWICE_SHARE = 0.003
_HOURS = range(7, 24)
_HOUR_WEIGHTS = (2, 3, 4, 5, 5, 6, 6, 5, 5, 5, 5, 6, 8, 9, 9, 6, 3)


@dataclass(frozen=True)
class Cart:
    """What lies in a cart: products with quantities."""

    cart_id: str
    items: tuple[tuple[Product, int], ...]

    @property
    def value(self) -> float:
        """Total in the shop's currency."""
        return round(sum(product.price * quantity for product, quantity in self.items), 2)

    def products(self) -> list[Record]:
        """As orders and checkouts list them."""
        return [{**product.properties(), "quantity": quantity} for product, quantity in self.items]


class Diary:
    """Writes one customer's arrivals with ids that never repeat."""

    def __init__(self, customer: Customer) -> None:
        self.customer = customer
        self._numbers = itertools.count(1)

    def write(
        self,
        at: datetime,
        event: str | None,
        content: Record,
        *,
        known: bool = True,
        cart_id: str | None = None,
        caused_by: str | None = None,
    ) -> Arrival:
        """A track record (or an identify when `event` is none); `known`: the person is logged in."""
        customer, number = self.customer, next(self._numbers)
        landed = record(
            "track" if event else "identify",
            at,
            message_id=f"{customer.user_id}-{number}",
            event=event,
            user_id=customer.user_id if known else None,
            anonymous_id=customer.anonymous_id,
            properties=content if event else None,
            traits=None if event else content,
        )
        return Arrival(at, number, landed, cart_id=cart_id, user_id=customer.user_id, caused_by=caused_by)

    def order(
        self,
        at: datetime,
        cart: Cart,
        *,
        discount_share: float = 0,
        known: bool = True,
        caused_by: str | None = None,
    ) -> list[Arrival]:
        """Checkout and order of a cart."""
        discount = round(cart.value * discount_share, 2)
        checkout = {
            "order_id": order_id(cart),
            "cart_id": cart.cart_id,
            "currency": CURRENCY,
            "products": cart.products(),
        }
        order = {**checkout, "revenue": round(cart.value - discount, 2), "discount": discount}
        steps = ((at - timedelta(minutes=2), "Checkout Started", checkout), (at, ORDER, order))
        return [
            self.write(moment, event, content, known=known, cart_id=cart.cart_id, caused_by=caused_by)
            for moment, event, content in steps
        ]


def order_id(cart: Cart) -> str:
    """The order that pays for a cart."""
    return f"O-{cart.cart_id.removeprefix('C-')}"


def plan(
    customer: Customer, seed: int, calendar: Calendar, diary: Diary
) -> tuple[list[Arrival], list[tuple[datetime, Cart]]]:
    """Everything that the customer does without messages, and when which cart was filled."""
    dice = stream(seed, "behaviour", customer.user_id)
    arrivals = [*_joins(customer, diary), *_old_orders(customer, dice, calendar, diary)]
    carts: list[tuple[datetime, Cart]] = []
    for at in _visit_times(customer, dice, calendar):
        known = customer.joined_at is not None and at > customer.joined_at and dice.random() < LOGGED_IN_SHARE
        visit, cart = _visit(dice, at, diary, known=known)
        arrivals += visit
        carts += [(at, cart)] if cart else []
    return [again for arrival in arrivals for again in _as_networks_do(dice, arrival)], carts


def _joins(customer: Customer, diary: Diary) -> Iterator[Arrival]:
    """The account, its consents and its device."""
    at = customer.joined_at
    if at is None:
        return
    traits = {
        "email": customer.email,
        "phone": customer.phone,
        "firstName": customer.first_name,
        "lastName": customer.last_name,
        "birthday": customer.birthday.isoformat(),
        "locale": customer.locale,
        "country": customer.country,
        "timezone": customer.time_zone if customer.tells_time_zone else None,
        "createdAt": f"{at.isoformat(timespec='seconds')}Z",
    }
    yield diary.write(at, None, {name: value for name, value in traits.items() if value is not None})
    for channel in customer.subscribes:
        consent = {
            "channel": channel,
            "purpose": "marketing",
            "source": "account form",
            "proof": "double opt-in",
        }
        yield diary.write(at + timedelta(minutes=1), "Subscribed", consent)
    if "push" in customer.subscribes:
        device = {"token": f"device-{customer.user_id}", "platform": "ios"}
        yield diary.write(at + timedelta(minutes=2), "Device Registered", device)


def _old_orders(
    customer: Customer, dice: random.Random, calendar: Calendar, diary: Diary
) -> Iterator[Arrival]:
    """Orders from before the story, as an export of the shop system knows them."""
    if customer.joined_at is None or customer.joined_at > calendar.starts_at:
        return
    first = customer.last_old_order_days or (calendar.history_days + dice.uniform(0, 80))
    days = [
        first + 40 * number + dice.uniform(0, 20) * number for number in range(dice.choice((1, 1, 2, 3, 4)))
    ]
    for number, days_before in enumerate(days):
        at = calendar.go_live - timedelta(days=days_before)
        if at > customer.joined_at:
            cart = Cart(f"C-{customer.user_id}-old{number}", _choose_items(dice))
            yield diary.order(at, cart)[-1]


def _visit_times(customer: Customer, dice: random.Random, calendar: Calendar) -> Iterator[datetime]:
    """Moments (UTC) at waking hours of the customer's own time zone."""
    zone = ZoneInfo(customer.time_zone)
    day = calendar.starts_at.replace(hour=0)
    while day < calendar.ends_at:
        if dice.random() < customer.visits_per_week / 7:
            hour = dice.choices(_HOURS, _HOUR_WEIGHTS)[0]
            local = day.replace(hour=hour, minute=dice.randrange(60), second=dice.randrange(60), tzinfo=zone)
            yield local.astimezone(ZoneInfo("UTC")).replace(tzinfo=None)
        day += timedelta(days=1)


def _visit(
    dice: random.Random, at: datetime, diary: Diary, *, known: bool
) -> tuple[list[Arrival], Cart | None]:
    """One visit: pages, perhaps a cart, perhaps an order now or days later."""
    arrivals = []
    seen = dice.sample(PRODUCTS, dice.choice((1, 1, 2, 2, 3, 4)))
    for product in seen:
        at += timedelta(seconds=dice.randrange(20, 240))
        arrivals.append(diary.write(at, "Product Viewed", product.properties(), known=known))
    if dice.random() >= CART_SHARE:
        return arrivals, None
    cart = Cart(
        f"C-{arrivals[0].record['messageId']}",
        tuple((product, dice.choice((1, 1, 1, 2))) for product in seen[-2:]),
    )
    for product, quantity in cart.items:
        at += timedelta(seconds=dice.randrange(10, 90))
        added = {**product.properties(), "cart_id": cart.cart_id, "quantity": quantity}
        arrivals.append(diary.write(at, "Product Added", added, known=known))
    return arrivals + _end_of_cart(dice, at, cart, diary, known=known), cart


def _end_of_cart(
    dice: random.Random, at: datetime, cart: Cart, diary: Diary, *, known: bool
) -> list[Arrival]:
    """Paid, paid later, emptied, or left."""
    lot = dice.random()
    later = timedelta(hours=2) + timedelta(days=dice.expovariate(1 / COMES_BACK_MEAN_DAYS))
    refund = dice.random() < REFUND_SHARE
    if lot < PAID_AT_ONCE_SHARE:
        paid_at = at + timedelta(minutes=dice.randrange(3, 12))
    elif lot < PAID_AT_ONCE_SHARE + (1 - PAID_AT_ONCE_SHARE) * COMES_BACK_SHARE:
        paid_at = at + later
    elif lot > 1 - EMPTIED_SHARE:
        return [
            diary.write(
                at + timedelta(minutes=1, seconds=number),
                "Product Removed",
                {**product.properties(), "cart_id": cart.cart_id, "quantity": quantity},
                known=known,
            )
            for number, (product, quantity) in enumerate(cart.items)
        ]
    else:
        return []
    order = diary.order(paid_at, cart, known=known)
    if refund:
        refunded = {"order_id": order_id(cart), "total": cart.value, "currency": CURRENCY}
        order.append(diary.write(paid_at + timedelta(days=5), "Order Refunded", refunded, known=known))
    return order


def _choose_items(dice: random.Random) -> tuple[tuple[Product, int], ...]:
    return tuple((product, 1) for product in dice.sample(PRODUCTS, dice.choice((1, 2, 3))))


def _as_networks_do(dice: random.Random, arrival: Arrival) -> Iterator[Arrival]:
    """Now and then a record arrives hours late, or twice. Orders are written by the shop itself, once."""
    lot = dice.random()
    is_order = arrival.cart_id is not None
    if lot < LATE_SHARE and not is_order:
        late = arrival.at + timedelta(hours=dice.uniform(0.5, 8))
        received = {"receivedAt": f"{late.isoformat(timespec='milliseconds')}Z"}
        yield Arrival(late, arrival.number, {**arrival.record, **received}, user_id=arrival.user_id)
        return
    yield arrival
    if lot > 1 - TWICE_SHARE and not is_order:
        yield Arrival(
            arrival.at + timedelta(minutes=5), arrival.number, arrival.record, user_id=arrival.user_id
        )
