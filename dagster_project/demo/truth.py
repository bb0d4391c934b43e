"""What each flow really caused: known, because the simulator knows of every order why it was placed.

For every person that a flow treated there are two outcomes: converted with its messages (what happened) and
without them (the same plan and the same dice, minus the orders that this flow caused, plus those that it
displaced). Their mean difference is the true lift. A hold-out can only estimate it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from dagster_project.demo.effects import EFFECTS
from dagster_project.demo.shop import PlacedOrder


@dataclass(frozen=True)
class Entry:
    """A person in a flow, as the warehouse tells it, known to the simulator by `user_id`."""

    flow: str
    user_id: str
    entered_at: datetime
    goal_within: timedelta
    held_out: bool


@dataclass(frozen=True)
class FlowTruth:
    """The true effect of a flow on those it treated.

    Attributes:
        treated: entries that were not held out.
        converted_with: how many of them ordered within the goal window, as far as the story goes.
        converted_without: how many of the same would have, without this flow's messages.
        order_chance: chance that one delivered message causes an order, at average attention.
    """

    flow: str
    treated: int
    converted_with: int
    converted_without: int
    order_chance: float

    @property
    def lift(self) -> float:
        """Difference of the two conversion shares (0 to 1)."""
        return (self.converted_with - self.converted_without) / self.treated if self.treated else 0.0


def true_effects(orders: Iterable[PlacedOrder], entries: Iterable[Entry]) -> list[FlowTruth]:
    """The true effect of each flow on those it treated: the entries that its hold-out is compared with."""
    orders_of = defaultdict(list)
    for order in orders:
        orders_of[order.user_id].append(order)
    treated: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if not entry.held_out:
            treated[entry.flow].append(entry)
    return [
        FlowTruth(
            flow=flow,
            treated=len(members),
            converted_with=sum(_converted_with(entry, orders_of[entry.user_id]) for entry in members),
            converted_without=sum(_converted_without(entry, orders_of[entry.user_id]) for entry in members),
            order_chance=round(EFFECTS[flow].order_chance, 4) if flow in EFFECTS else 0.0,
        )
        for flow, members in sorted(treated.items())
    ]


def write_truth(path: Path, seed: int, truths: Iterable[FlowTruth]) -> None:
    """Keep the truth beside the installation, where nothing but the demo reads it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    flows = {truth.flow: {**asdict(truth), "lift": truth.lift} for truth in truths}
    path.write_text(json.dumps({"seed": seed, "flows": flows}, indent=2) + "\n")


def _converted_with(entry: Entry, orders: Iterable[PlacedOrder]) -> bool:
    return any(order.displaced_by is None and _in_window(entry, order) for order in orders)


def _converted_without(entry: Entry, orders: Iterable[PlacedOrder]) -> bool:
    return any(
        order.caused_by != entry.flow
        and order.displaced_by in {None, entry.flow}
        and _in_window(entry, order)
        for order in orders
    )


def _in_window(entry: Entry, order: PlacedOrder) -> bool:
    return entry.entered_at < order.at <= entry.entered_at + entry.goal_within
