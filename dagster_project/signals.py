"""Which events the very next claim must know: those that forbid messages, and those that end a flow."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from connectors.delivery.carts import CART_SIGNALS, EMPTIED
from connectors.delivery.facts import FORBIDDING, SIGNALS
from dagster_project.flows.registry import load_flows

if TYPE_CHECKING:
    from dagster_project.settings import Settings


def live_signals(settings: Settings) -> dict[str, str]:
    """Signals by event name: what concerns every message, and the exits and goals of the flows there are.

    No single event says that a cart was emptied: where that ends a flow, all events count that change a cart.

    Raises:
        FlowError: when a flow cannot be read.
    """
    ending: set[str] = set()
    for flow in load_flows(settings):
        definition = flow.definition
        ending.update(definition.exit_on, [definition.goal.signal] if definition.goal else [])
    kinds = settings.dbt_project / "seeds" / "event_kinds.csv"
    with kinds.open(encoding="utf-8", newline="") as lines:
        words = {row["event_name"]: row["signal"] for row in csv.DictReader(lines)}
    exits = {name: signal for name, signal in words.items() if signal in ending}
    carts = CART_SIGNALS if EMPTIED in ending else {}
    return {name: SIGNALS[name] for name in FORBIDDING} | exits | carts
