"""What a customer does about a mail: nothing, open, click, order, unsubscribe, complain.

It plays the recipient and, as long as no collector of ours serves the links, the server behind them: the
message and profile ids of the events come from the signed links of the mail itself.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

from dagster_project.demo.behaviour import Cart, Diary
from dagster_project.demo.catalogue import PRODUCTS
from dagster_project.demo.customers import Customer
from dagster_project.demo.effects import (
    COMPLAINT_SHARE,
    EFFECTS,
    UNKNOWN_FLOW,
    UNSUBSCRIBE_SHARE,
    Effect,
    discount_share,
)
from dagster_project.demo.mailbox import Mail
from dagster_project.demo.randomness import stream
from dagster_project.demo.records import Arrival, record

OPEN_MEAN_HOURS = 3.0
MACHINE = {"is_machine": True}


class Reader:
    """Writes down the events of one mail."""

    def __init__(self, mail: Mail) -> None:
        self._mail = mail
        self._count = 0

    def event(self, at: datetime, name: str, **properties: object) -> Arrival:
        """A message event as the server behind the links would write it."""
        self._count += 1
        return Arrival(
            at,
            self._count,
            record(
                "track",
                at,
                message_id=f"{self._mail.message_id}-{self._count}",
                event=name,
                properties={
                    "message_id": self._mail.message_id,
                    "profile_id": self._mail.profile_id,
                    "channel": "email",
                    **properties,
                },
            ),
        )


def react(
    mail: Mail,
    at: datetime,
    customer: Customer,
    diary: Diary,
    left_cart: Cart | None,
    seed: int,
) -> Iterator[Arrival]:
    """Everything that follows from a mail delivered at a naive UTC moment, with its caused orders marked.

    The dice belong to the customer and the message alone, so another flow's mails never change the outcome.
    """
    dice = stream(seed, "mail", mail.message_id)
    effect = EFFECTS.get(mail.flow, UNKNOWN_FLOW)
    reader = Reader(mail)
    if customer.has_privacy_proxy:
        yield reader.event(at + timedelta(seconds=dice.randrange(5, 60)), "Email Opened", **MACHINE)
    if dice.random() < COMPLAINT_SHARE:
        yield reader.event(at + timedelta(hours=1), "Email Marked as Spam")
        return
    if dice.random() >= min(0.95, effect.open_share * customer.attention):
        return
    opened_at = at + timedelta(hours=dice.expovariate(1 / OPEN_MEAN_HOURS), seconds=30)
    yield reader.event(opened_at, "Email Opened")
    if dice.random() < UNSUBSCRIBE_SHARE and mail.can_unsubscribe:
        refusal = {"purpose": "marketing", "source": "link in message"}
        yield reader.event(opened_at + timedelta(minutes=1), "Unsubscribed", **refusal)
        return
    yield from _clicks(mail, reader, effect, opened_at, diary, left_cart, dice)


def _clicks(
    mail: Mail,
    reader: Reader,
    effect: Effect,
    opened_at: datetime,
    diary: Diary,
    left_cart: Cart | None,
    dice: random.Random,
) -> Iterator[Arrival]:
    if mail.target is None or dice.random() >= effect.click_share:
        return
    clicked_at = opened_at + timedelta(seconds=dice.randrange(5, 300))
    yield reader.event(clicked_at, "Email Link Clicked", url=mail.target)
    if dice.random() >= effect.order_share:
        return
    ordered_at = clicked_at + timedelta(minutes=dice.randrange(4, 40))
    cart = left_cart or Cart(
        f"C-{mail.message_id[:12]}", tuple((item, 1) for item in dice.sample(PRODUCTS, 2))
    )
    if left_cart is None:
        for item, quantity in cart.items:
            added = {**item.properties(), "cart_id": cart.cart_id, "quantity": quantity}
            yield diary.write(clicked_at + timedelta(minutes=1), "Product Added", added)
    yield from diary.order(
        ordered_at, cart, discount_share=discount_share(mail.template), caused_by=mail.flow
    )
