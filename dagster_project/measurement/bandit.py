"""A multi-armed bandit: each arm's share is the chance that it is the best one (Thompson 1933, in batches).

Nothing is drawn. The chance that an arm is the best is the mean, over its own posterior, of the others being
smaller: an integral that quadrature gives to many digits. So the same counts always give the same shares, and
a profile's bucket (its hash) says which arm's share it falls in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

LEAST_SHARE = 0.05
"""Every arm keeps so much: what changes later must still be seen."""
NODES = 400


@dataclass(frozen=True, slots=True)
class Tries:
    """How often an arm was tried, and how often it succeeded."""

    count: int
    successes: int

    def __post_init__(self) -> None:
        if not 0 <= self.successes <= self.count:
            raise ValueError(f"{self.successes} successes of {self.count} tries")


def chances_to_be_best(tries: Mapping[str, Tries]) -> dict[str, float]:
    """Chance of each arm to have the greatest success rate, after uniform priors; they add up to 1."""
    from scipy import stats  # noqa: PLC0415  (a second that every run would pay)

    points, weights = np.polynomial.legendre.leggauss(NODES)
    quantiles = (points + 1) / 2
    posteriors = {
        arm: stats.beta(1 + tried.successes, 1 + tried.count - tried.successes)
        for arm, tried in tries.items()
    }
    chances = {}
    for arm, posterior in posteriors.items():
        rates = posterior.ppf(quantiles)
        others = [other.cdf(rates) for name, other in posteriors.items() if name != arm]
        chances[arm] = float(weights @ np.prod(others, axis=0) / 2) if others else 1.0
    total = sum(chances.values())
    return {arm: chance / total for arm, chance in chances.items()}


def thompson_shares(tries: Mapping[str, Tries], least: float = LEAST_SHARE) -> dict[str, float]:
    """Share of the next participants for each arm, in the given order; they add up to 1.

    Args:
        tries: by arm.
        least: what every arm keeps; less when there are too many arms for it.
    """
    floor = min(least, 1 / len(tries))
    left = 1 - floor * len(tries)
    return {arm: floor + left * chance for arm, chance in chances_to_be_best(tries).items()}


def bounds(shares: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """Where each arm's share lies in [0, 1): one behind the other, without a gap, the last one to the end."""
    ends = np.cumsum(list(shares.values())).tolist()
    ends[-1] = 1.0
    return dict(zip(shares, zip([0.0, *ends[:-1]], ends, strict=True), strict=True))
