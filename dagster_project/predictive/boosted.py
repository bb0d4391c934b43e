"""Gradient-boosted trees over all features: for shops large enough to show what nobody thought of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from dagster_project.predictive.features import history, matrix

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from dagster_project.predictive.buy_till_you_die import BuyTillYouDie
    from dagster_project.predictive.contender import Kind

    Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Boosted:
    """Gradient-boosted trees over the features and over what the purchase model says.

    Attributes:
        trees: the fitted estimator of scikit-learn.
        columns: places of the features that it has learned from: those of which anything was known.
        beside: the purchase model whose numbers it sees as further features.
    """

    kind: Kind
    trees: HistGradientBoostingClassifier | HistGradientBoostingRegressor
    columns: NDArray[np.int64]
    beside: BuyTillYouDie | None

    def predict(self, customers: pl.DataFrame) -> Numbers:
        """What the trees say."""
        seen = widened(customers, self.beside)[:, self.columns]
        if self.kind == "probability":
            return np.asarray(self.trees.predict_proba(seen)[:, 1])
        return np.asarray(np.maximum(self.trees.predict(seen), 0.0))


SETTINGS = {
    "max_iter": 150,
    "learning_rate": 0.04,
    "max_leaf_nodes": 12,
    "min_samples_leaf": 40,
    "l2_regularization": 5.0,
    "early_stopping": False,
    "random_state": 7,
}
"""Shallow and slow: shops are small, and a hold-out decides whether it was worth it."""

MANY = 100_000
LOSSES = {"money": "poisson", "days": "absolute_error"}


def fit_boosted(
    customers: pl.DataFrame, target: Numbers, kind: Kind, beside: BuyTillYouDie | None
) -> Boosted:
    """Fit the trees for a kind of target; money by Poisson's deviance: most spend nothing."""
    seen = widened(customers, beside)
    columns = np.flatnonzero(~np.isnan(seen).all(axis=0))
    trees = (
        HistGradientBoostingClassifier(**SETTINGS)
        if kind == "probability"
        else HistGradientBoostingRegressor(loss=LOSSES[kind], **SETTINGS)
    )
    # Threads that wait for each other busily cost more than they bring where there is little to learn.
    with threadpool_limits(limits=1 if len(seen) < MANY else None):
        return Boosted(kind, trees.fit(seen[:, columns], target), columns, beside)


def widened(customers: pl.DataFrame, beside: BuyTillYouDie | None) -> Numbers:
    """Features, and the purchase model's view of the customer."""
    known = matrix(customers)
    if beside is None:
        return known
    past = history(customers)
    opinions = [
        beside.purchases.is_alive(past),
        beside.purchases.expected_purchases(past, beside.horizon_days),
        beside.purchases.silence(past, beside.horizon_days),
        beside.order_value(customers),
    ]
    return np.column_stack([known, *opinions])
