"""A regression on a dozen logarithms: for shops too small for trees, and hard to beat on money."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from sklearn.linear_model import LogisticRegression, PoissonRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from dagster_project.predictive.features import history

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dagster_project.predictive.buy_till_you_die import BuyTillYouDie
    from dagster_project.predictive.contender import Kind

    Numbers = NDArray[np.float64]

LOGARITHMS = (
    *("purchases", "silent_days", "age_days", "mean_gap", "purchases_90_days", "purchases_180_days"),
    *("revenue", "mean_value", "last_value", "revenue_90_days", "revenue_365_days"),
    *("visits_90_days", "opens_90_days", "clicks_90_days"),
)
ALMOST_SURE = 1e-4


@dataclass(frozen=True, slots=True)
class Linear:
    """Logistic regression for probabilities, a Poisson regression for money.

    Attributes:
        unit: money is learned in units of its mean.
        beside: the purchase model whose forecast is one of the inputs.
    """

    kind: Kind
    regression: Pipeline
    unit: float
    beside: BuyTillYouDie

    def predict(self, customers: pl.DataFrame) -> Numbers:
        """What the regression says."""
        seen = inputs(customers, self.kind, self.beside)
        if self.kind == "probability":
            return np.asarray(self.regression.predict_proba(seen)[:, 1])
        return np.asarray(self.regression.predict(seen) * self.unit)


def fit_linear(customers: pl.DataFrame, target: Numbers, kind: Kind, beside: BuyTillYouDie) -> Linear:
    """Fit the regression that suits the kind of target."""
    seen = inputs(customers, kind, beside)
    unit = float(target.mean()) or 1.0
    if kind == "probability":
        regression = LogisticRegression(C=0.3, max_iter=1000)
        return Linear(kind, make_pipeline(StandardScaler(), regression).fit(seen, target), 1.0, beside)
    poisson = PoissonRegressor(alpha=0.01, max_iter=1000)
    return Linear(kind, make_pipeline(StandardScaler(), poisson).fit(seen, target / unit), unit, beside)


def inputs(customers: pl.DataFrame, kind: Kind, beside: BuyTillYouDie) -> Numbers:
    """Customers by inputs; what is not known is 0, the logarithm of nothing."""
    known = customers.select(pl.col(LOGARITHMS).cast(pl.Float64).fill_null(0).clip(0).log1p()).to_numpy()
    forecast = beside.predict(customers)
    if kind == "probability":
        sure = np.clip(forecast, ALMOST_SURE, 1 - ALMOST_SURE)
        opinion = np.log(sure / (1 - sure))
    else:
        opinion = np.log1p(forecast)
    bought_once = history(customers).repeats == 0
    return np.column_stack([known, opinion, bought_once, known[:, 0] * known[:, 1]])
