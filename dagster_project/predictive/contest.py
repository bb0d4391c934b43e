"""Contenders learn before a cutoff and compete after it; only what won clearly is believed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from dagster_project.predictive.evaluation import DECIDES, Decile, deciles, figures, losses
from dagster_project.predictive.model import BASELINES

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from dagster_project.predictive.contender import Contender, Kind
    from dagster_project.predictive.model import Model

    Numbers = NDArray[np.float64]

ENOUGH_FOR_A_LEARNER, ENOUGH_AGAINST_CHANCE = 1.0, 3.0
"""Standard errors: of two that are alike, the simpler one; nothing that shuffled labels could have shown."""
MEAN, IN_USE = "mean", "in_use"
"""Who is judged beside the contenders: the constant of all customers, and the version in use."""


@dataclass(frozen=True, slots=True)
class Contest:
    """Who predicted the hold-out how well.

    Attributes:
        cutoff: of the hold-out; its truth is the horizon after it.
        horizon_days: of that truth; less than the model's where its own could not be judged yet.
        customers: how many were judged.
        figures: by contender and figure; `mean` is the constant that knows nothing of a customer, `in_use`
            the version in use as it was before its own hold-out.
        winner: the baseline with the smallest deciding figure, or a learner that is clearly better.
        refusal: why even the winner must not be used; None for one that is clearly better than the mean
            and not clearly worse than the version in use.
        deciles: of the winner.
    """

    cutoff: datetime
    horizon_days: int
    customers: int
    figures: Mapping[str, Mapping[str, float]]
    winner: str
    refusal: str | None
    deciles: list[Decile]


def compete(
    model: Model,
    fitted: Mapping[str, Contender],
    judged: pl.DataFrame,
    mean: float,
    in_use: Contender | None = None,
) -> Contest:
    """Judge contenders, fitted without the hold-out, on customers whose future none of them has seen.

    Args:
        model: what is predicted.
        fitted: contenders by name; at least one baseline.
        judged: the hold-out.
        mean: what the constant says.
        in_use: the version in use, fitted without the labels of this hold-out.
    """
    actual = truth(model, judged)
    said = {name: contender.predict(judged) for name, contender in fitted.items()}
    said[MEAN] = np.full(len(actual), mean)
    if in_use is not None:
        said[IN_USE] = in_use.predict(judged)
    lost = {name: losses(model.kind, predicted, actual) for name, predicted in said.items()}
    winner = winner_of(lost, fitted)
    found = {name: figures(model.kind, predicted, actual) for name, predicted in said.items()}
    return Contest(
        cutoff=judged["as_of"][0],
        horizon_days=model.horizon_days,
        customers=len(judged),
        figures=found,
        winner=winner,
        refusal=refusal(model.kind, winner, lost, found),
        deciles=deciles(said[winner], actual),
    )


def winner_of(lost: Mapping[str, Numbers], contenders: Mapping[str, Contender]) -> str:
    """The best baseline, or the best learner that is clearly better than it."""
    winner = min((name for name in BASELINES if name in contenders), key=lambda name: lost[name].mean())
    for name in sorted(set(contenders) - set(BASELINES), key=lambda name: lost[name].mean()):
        if is_clearly_less(lost[name], lost[winner], ENOUGH_FOR_A_LEARNER):
            winner = name
    return winner


def refusal(
    kind: Kind, winner: str, lost: Mapping[str, Numbers], found: Mapping[str, Mapping[str, float]]
) -> str | None:
    """Why the winner must not be used; None when it may."""
    if not is_clearly_less(lost[winner], lost[MEAN], ENOUGH_AGAINST_CHANCE):
        return f"{winner} is not clearly better than the mean of all customers"
    if IN_USE in lost and is_clearly_less(lost[IN_USE], lost[winner], ENOUGH_FOR_A_LEARNER):
        decides = DECIDES[kind]
        ours, theirs = found[winner][decides], found[IN_USE][decides]
        return f"{winner} is worse than the version in use: {decides} {ours:.4g} against {theirs:.4g}"
    return None


def is_clearly_less(left: Numbers, right: Numbers, standard_errors: float) -> bool:
    """Whether the mean of paired losses is less by more than so many standard errors of the difference."""
    gain = right - left
    return bool(gain.mean() > standard_errors * gain.std() / math.sqrt(len(gain)))


def truth(model: Model, customers: pl.DataFrame) -> Numbers:
    """What came true of each customer."""
    return np.asarray(customers.select(model.target).to_series().cast(float).to_numpy())
