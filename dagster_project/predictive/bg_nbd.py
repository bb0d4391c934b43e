"""BG/NBD: how often a customer who may have left without a word will buy again.

Purchases come at a rate that differs between customers (Gamma with shape r, rate alpha); after each of them
a customer may leave for good, with a probability that differs too (Beta with a, b). Fader, Hardie and Lee,
"Counting your customers the easy way", Marketing Science 24(2), 2005; numbers in parentheses are theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize
from scipy.special import betaincinv, betaln, expit, gammaln

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

STARTS = ((1.0, 1.0, 1.0, 1.0), (0.3, 0.5, 0.1, 10.0))
"""r, alpha (in mean observation times), a, b: one where many leave, one where hardly anybody does."""
SMALLEST, LARGEST = 1e-4, 1e4
"""Bounds of each parameter: where nobody ever leaves, the likelihood rises for ever with b / a."""
TINY = 1e-12
NODES, WEIGHTS = (half / 2 for half in np.polynomial.legendre.leggauss(64))
NODES = NODES + 0.5
"""Of a quadrature over the quantiles of a distribution, 0 … 1."""
BLOCK = 50_000
"""Customers at a time: each is as many numbers as there are nodes."""


@dataclass(frozen=True, slots=True)
class History:
    """What the model needs of each customer; arrays of one length, times in one unit.

    Attributes:
        repeats: purchases after the first, x.
        recency: time from the first to the last purchase, t_x; 0 without a repeat.
        age: time from the first purchase to the day of the forecast, T.
    """

    repeats: Numbers
    recency: Numbers
    age: Numbers

    def of(self, customers: NDArray[np.int64]) -> History:
        """The history of some of them, by their places."""
        return History(self.repeats[customers], self.recency[customers], self.age[customers])


@dataclass(frozen=True, slots=True)
class BgNbd:
    """A fitted model; times in the unit of the history that it was fitted on."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float

    def is_alive(self, history: History) -> Numbers:
        """Probability that a customer has not left yet, 0 … 1; 1 for one who never bought again."""
        x = history.repeats
        longer = np.log((self.alpha + history.age) / (self.alpha + history.recency))
        log_odds = np.log(self.a) - np.log(self.b + np.maximum(x, 1) - 1) + (self.r + x) * longer
        return np.asarray(expit(np.where(x > 0, -log_odds, np.inf)))

    def expected_purchases(self, history: History, horizon: float) -> Numbers:
        """Purchases expected within the next `horizon` (10), given x, t_x and T.

        The paper's closed form divides by a - 1 and overflows where hardly anybody leaves. This is the
        integral behind it: of who is alive, the rate is Gamma(r + x, alpha + T) and the chance p to
        leave Beta(a, b + x), and (1 - exp(-rate p t)) / p purchases are expected.
        """
        customers = np.arange(len(history.repeats))
        blocks = np.array_split(customers, max(1, -(-len(customers) // BLOCK)))
        return np.concatenate([self._expected(history.of(block), horizon) for block in blocks])

    def _expected(self, history: History, horizon: float) -> Numbers:
        x, place = np.unique(history.repeats, return_inverse=True)
        leaves = betaincinv(self.a, self.b + x[:, None], NODES)[place]
        shape = (self.r + history.repeats)[:, None]
        speed = (horizon / (self.alpha + history.age))[:, None]
        come = -np.expm1(-shape * np.log1p(leaves * speed)) / np.maximum(leaves, TINY)
        come = np.where(leaves > TINY, come, shape * speed)
        return np.asarray(come @ WEIGHTS * self.is_alive(history))

    def silence(self, history: History, horizon: float) -> Numbers:
        """Probability of no purchase within the next `horizon`: gone already, or only slow.

        Who is alive buys next at a rate whose posterior is Gamma(r + x, alpha + T).
        """
        none = ((self.alpha + history.age) / (self.alpha + history.age + horizon)) ** (
            self.r + history.repeats
        )
        return np.asarray(1 - self.is_alive(history) * (1 - none))


def fit_bg_nbd(history: History) -> BgNbd:
    """The most likely model of these customers.

    Raises:
        ValueError: nobody, or nobody who bought twice: there is nothing to learn from.
    """
    if not np.any(history.repeats > 0):
        raise ValueError("no customer bought twice: BG/NBD has nothing to learn from")
    unit = float(np.mean(history.age)) or 1.0
    scaled = History(history.repeats, history.recency / unit, history.age / unit)
    bounds = [(np.log(SMALLEST), np.log(LARGEST))] * 4
    fits = [
        minimize(_loss, np.log(start), args=(scaled,), method="L-BFGS-B", bounds=bounds) for start in STARTS
    ]
    best = min(fits, key=lambda fit: fit.fun)
    # Nelder-Mead walks the flat ridges of this likelihood to their top.
    best = minimize(
        _loss,
        best.x,
        args=(scaled,),
        method="Nelder-Mead",
        bounds=bounds,
        options={"xatol": 1e-7, "fatol": 1e-9, "maxiter": 5000},
    )
    r, alpha, a, b = (float(value) for value in np.exp(best.x))
    return BgNbd(r, alpha * unit, a, b, float(_log_likelihood(r, alpha * unit, a, b, history).sum()))


def _loss(logs: Numbers, history: History) -> float:
    r, alpha, a, b = np.exp(logs)
    return -float(_log_likelihood(r, alpha, a, b, history).mean())


def _log_likelihood(r: float, alpha: float, a: float, b: float, history: History) -> Numbers:
    """Of each customer (6), as logarithms throughout."""
    x = history.repeats
    common = gammaln(r + x) - gammaln(r) + r * np.log(alpha) - betaln(a, b)
    stays = betaln(a, b + x) - (r + x) * np.log(alpha + history.age)
    leaves = betaln(a + 1, b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + history.recency)
    return np.asarray(common + np.logaddexp(stays, np.where(x > 0, leaves, -np.inf)))
