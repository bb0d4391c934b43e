"""A shop for stories: people do things at moments that read aloud, runs happen, messages are asked for.

Moments are written as "mon 2 mar 09:00", UTC, in 2026. Events land in files as a real shop's would, each before the
first run after it; the runs are real ticks of the whole project without delivery.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from dagster_project.settings import Settings
from dagster_project.tick import dbt_project, tick
from dagster_project.warehouse import open_warehouse

CATALOG = {
    "espresso": ("Coffee", 12.50),
    "filter": ("Coffee", 9.00),
    "sencha": ("Tea", 14.00),
    "kettle": ("Brewing", 89.00),
    "machine": ("Brewing", 620.00),
}


def moment(words: str) -> datetime:
    """The UTC moment of "mon 2 mar 09:00"; the weekday has to be right."""
    found = datetime.strptime(f"2026 {words.split(' ', 1)[1]}", "%Y %d %b %H:%M")
    assert said(found) == words, f"{words} is a {said(found)}"
    return found


def said(when: datetime) -> str:
    """A moment as stories write it."""
    return f"{when:%a} {when.day} {when:%b} {when:%H:%M}".lower()


@dataclass
class Shop:
    """One installation with its events still to come; `now` is the moment of the last run."""

    settings: Settings
    now: datetime = datetime(2026, 2, 1)
    _coming: list[tuple[datetime, dict[str, Any]]] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    # What people do ------------------------------------------------------------------------------------------------

    def has_customer(self, person: str, **traits: Any) -> None:
        """Someone who was there, and subscribed, long before the story: nothing welcomes them now."""
        since, now, self.now = "thu 1 jan 09:00", self.now, datetime(2026, 1, 1)
        self.meets(person, at=since, **traits)
        self.now = now

    def meets(self, person: str, *, at: str, subscribed: bool = True, **traits: Any) -> None:
        """Someone gives a name and an address, and mostly says yes to newsletters and pushes."""
        known = {
            "email": f"{person}@example.com",
            "firstName": person.title(),
            "timezone": "Europe/Berlin",
            "country": "DE",
        } | traits
        self._lands(at, {"type": "identify", "userId": person, "traits": known})
        if subscribed:
            self.subscribes(person, at=at)

    def subscribes(self, person: str, *, at: str, channel: str = "email") -> None:
        """Someone asks for marketing on a channel."""
        self._tracks(person, "Subscribed", at, channel=channel, purpose="marketing", source="form")

    def unsubscribes(self, person: str, *, at: str, channel: str = "email") -> None:
        """Someone has had enough."""
        self._tracks(person, "Unsubscribed", at, channel=channel, purpose="marketing", source="link")

    def installs_the_app(self, person: str, *, at: str) -> None:
        """A device that may be pushed to."""
        self._tracks(person, "Device Registered", at, token=f"token-{person}", platform="ios")
        self.subscribes(person, at=at, channel="push")

    def views(self, person: str, product: str, *, at: str) -> None:
        """Someone looks at a product."""
        self._tracks(person, "Product Viewed", at, **_product(product))

    def leaves_a_cart(self, person: str, *, at: str, product: str = "kettle") -> None:
        """Someone puts a product into the cart and goes away."""
        self._tracks(
            person, "Product Added", at, cart_id=f"cart-{person}-{at}", quantity=1, **_product(product)
        )

    def orders(self, person: str, *, at: str, product: str = "espresso", known: str | None = None) -> str:
        """Someone buys a product; the order lands at once, or when it is `known`. Its number."""
        order = self._order(product)
        self._lands(at, {"userId": person} | order, known)
        return str(order["properties"]["order_id"])

    def cancels(self, person: str, order: str, *, at: str) -> None:
        """Someone takes an order back before it has left."""
        self._tracks(person, "Order Cancelled", at, order_id=order)

    def buys_on(self, browser: str, *, at: str, product: str = "espresso") -> None:
        """Somebody whom nobody knows buys a product."""
        self._lands(at, {"anonymousId": browser} | self._order(product))

    def signs_in(self, person: str, browser: str, *, at: str) -> None:
        """It turns out whose browser that is."""
        self._lands(at, {"type": "identify", "userId": person, "anonymousId": browser, "traits": {}})

    def asks_for(self, person: str, product: str, *, at: str, variant: str | None = None) -> None:
        """Someone wants to be told when a product is back: no more than an address, no consent to anything."""
        request = {"product_id": product, "variant_id": variant, "email": f"{person}@example.com"}
        self._lands(at, {"type": "track", "event": "Back In Stock Requested", "properties": request})

    def opens(self, person: str, template: str, *, at: str) -> None:
        """Someone opens the mail that was last made of a template."""
        ((message, profile),) = self._rows(
            """
            select message_id, profile_id from sends.send_list where profile_id = ? and template = ?
            order by decided_at desc limit 1""",
            [self._profile(person), template.split("/")[1]],
        )
        self._lands(
            at,
            {
                "type": "track",
                "event": "Email Opened",
                "properties": {
                    "message_id": message,
                    "profile_id": profile,
                    "channel": "email",
                    "is_machine": False,
                },
            },
        )

    # What the shop does --------------------------------------------------------------------------------------------

    def has_left(self, product: str, pieces: int, *, at: str, variant: str | None = None) -> None:
        """The catalogue says how many pieces there are."""
        stock = _product(product) | {"inventory_quantity": pieces, "variant_id": variant}
        self._lands(at, {"type": "track", "event": "Product Updated", "properties": stock})

    def costs(self, product: str, price: float, *, at: str) -> None:
        """The catalogue says what a product costs."""
        told = _product(product) | {"price": price}
        self._lands(at, {"type": "track", "event": "Product Updated", "properties": told})

    def runs(self, at: str) -> None:
        """One tick. The doors are open: somebody looked around a minute ago."""
        now = moment(at)
        self._lands(
            said(now - timedelta(minutes=1)),
            {
                "type": "track",
                "event": "Product Viewed",
                "anonymousId": f"visitor-{next(self._numbers)}",
                "properties": _product("sencha"),
            },
        )
        self.now = now
        due = [record for when, record in self._coming if when <= self.now]
        self._coming = [(when, record) for when, record in self._coming if when > self.now]
        self.settings.open_landing().write(f"{now:%m%d%H%M}.ndjson", due)
        tick(self.settings, self.now, deliver=False)

    def runs_at(self, *moments: str) -> None:
        """Several ticks."""
        for at in moments:
            self.runs(at)

    def works_through_the_night(self, at: str) -> None:
        """The models that may be a day old are made again."""
        dbt_project(self.settings).nightly(moment(at))

    # What came of it -----------------------------------------------------------------------------------------------

    def messages(self, person: str) -> list[tuple[str, str]]:
        """When which message was scheduled for someone."""
        return [
            (said(when), f"{channel}/{template}")
            for when, channel, template in self._rows(
                """
            select due_at, channel, coalesce(template, step) from sends.send_list
            where profile_id = ? and status = 'scheduled' order by due_at, priority desc""",
                [self._profile(person)],
            )
        ]

    def told(self, person: str, message: str) -> list[str]:
        """When one kind of message was scheduled for someone; for people with no more than an address."""
        channel, template = message.split("/")
        sent = self._rows(
            """
            select lists.due_at from sends.send_list as lists
            inner join profiles.profile_identifiers as identifiers using (profile_id)
            where identifiers.identifier in (?, ?) and lists.channel = ? and lists.template = ?
                and lists.status = 'scheduled'
            group by lists.message_id, lists.due_at order by lists.due_at""",
            [person, f"{person}@example.com", channel, template],
        )
        return [said(when) for (when,) in sent]

    def unsent(self, person: str) -> list[tuple[str, str, str]]:
        """Which message did not go (yet), and why."""
        return [
            (f"{channel}/{template}", status, reason)
            for channel, template, status, reason in self._rows(
                """
            select channel, template, status, reason from sends.send_list
            where profile_id = ? and status != 'scheduled' order by decided_at, template""",
                [self._profile(person)],
            )
        ]

    def exits(self, person: str) -> list[tuple[str, str, str]]:
        """Which flow ended when and why for someone."""
        return [
            (flow, said(when), reason)
            for flow, when, reason in self._rows(
                """
            select flow, exited_at, exit_reason from flows.flow_entries
            where profile_id = ? and exited_at is not null order by exited_at, flow""",
                [self._profile(person)],
            )
        ]

    def shown_to(self, person: str) -> list[tuple[str, str, str | None]]:
        """Product, reason and the product it is shown for, in the mail that is about to leave."""
        ((context,),) = self._rows(
            "select context from sends.outbox where profile_id = ?", [self._profile(person)]
        )
        shown = json.loads(context)["recommendations"]
        return [(item["product_id"], item["reason"], item["because_of"]) for item in shown]

    def _profile(self, person: str) -> str:
        return str(
            self._rows("select profile_id from profiles.profile_identifiers where identifier = ?", [person])[
                0
            ][0]
        )

    def _rows(self, sql: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
        with open_warehouse(self.settings) as warehouse:
            return [tuple(row.values()) for row in warehouse.query(sql, parameters).to_pylist()]

    def _tracks(self, person: str, event: str, at: str, **properties: Any) -> None:
        self._lands(at, {"type": "track", "event": event, "userId": person, "properties": properties})

    def _order(self, product: str) -> dict[str, Any]:
        properties = {
            "order_id": f"order-{next(self._numbers)}",
            "currency": "EUR",
            "products": [_product(product) | {"quantity": 1}],
        }
        return {"type": "track", "event": "Order Completed", "properties": properties}

    def _lands(self, at: str, record: dict[str, Any], known: str | None = None) -> None:
        when, lands = moment(at), moment(known or at)
        assert lands >= self.now, f"{known or at} lies before the last run"
        self._coming.append(
            (
                lands,
                {
                    "messageId": f"{when:%m%d%H%M}-{next(self._numbers)}",
                    "timestamp": f"{when:%Y-%m-%dT%H:%M:%SZ}",
                    "source": "shop",
                }
                | record,
            )
        )


def _product(name: str) -> dict[str, Any]:
    category, price = CATALOG[name]
    return {"product_id": name, "name": name.title(), "category": category, "price": price, "currency": "EUR"}
