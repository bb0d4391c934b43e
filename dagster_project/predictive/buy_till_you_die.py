"""BG/NBD with Gamma-Gamma as one forecast: how often a customer buys, times how much."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from dagster_project.predictive.bg_nbd import BgNbd, History, fit_bg_nbd
from dagster_project.predictive.features import history
from dagster_project.predictive.gamma_gamma import GammaGamma, fit_gamma_gamma

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dagster_project.predictive.contender import Kind

    Numbers = NDArray[np.float64]


MOST_CUSTOMERS = 50_000
"""More would not change the seven parameters by what anybody could see."""


@dataclass(frozen=True, slots=True)
class BuyTillYouDie:
    """BG/NBD with Gamma-Gamma: how often, times how much.

    Attributes:
        horizon_days: how far ahead it looks.
        value: None where nobody has bought twice for money: then it speaks of probabilities only.
    """

    kind: Kind
    horizon_days: int
    purchases: BgNbd
    value: GammaGamma | None

    def predict(self, customers: pl.DataFrame) -> Numbers:
        """Probability of silence, or revenue, or the median wait of who orders, within the horizon."""
        past = history(customers)
        if self.kind == "probability":
            return self.purchases.silence(past, self.horizon_days)
        if self.kind == "days":
            return self._wait(past)
        purchases = self.purchases.expected_purchases(past, self.horizon_days)
        return np.asarray(purchases * self.order_value(customers))

    def order_value(self, customers: pl.DataFrame) -> Numbers:
        """What the next order of each customer will be worth."""
        mean = customers["mean_repeat_value"].cast(pl.Float64).fill_null(0).to_numpy()
        if self.value is None:
            return np.full(len(customers), float(customers["mean_value"].cast(pl.Float64).mean() or 0.0))  # type: ignore[arg-type]
        return self.value.expected_value(history(customers).repeats, mean)

    def _wait(self, past: History) -> Numbers:
        """The wait of who is alive has a Lomax distribution; this is its median below the horizon, days."""
        shape, scale = self.purchases.r + past.repeats, self.purchases.alpha + past.age
        within = 1 - (scale / (scale + self.horizon_days)) ** shape
        return np.asarray(scale * ((1 - within / 2) ** (-1 / shape) - 1))


def fit_buy_till_you_die(customers: pl.DataFrame, kind: Kind, horizon_days: int) -> BuyTillYouDie:
    """Fit on what was known at the latest cutoff among these customers; it needs no "after".

    Raises:
        ValueError: nobody bought twice.
    """
    latest = customers.filter(pl.col("as_of") == pl.col("as_of").max())
    latest = latest.gather_every(math.ceil(len(latest) / MOST_CUSTOMERS))
    past = history(latest)
    mean = latest["mean_repeat_value"].cast(pl.Float64).fill_null(0).to_numpy()
    has_value = bool(np.any((past.repeats > 0) & (mean > 0)))
    value = fit_gamma_gamma(past.repeats, mean) if has_value else None
    return BuyTillYouDie(kind, horizon_days, fit_bg_nbd(past), value)
