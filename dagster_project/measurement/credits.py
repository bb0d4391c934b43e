"""Attribution models that look at all paths at once: Markov removal effect and Shapley value, both exact.

First, last, linear, time decay and position look at one order at a time: they are SQL, `attributed_orders`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from dagster_project.measurement.paths import Floats, Paths, Whole


@dataclass(frozen=True, slots=True)
class Credit:
    """What one model gives to one name (a channel, a flow).

    Attributes:
        model: name of the model.
        name: who is given credit.
        conversions: orders; over all names they add up to the orders of the paths.
        cents: revenue in hundredths, whole; over all names they add up to the paths' revenue, to the cent.
    """

    model: str
    name: str
    conversions: float
    cents: int


def removal_effects(paths: Paths, rewards: Floats) -> Floats:
    """Share of the expected reward of a journey that is lost when a channel is taken away, by channel.

    Journeys are a Markov chain of order 1 over the channels (Anderl, Becker, von Wangenheim & Schumann 2016,
    Mapping the customer journey, International Journal of Research in Marketing 33): from a start, from
    channel to channel, into an order or into nothing. Removing channel c sends who comes to c into nothing.
    Nothing is simulated: with the fundamental matrix N = (I - Q)^-1 of the absorbing chain (Kemeny & Snell
    1960, chapter 3) and the expected reward v = N r, a journey visits c with probability n_c / N_cc, where
    n = starts N, and then loses v_c. A channel after itself (a loop) changes nothing.

    Args:
        paths: journeys with and without orders.
        rewards: what each path earned in all, by path: its orders, or its revenue.

    Returns:
        One number from 0 to 1 for each channel; all 0 when nothing was earned.
    """
    size = len(paths.channels)
    travellers = paths.conversions + paths.nulls
    weights = travellers[paths.owners]
    is_last = np.zeros(len(paths.codes), dtype=bool)
    is_last[paths.starts[1:] - 1] = True
    came_from = np.flatnonzero(~is_last)
    moves = paths.codes[came_from] * size + paths.codes[came_from + 1]
    moved = np.bincount(moves, weights[came_from], size * size).reshape(size, size)
    visits = np.bincount(paths.codes, weights, size)
    visited = np.where(visits > 0, visits, 1.0)
    fundamental = np.linalg.inv(np.eye(size) - moved / visited[:, None])
    expected = fundamental @ (np.bincount(paths.lasts, rewards, size) / visited)
    arrivals = np.bincount(paths.firsts, travellers, size) @ fundamental
    earned = float(rewards.sum())
    if earned <= 0:
        return np.zeros(size)
    return np.asarray(arrivals / np.diag(fundamental) * expected / earned)


def markov(paths: Paths, rewards: Floats) -> Floats:
    """What was earned, shared out in proportion to the removal effects."""
    effects = removal_effects(paths, rewards)
    total = effects.sum()
    return effects / total * rewards.sum() if total > 0 else effects


def shapley(paths: Paths, rewards: Floats) -> Floats:
    """Shapley value of the game in which a set of channels earns what paths within the set earned.

    The sum over all 2^n coalitions has a closed form: a path's reward, split evenly among its distinct
    channels (Zhao, Mahboobi & Bagheri 2018, Shapley value methods for attribution modeling in online
    advertising). So it is exact for any number of channels. Paths without orders do not count.
    """
    size = len(paths.channels)
    touched: Whole = np.sort(paths.owners * size + paths.codes)
    members = touched[np.diff(touched, prepend=-1) > 0]
    owners, codes = members // size, members % size
    sizes = np.bincount(owners, minlength=len(rewards))
    return np.asarray(np.bincount(codes, rewards[owners] / sizes[owners], size), dtype=np.float64)


MODELS: dict[str, Callable[[Paths, Floats], Floats]] = {"markov": markov, "shapley": shapley}


def credits_of(paths: Paths) -> Iterator[Credit]:
    """What each model gives to each channel, orders and revenue."""
    if not paths.channels:
        return
    for model, share_out in MODELS.items():
        conversions = share_out(paths, paths.conversions)
        cents = whole_parts(share_out(paths, paths.revenue * 100), round(paths.revenue.sum() * 100))
        for name, count, part in zip(paths.channels, conversions, cents, strict=True):
            yield Credit(model, name, float(count), int(part))


def whole_parts(parts: Floats, total: int) -> Whole:
    """Parts rounded so that they add up to the total (largest remainder method); 0 when there are none."""
    floors = np.floor(parts).astype(np.int64)
    missing = total - int(floors.sum())
    if parts.sum() <= 0:
        return floors
    order = np.argsort(floors - parts, kind="stable")
    floors[order[:missing]] += 1
    return floors
