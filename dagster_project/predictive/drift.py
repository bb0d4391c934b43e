"""Whether customers are still like those whom a model was made for: the population stability index.

PSI is the sum over bins of (now - then) ln(now / then); Siddiqi, "Credit Risk Scorecards", 2006, takes less
than 0.1 for no change and more than 0.25 for a large one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from dagster_project.predictive.features import FEATURES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

BINS = 10
LEAST_SHARE = 1e-3
"""An empty bin is taken for this share: its logarithm must not decide alone."""
LARGE = 0.25
FEWEST_CUSTOMERS = 500
"""With fewer, bins differ by chance."""
SCORE = "score"
"""What the model says, beside the features."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How one number is spread over customers.

    Attributes:
        edges: upper ends of all bins but the last, ascending.
        counts: customers per bin, and at the end those of whom the number is not known.
    """

    edges: Numbers
    counts: Numbers


@dataclass(frozen=True, slots=True)
class Reference:
    """Customers as they were when a model was trained: spreads by feature, and of the score."""

    spreads: Mapping[str, Spread]

    def counts(self, customers: pl.DataFrame, scores: Numbers) -> dict[str, Numbers]:
        """Of other customers, in the same bins; counts of parts may be added."""
        return {
            name: _counts(values, self.spreads[name].edges)
            for name, values in _columns(customers, scores).items()
        }

    def drift(self, counts: Mapping[str, Numbers]) -> dict[str, float]:
        """PSI of each feature and of the score, in [0, ∞)."""
        return {name: stability_index(self.spreads[name].counts, now) for name, now in counts.items()}


def reference_of(customers: pl.DataFrame, scores: Numbers) -> Reference:
    """Spreads in bins of equal size, as far as ties allow."""
    spreads = {}
    for name, values in _columns(customers, scores).items():
        known = values[~np.isnan(values)]
        edges = np.unique(np.quantile(known, np.arange(1, BINS) / BINS)) if len(known) else np.zeros(0)
        spreads[name] = Spread(edges, _counts(values, edges))
    return Reference(spreads)


def stability_index(then: Numbers, now: Numbers) -> float:
    """PSI between two counts of the same bins."""
    before, after = (np.maximum(counts / max(counts.sum(), 1), LEAST_SHARE) for counts in (then, now))
    return float(np.sum((after - before) * np.log(after / before)))


def _columns(customers: pl.DataFrame, scores: Numbers) -> dict[str, Numbers]:
    return {name: customers[name].cast(pl.Float64).to_numpy() for name in FEATURES} | {SCORE: scores}


def _counts(values: Numbers, edges: Numbers) -> Numbers:
    place = np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values))
    return np.bincount(place, minlength=len(edges) + 2).astype(float)
