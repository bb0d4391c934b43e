"""From checked events to their acknowledgement: what must hold at once is in force, and all are durable.

An order ends flows, a no or a bounce forbids messages: such events are facts in the transactional store
before the answer, so the next claim sees them, whenever the warehouse gets to know.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from connectors.collector.journal import StorageFailed
from connectors.collector.together import Together
from connectors.delivery.facts import keep_facts
from connectors.events.contract import Event

if TYPE_CHECKING:
    from connectors.collector.calls import Received
    from connectors.collector.dependencies import Dependencies
    from connectors.store import Store

GATHERED = frozenset(
    {
        *("Page Viewed", "Screen Viewed", "Product List Viewed", "Products Searched", "Product Viewed"),
        *("Product Added", "Product Removed", "Cart Viewed", "Checkout Started"),
        *("Identified", "Grouped", "Aliased"),
    }
)
"""Browsing, and calls that make no message due by themselves: they may gather for some seconds. Anything
else (a sign-up, an order, an event of the shop's own) may be what somebody waits for."""


class Intake:
    """Takes events in; belongs to one event loop.

    Args:
        deps: its store keeps the facts, its journal all events; its options say which events are facts.
    """

    def __init__(self, deps: Dependencies) -> None:
        self._journal = deps.journal
        self._signals = deps.options.signals
        self._facts: Together[Event] = Together(partial(_keep, deps.store, self._signals))

    async def take(self, received: Received) -> None:
        """Facts first: an event that is not acknowledged may have stopped a message, never the other way.

        Raises:
            Busy: too much waits; the sender may send the same again.
            StorageFailed: as above; disk or store cannot be written.
        """
        news = [event for event in received.events if event.event_name in self._signals]
        try:
            await self._facts.do(news)
        except SQLAlchemyError as error:
            raise StorageFailed(type(error).__name__) from error
        is_urgent = any(event.event_name not in GATHERED for event in received.events)
        await self._journal.append_lines(received.lines, is_urgent=is_urgent)


def _keep(store: Store, signals: Mapping[str, str], events: list[Event]) -> None:
    """A clock that is ahead must not hide what has happened: facts count from their arrival at the latest."""
    keep_facts(
        store,
        (event._asdict() | {"occurred_at": min(event.occurred_at, event.received_at)} for event in events),
        signals,
    )
