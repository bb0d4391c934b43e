"""Recency and frequency: what marketers did before models, and what a model has to beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

BUCKETS = 5
PRIOR_WEIGHT = 20
"""Customers' worth of the overall mean in each cell of the table."""


@dataclass(frozen=True, slots=True)
class RuleOfThumb:
    """Recency and frequency: the mean of those who were silent as long and had bought as often.

    Attributes:
        edges: upper ends of the recency buckets but the last, days.
        means: of each recency bucket (rows) and number of purchases, 1 … BUCKETS or more (columns).
    """

    edges: Numbers
    means: Numbers

    def predict(self, customers: pl.DataFrame) -> Numbers:
        """Look the customer's cell up."""
        return np.asarray(self.means[cells(customers, self.edges)])


def fit_rule_of_thumb(customers: pl.DataFrame, target: Numbers) -> RuleOfThumb:
    """Means per cell, drawn towards the overall mean where a cell has few customers."""
    silent = customers["silent_days"].cast(pl.Float64).to_numpy()
    edges = np.unique(np.quantile(silent, np.arange(1, BUCKETS) / BUCKETS))
    place = cells(customers, edges)
    shape = (len(edges) + 1, BUCKETS)
    sums, counts = np.zeros(shape), np.zeros(shape)
    np.add.at(sums, place, target)
    np.add.at(counts, place, 1.0)
    means = (sums + PRIOR_WEIGHT * target.mean()) / (counts + PRIOR_WEIGHT)
    return RuleOfThumb(edges, means)


def cells(customers: pl.DataFrame, edges: Numbers) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and column of each customer in the table of a rule of thumb."""
    silent = customers["silent_days"].cast(pl.Float64).to_numpy()
    purchases = customers["purchases"].cast(pl.Int64).to_numpy()
    return np.searchsorted(edges, silent), np.clip(purchases, 1, BUCKETS) - 1
