"""One way to train every model: learn before a cutoff, compete after it, and believe only what won.

```
…  train  train  train ── horizon ── hold-out ── horizon ── now
```
All labels of the training cutoffs are known at the hold-out cutoff, and those of the hold-out are known now.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from dagster_project.predictive.buy_till_you_die import fit_buy_till_you_die
from dagster_project.predictive.contest import Contest, compete, truth
from dagster_project.predictive.drift import Reference, reference_of
from dagster_project.predictive.features import Part, Past, customers_at, past
from dagster_project.predictive.model import contenders

if TYPE_CHECKING:
    from dagster_project.predictive.buy_till_you_die import BuyTillYouDie
    from dagster_project.predictive.contender import Contender
    from dagster_project.predictive.model import Model
    from dagster_project.warehouse.protocol import Warehouse

MOST_CUTOFFS = 6
BETWEEN_CUTOFFS = timedelta(days=30)
LEAST_HISTORY = timedelta(days=60)
"""Before the first cutoff; younger customers' habits cannot be seen yet."""
MOST_LESSONS = 200_000
"""Rows, of a customer at a cutoff, that are read: of more customers, a part is enough."""
FEWEST_CUSTOMERS = 100
"""In training and in the hold-out; fewer prove nothing."""


class TooLittleHistoryError(ValueError):
    """There is not enough behind us to learn from and to judge by; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A contender that won its contest.

    Attributes:
        contender: fitted again with the hold-out included: it predicts.
        rehearsed: as it was judged, without the hold-out: a successor has to be as good as this.
        reference: the customers of the latest moment that was read.
    """

    model: Model
    contender: Contender
    rehearsed: Contender
    contest: Contest
    reference: Reference


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
        raise _too_little(model, first_order, now, 2 * horizon + LEAST_HISTORY)
    return usable, holdout


def train(
    model: Model, warehouse: Warehouse, now: datetime, in_use: Mapping[int, Contender] | None = None
) -> Trained:
    """Let all contenders learn and compete, and fit the winner on all that is known.

    Where the horizon is too long for what is behind us, a model may be extrapolated: see `extrapolate`.

    Args:
        model: what to predict.
        warehouse: with the marts.
        now: naive UTC moment; nothing later is read.
        in_use: the version in use as it was before its own hold-out, by the days ahead that it was judged on.

    Raises:
        TooLittleHistoryError: too few days or too few customers.
    """
    rivals = in_use or {}
    behind = past(warehouse, now)
    if behind is None:
        raise TooLittleHistoryError(f"{model.name} needs orders, and there are none")
    try:
        before, holdout = cutoffs(model, behind.first_order_at, now)
    except TooLittleHistoryError:
        if model.extrapolated_from_days is None:
            raise
        return extrapolate(model, warehouse, behind, now, rivals.get(model.extrapolated_from_days))
    moments = [*before, holdout, now]
    known = customers_at(warehouse, moments, model.horizon_days, sample(behind, len(moments)))
    return train_on(model, known, holdout, rivals.get(model.horizon_days))


def train_on(
    model: Model, known: pl.DataFrame, holdout: datetime, in_use: Contender | None = None
) -> Trained:
    """As `train`, on customers whose future is known at every cutoff up to the hold-out's.

    Raises:
        TooLittleHistoryError: too few customers, or all of them did the same.
    """
    asked = known.filter(model.asked_of, pl.col("as_of") <= holdout)
    learned_from, judged = asked.filter(asked["as_of"] < holdout), asked.filter(asked["as_of"] == holdout)
    _enough(model, min(len(learned_from), len(judged)))
    target, beside = truth(model, learned_from), _beside(model, learned_from)
    if model.kind == "probability" and np.ptp(target) == 0:
        raise TooLittleHistoryError(
            f"{model.name} needs customers who did it and some who did not: all {len(target)} are alike"
        )
    fitted = {name: fit(model, learned_from, target, beside) for name, fit in contenders(model.kind).items()}
    mean = float(np.median(target) if model.kind == "days" else target.mean())
    contest = compete(model, fitted, judged, mean, in_use)
    fit = contenders(model.kind)[contest.winner]
    contender = fit(model, asked, truth(model, asked), _beside(model, asked))
    latest = known.filter(pl.col("as_of") == pl.col("as_of").max())
    reference = reference_of(latest, contender.predict(latest))
    return Trained(model, contender, fitted[contest.winner], contest, reference)


def extrapolate(
    model: Model, warehouse: Warehouse, behind: Past, now: datetime, in_use: Contender | None = None
) -> Trained:
    """The purchase model alone, which needs no labels: judged on a near horizon, asked for the far one.

    It stays bounded: what BG/NBD expects grows less than in proportion to time, and Gamma-Gamma's value of
    an order lies between the customer's own and everybody's. The constant that it has to beat is the mean
    revenue of as many days before the hold-out.

    Raises:
        TooLittleHistoryError: too few days or too few customers.
    """
    assert model.extrapolated_from_days is not None
    near = replace(model, horizon_days=model.extrapolated_from_days)
    horizon = timedelta(days=near.horizon_days)
    holdout = now - horizon
    if holdout < behind.first_order_at + LEAST_HISTORY:
        raise _too_little(model, behind.first_order_at, now, horizon + LEAST_HISTORY)
    known = customers_at(warehouse, [holdout, now], near.horizon_days, sample(behind, 2))
    judged, latest = known.filter(known["as_of"] == holdout), known.filter(known["as_of"] == now)
    _enough(model, len(judged))
    rehearsed = _beside(near, judged)
    mean = float(judged[f"revenue_{near.horizon_days}_days"].mean() or 0.0)  # type: ignore[arg-type]
    contest = compete(near, {"buy_till_you_die": rehearsed}, judged, mean, in_use)
    contender = _beside(model, latest)
    return Trained(model, contender, rehearsed, contest, reference_of(latest, contender.predict(latest)))


def sample(behind: Past, moments: int) -> Part:
    """So many of the customers that no more rows than needed are read at all these moments together."""
    return Part(of=max(1, math.ceil(behind.customers * moments / MOST_LESSONS)))


def _beside(model: Model, customers: pl.DataFrame) -> BuyTillYouDie:
    try:
        return fit_buy_till_you_die(customers, model.kind, model.horizon_days)
    except ValueError as error:
        raise TooLittleHistoryError(f"{model.name}: {error}") from error


def _enough(model: Model, fewest: int) -> None:
    if fewest < FEWEST_CUSTOMERS:
        raise TooLittleHistoryError(
            f"{model.name} needs {FEWEST_CUSTOMERS} customers, and there are {fewest}"
        )


def _too_little(
    model: Model, first_order: datetime, now: datetime, needed: timedelta
) -> TooLittleHistoryError:
    known = (now - first_order).days
    return TooLittleHistoryError(f"{model.name} needs {needed.days} days of orders, and there are {known}")
