"""Gamma-Gamma: what a customer spends per order, drawn towards the average while orders are few.

Order values of a customer vary around a mean (Gamma with shape p), means vary between customers (Gamma with q
and v). Fader and Hardie, "The Gamma-Gamma model of monetary value", 2013; the number below is its equation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

START = (1.0, 2.0, 1.0)
"""p, q, v (in mean order values)."""
SMALLEST, LARGEST = 1e-3, 1e5
SMALLEST_Q = 1.01
"""The mean of means exists only above 1."""


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """A fitted model; money in the unit of the orders that it was fitted on."""

    p: float
    q: float
    v: float
    log_likelihood: float

    def expected_value(self, orders: Numbers, mean_value: Numbers) -> Numbers:
        """Value of the next order (5), of a customer with so many orders of this mean, or with none."""
        spent = np.where(orders > 0, orders * mean_value, 0.0)
        return np.asarray(self.p * (self.v + spent) / (self.p * orders + self.q - 1))


def fit_gamma_gamma(orders: Numbers, mean_value: Numbers) -> GammaGamma:
    """The most likely model of customers with so many orders of this mean value; free orders teach nothing.

    Raises:
        ValueError: nobody has paid for anything.
    """
    paid = (orders > 0) & (mean_value > 0)
    if not np.any(paid):
        raise ValueError("no order has a positive value: Gamma-Gamma has nothing to learn from")
    count, mean = orders[paid], mean_value[paid]
    unit = float(np.average(mean, weights=count))
    bounds = [(np.log(SMALLEST), np.log(LARGEST))] * 3
    bounds[1] = (np.log(SMALLEST_Q), np.log(LARGEST))
    data = (count, mean / unit)
    best = minimize(_loss, np.log(START), args=data, method="L-BFGS-B", bounds=bounds)
    options = {"xatol": 1e-7, "fatol": 1e-9, "maxiter": 5000}
    best = minimize(_loss, best.x, args=data, method="Nelder-Mead", bounds=bounds, options=options)
    p, q, v = (float(value) for value in np.exp(best.x))
    return GammaGamma(p, q, v * unit, float(_log_likelihood(p, q, v * unit, count, mean).sum()))


def _loss(logs: Numbers, count: Numbers, mean: Numbers) -> float:
    p, q, v = np.exp(logs)
    return -float(_log_likelihood(p, q, v, count, mean).mean())


def _log_likelihood(p: float, q: float, v: float, count: Numbers, mean: Numbers) -> Numbers:
    """Of each customer's mean order value."""
    px = p * count
    return np.asarray(
        gammaln(px + q)
        - gammaln(px)
        - gammaln(q)
        + q * np.log(v)
        + (px - 1) * np.log(mean)
        + px * np.log(count)
        - (px + q) * np.log(v + mean * count)
    )
