"""The demo's shop without its warehouse: its customers, its reactions, its truth; our intervals around it.

A cart that is left for an hour enters its owner into the flow; a hash holds out one in three. Whoever is not held
out gets the reminder and reacts as in `millrace demo`. What the reminder really did is known order by order.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from dagster_project.demo.calendar import Calendar
from dagster_project.demo.mailbox import Mail
from dagster_project.demo.shop import Shop
from dagster_project.demo.truth import Entry, true_effects
from dagster_project.measurement.statistics import ALPHA, Comparison, Totals, compare, sequential_margin
from tests.validate.figures import Effort, Figure, between

OF = "demo shop"
CUSTOMERS = 400
HELD_OUT = 1 / 3
FLOW = "cart_recovery"
CALENDAR = Calendar(history_days=2, live_days=28)
LEFT_AFTER, GOAL_WITHIN, COMES_AGAIN_AFTER = timedelta(hours=1), timedelta(days=5), timedelta(days=7)
FIRST_LOOK, LOOKS, EACH_LOOK = 100, 50, 200


@dataclass
class Nowhere:
    """A landing that forgets."""

    def write(self, name: str, records: list) -> None:
        """Forget."""


def one_shop(seed: int) -> tuple[Comparison, float]:
    """The measured lift of one simulated shop, and the true one."""
    shop, entries = Shop(seed, CUSTOMERS, CALENDAR), []
    last: dict[str, object] = {}
    for entered_at, customer, cart in left_carts(shop):
        shop.advance(Nowhere(), entered_at)
        again = last.get(customer.user_id)
        if shop._left_cart(customer, entered_at) is not cart or (
            again and entered_at < again + COMES_AGAIN_AFTER
        ):
            continue
        last[customer.user_id] = entered_at
        held_out = bucket(seed, customer.user_id) < HELD_OUT
        entries.append(Entry(FLOW, customer.user_id, entered_at, GOAL_WITHIN, held_out))
        if not held_out:
            mail = Mail(
                f"{seed}-{len(entries)}",
                "",
                FLOW,
                "email/cart_reminder",
                customer.email,
                "https://shop.example",
                True,
            )
            shop.read_mails([mail], entered_at)
    shop.advance(Nowhere(), CALENDAR.ends_at + GOAL_WITHIN)
    (truth,) = true_effects(shop.orders, entries)
    return compare(
        arm_totals(shop, entries, held_out=False), arm_totals(shop, entries, held_out=True)
    ), truth.lift


def left_carts(shop: Shop) -> Iterator[tuple]:
    """When a cart has been left alone for an hour, whose it is, and which; in order of time."""
    last_entry = CALENDAR.ends_at - GOAL_WITHIN
    found = [
        (at + LEFT_AFTER, customer.user_id, customer, cart)
        for customer in shop.customers.values()
        for at, cart in shop._carts[customer.user_id]
        if at + LEFT_AFTER < last_entry and customer.joined_at is not None and customer.joined_at < at
    ]
    for at, _, customer, cart in sorted(found, key=lambda row: row[:2]):
        yield at, customer, cart


def arm_totals(shop: Shop, entries: list[Entry], *, held_out: bool) -> Totals:
    """Sums over the people of one arm: their entries, and how many of them ended in an order."""
    ordered = defaultdict(list)
    for order in shop.orders:
        if order.displaced_by is None:
            ordered[order.user_id].append(order.at)
    people: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for entry in entries:
        if entry.held_out is held_out:
            ends_at = entry.entered_at + entry.goal_within
            people[entry.user_id][0] += any(entry.entered_at < at <= ends_at for at in ordered[entry.user_id])
            people[entry.user_id][1] += 1
    value, weight = np.array(list(people.values()), dtype=float).T
    return Totals(
        len(people),
        value.sum(),
        weight.sum(),
        0.0,
        (value**2).sum(),
        (weight**2).sum(),
        0.0,
        (value * weight).sum(),
        0.0,
        0.0,
    )


def bucket(seed: int, user_id: str) -> float:
    """The hash that holds out, as in the flow engine."""
    digest = hashlib.md5(f"hold_out:{seed}:{user_id}".encode(), usedforsecurity=False)
    return int(digest.hexdigest()[:8], 16) / 2**32


def wrongly_found(experiments: int) -> tuple[float, float]:
    """Share of experiments without any effect that look clear at one of many looks: safe, and by plain tests."""
    dice = np.random.default_rng(5)
    rates = dice.uniform(0.02, 0.3, experiments)
    safe = plain = 0
    for rate in rates:
        counts = FIRST_LOOK + EACH_LOOK * np.arange(LOOKS)
        steps = np.diff(counts, prepend=0)
        successes = np.cumsum(dice.binomial(steps, rate, (2, LOOKS)), axis=1)
        means = successes / counts
        variances = means * (1 - means) * counts / (counts - 1)
        errors = np.sqrt(variances.sum(axis=0) / counts)
        lifts = np.abs(means[0] - means[1])
        margins = [
            sequential_margin(error, 2 * count) if error else math.inf
            for error, count in zip(errors.tolist(), counts.tolist(), strict=True)
        ]
        safe += bool((lifts > margins).any())
        plain += bool((lifts > 1.96 * errors).any())
    return safe / experiments, plain / experiments


def figures(effort: Effort) -> Iterator[Figure]:
    """Coverage of intervals, bias, and how often looking again and again finds what is not there."""
    found = [one_shop(seed) for seed in range(effort.seeds)]
    lifts, truths = [lift for lift, _ in found], np.array([truth for _, truth in found])
    # An interval is meant for the shop's kind of customer. Around what happened to the very customers of one
    # shop it is too wide (Neyman 1923): their own chance is in the interval and in the truth.
    of_its_kind = float(truths.mean())
    kind = np.mean([lift.low <= of_its_kind <= lift.high for lift in lifts])
    own = np.mean([lift.low <= truth <= lift.high for lift, truth in found])
    always = np.mean([lift.sequential_low <= truth <= lift.sequential_high for lift, truth in found])
    slack = 0.02 + 1.96 * max(0.0, math.sqrt(0.0475 / effort.seeds) - math.sqrt(0.0475 / 200))
    name = f"95 % intervals that cover the true lift, {effort.seeds} seeds"
    yield between(OF, name, float(kind), 0.95 - slack, min(0.95 + slack, 1.0), "by definition")
    yield between(OF, "the same, of its very customers", float(own), 0.95 - slack, 1.0, "at least 95 %")
    yield between(OF, "sequential intervals that cover it", float(always), 0.95, 1.0, "at least 95 %")
    errors = np.array([lift.lift for lift in lifts]) - truths
    near = float(3 * errors.std() / math.sqrt(len(errors)))
    measured = float(np.mean([lift.lift for lift in lifts]))
    yield Figure(OF, "mean measured lift", measured, of_its_kind, near, "true lift, 3 s.e.")
    safe, plain = wrongly_found(effort.experiments)
    yield between(OF, f"false positives, {LOOKS} looks, sequential", safe, 0.0, ALPHA, "by definition")
    yield between(
        OF, f"false positives, {LOOKS} looks, plain test (why not)", plain, ALPHA, 1.0, "by definition"
    )
