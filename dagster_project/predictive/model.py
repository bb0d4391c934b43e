"""What a prediction is: a number per customer, its target, and who competes to predict it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from dagster_project.predictive.boosted import fit_boosted
from dagster_project.predictive.linear import fit_linear
from dagster_project.predictive.rule_of_thumb import fit_rule_of_thumb

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dagster_project.predictive.buy_till_you_die import BuyTillYouDie
    from dagster_project.predictive.contender import Contender, Kind

    Numbers = NDArray[np.float64]
    Fit = Callable[["Model", pl.DataFrame, Numbers, BuyTillYouDie], Contender]


@dataclass(frozen=True, slots=True)
class Model:
    """One prediction.

    Attributes:
        name: the column of `predictions` that it fills.
        kind: `probability` (0 … 1), `money` (currency of the shop) or `days`.
        horizon_days: how far it looks ahead.
        description: for people.
        target: what came true, from the columns that `features.customers_at` adds about the time after.
        asked_of: the customers for whom the target means something.
        extrapolated_from_days: a nearer horizon on which the purchase model alone may be judged, where there
            is too little history for this one; None where that would say nothing.
    """

    name: str
    kind: Kind
    horizon_days: int
    description: str
    target: pl.Expr
    asked_of: pl.Expr = pl.lit(True)  # noqa: RUF009  (an immutable expression)
    extrapolated_from_days: int | None = None


def _rule_of_thumb(_: Model, customers: pl.DataFrame, target: Numbers, __: BuyTillYouDie) -> Contender:
    return fit_rule_of_thumb(customers, target)


def _buy_till_you_die(_: Model, __: pl.DataFrame, ___: Numbers, beside: BuyTillYouDie) -> Contender:
    return beside


def _linear(model: Model, customers: pl.DataFrame, target: Numbers, beside: BuyTillYouDie) -> Contender:
    return fit_linear(customers, target, model.kind, beside)


def _boosted(model: Model, customers: pl.DataFrame, target: Numbers, beside: BuyTillYouDie) -> Contender:
    return fit_boosted(customers, target, model.kind, beside)


BASELINES: Mapping[str, Fit] = {"rule_of_thumb": _rule_of_thumb, "buy_till_you_die": _buy_till_you_die}
"""What needs no learning machine; what learns must beat all of it."""

LEARNERS: Mapping[Kind, Mapping[str, Fit]] = {
    "probability": {"linear": _linear, "boosted": _boosted},
    "money": {"linear": _linear, "boosted": _boosted},
    "days": {"boosted": _boosted},
}


def contenders(kind: Kind) -> Mapping[str, Fit]:
    """Who competes to predict such a target, by name; each fits itself, with the purchase model beside it."""
    return {**BASELINES, **LEARNERS[kind]}
