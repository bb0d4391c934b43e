"""One way to train every model: learn before a cutoff, compete after it, and believe only what won.

```
…  train  train  train ── horizon ── hold-out ── horizon ── now
```
All labels of the training cutoffs are known at the hold-out cutoff, and those of the hold-out are known now.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from dagster_project.predictive.buy_till_you_die import fit_buy_till_you_die
from dagster_project.predictive.evaluation import Decile, deciles, figures, losses
from dagster_project.predictive.features import customers_at, first_order_at
from dagster_project.predictive.model import BASELINES, contenders

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from dagster_project.predictive.buy_till_you_die import BuyTillYouDie
    from dagster_project.predictive.contender import Contender
    from dagster_project.predictive.model import Model
    from dagster_project.warehouse.protocol import Warehouse

    Numbers = NDArray[np.float64]

MOST_CUTOFFS = 6
BETWEEN_CUTOFFS = timedelta(days=30)
LEAST_HISTORY = timedelta(days=60)
"""Before the first cutoff; younger customers' habits cannot be seen yet."""
MOST_LESSONS = 400_000
"""Rows that a contender learns from."""
ENOUGH_FOR_A_LEARNER, ENOUGH_AGAINST_CHANCE = 1.0, 3.0
"""Standard errors: of two that are alike, the simpler one; nothing that shuffled labels could have shown."""
FEWEST_CUSTOMERS = 100
"""In training and in the hold-out; fewer prove nothing."""


class TooLittleHistoryError(ValueError):
    """There is not enough behind us to learn from and to judge by; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Contest:
    """Who predicted the hold-out how well.

    Attributes:
        cutoff: of the hold-out; its truth is the horizon after it.
        customers: how many were judged.
        figures: by contender and figure; `mean` is the constant that knows nothing of a customer.
        winner: the baseline with the smallest deciding figure, or a learner that is clearly better.
        refusal: why even the winner must not be used; None for one that is clearly better than the mean.
        deciles: of the winner.
    """

    cutoff: datetime
    customers: int
    figures: Mapping[str, Mapping[str, float]]
    winner: str
    refusal: str | None
    deciles: list[Decile]


@dataclass(frozen=True, slots=True)
class Trained:
    """A contender that won its contest, fitted again with the hold-out included."""

    model: Model
    contender: Contender
    contest: Contest


def cutoffs(model: Model, first_order: datetime, now: datetime) -> tuple[list[datetime], datetime]:
    """Training cutoffs, newest first, and the hold-out's.

    Raises:
        TooLittleHistoryError: not one training cutoff has enough history before it.
    """
    horizon = timedelta(days=model.horizon_days)
    holdout = now - horizon
    candidates = [holdout - horizon - BETWEEN_CUTOFFS * number for number in range(MOST_CUTOFFS)]
    usable = [cutoff for cutoff in candidates if cutoff >= first_order + LEAST_HISTORY]
    if not usable:
        needed = (2 * horizon + LEAST_HISTORY).days
        known = (now - first_order).days
        raise TooLittleHistoryError(f"{model.name} needs {needed} days of orders, and there are {known}")
    return usable, holdout


def train(model: Model, warehouse: Warehouse, now: datetime) -> Trained:
    """Let all contenders learn and compete, and fit the winner on all that is known.

    Raises:
        TooLittleHistoryError: too few days or too few customers.
    """
    first_order = first_order_at(warehouse, now)
    if first_order is None:
        raise TooLittleHistoryError(f"{model.name} needs orders, and there are none")
    before, holdout = cutoffs(model, first_order, now)
    known = customers_at(warehouse, [*before, holdout], model.horizon_days)
    return train_on(model, known, holdout)


def train_on(model: Model, known: pl.DataFrame, holdout: datetime) -> Trained:
    """As `train`, on customers whose future is known at every cutoff."""
    asked = known.filter(model.asked_of)
    learned_from, judged = asked.filter(asked["as_of"] < holdout), asked.filter(asked["as_of"] == holdout)
    fewest = min(len(learned_from), len(judged))
    if fewest < FEWEST_CUSTOMERS:
        raise TooLittleHistoryError(
            f"{model.name} needs {FEWEST_CUSTOMERS} customers, and there are {fewest}"
        )
    contest = compete(model, learned_from, judged)
    fit = contenders(model.kind)[contest.winner]
    contender = fit(model, _some(asked), truth(model, _some(asked)), _beside(model, asked))
    return Trained(model, contender, contest)


def compete(model: Model, learned_from: pl.DataFrame, judged: pl.DataFrame) -> Contest:
    """Fit every contender on one set of customers and judge it on the other."""
    beside, lesson = _beside(model, learned_from), _some(learned_from)
    target, actual = truth(model, lesson), truth(model, judged)
    said = {
        name: fit(model, lesson, target, beside).predict(judged)
        for name, fit in contenders(model.kind).items()
    }
    said["mean"] = np.full(len(actual), np.median(target) if model.kind == "days" else target.mean())
    lost = {name: losses(model.kind, predicted, actual) for name, predicted in said.items()}
    winner = min(BASELINES, key=lambda name: lost[name].mean())
    for name in sorted(set(said) - {*BASELINES, "mean"}, key=lambda name: lost[name].mean()):
        if is_clearly_less(lost[name], lost[winner], ENOUGH_FOR_A_LEARNER):
            winner = name
    is_useful = is_clearly_less(lost[winner], lost["mean"], ENOUGH_AGAINST_CHANCE)
    return Contest(
        cutoff=judged["as_of"][0],
        customers=len(judged),
        figures={name: figures(model.kind, predicted, actual) for name, predicted in said.items()},
        winner=winner,
        refusal=None if is_useful else f"{winner} is not clearly better than the mean of all customers",
        deciles=deciles(said[winner], actual),
    )


def is_clearly_less(left: Numbers, right: Numbers, standard_errors: float) -> bool:
    """Whether the mean of paired losses is less by more than so many standard errors of the difference."""
    gain = right - left
    return bool(gain.mean() > standard_errors * gain.std() / math.sqrt(len(gain)))


def truth(model: Model, customers: pl.DataFrame) -> Numbers:
    """What came true of each customer."""
    return np.asarray(customers.select(model.target).to_series().cast(float).to_numpy())


def _beside(model: Model, customers: pl.DataFrame) -> BuyTillYouDie:
    try:
        return fit_buy_till_you_die(customers, model.kind, model.horizon_days)
    except ValueError as error:
        raise TooLittleHistoryError(f"{model.name}: {error}") from error


def _some(customers: pl.DataFrame) -> pl.DataFrame:
    """All customers, or every n-th where there are more than a model needs; ids are hashes, so any n do."""
    return customers.gather_every(max(1, math.ceil(len(customers) / MOST_LESSONS)))
