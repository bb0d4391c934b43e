"""How good a prediction was, once the truth is known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import xlogy
from sklearn.metrics import roc_auc_score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dagster_project.predictive.contender import Kind

    Numbers = NDArray[np.float64]

DECIDES: Mapping[Kind, str] = {"probability": "brier", "money": "poisson_deviance", "days": "mae"}
"""The figure that a contest of a kind is decided by, smaller is better: the mean of `losses`."""
LEAST_MONEY = 1e-6


@dataclass(frozen=True, slots=True)
class Decile:
    """A tenth of the customers, 1 the highest predictions: what was predicted and what came."""

    decile: int
    customers: int
    predicted: float
    actual: float
    lift: float


def losses(kind: Kind, predicted: Numbers, actual: Numbers) -> Numbers:
    """How far off each prediction was: squared for probabilities, absolute for days, deviance for money.

    The absolute error would not do for money: most customers spend nothing, so that "nobody ever spends
    anything" has the smallest; Poisson's deviance is smallest for the true mean. Money counts in units of the
    actual mean; negative revenue as none.
    """
    if kind == "probability":
        return (predicted - actual) ** 2
    if kind == "days":
        return np.abs(predicted - actual)
    unit = float(actual.mean()) or 1.0
    y, mu = np.maximum(actual, 0) / unit, np.maximum(predicted / unit, LEAST_MONEY)
    return np.asarray(2 * (xlogy(y, y / mu) - y + mu))


def figures(kind: Kind, predicted: Numbers, actual: Numbers) -> dict[str, float]:
    """Figures by name.

    For a probability: `brier`, `log_loss`, `auc` (not a number when all are alike) and `calibration_error`,
    the mean distance of predicted and observed share over deciles. For money and days: `mae`, `rmse`, `bias`
    (predicted over actual total) and `correlation`; for money also `poisson_deviance`.
    """
    if kind == "probability":
        sure = np.clip(predicted, 1e-6, 1 - 1e-6)
        rows = deciles(predicted, actual)
        return {
            "brier": float(losses(kind, predicted, actual).mean()),
            "log_loss": float(-np.mean(actual * np.log(sure) + (1 - actual) * np.log1p(-sure))),
            "auc": float(roc_auc_score(actual, predicted)) if 0 < actual.mean() < 1 else math.nan,
            "calibration_error": float(
                np.average([abs(r.predicted - r.actual) for r in rows], weights=[r.customers for r in rows])
            ),
        }
    found = {
        "mae": float(np.mean(np.abs(predicted - actual))),
        "rmse": float(np.sqrt(np.mean((predicted - actual) ** 2))),
        "bias": float(predicted.sum() / actual.sum()) if actual.sum() else math.nan,
        "correlation": _correlation(predicted, actual),
    }
    if kind == "money":
        found["poisson_deviance"] = float(losses(kind, predicted, actual).mean())
    return found


def deciles(predicted: Numbers, actual: Numbers) -> list[Decile]:
    """Ten groups by predicted value; `lift` is the group's actual mean over everybody's."""
    order = np.argsort(-predicted, kind="stable")
    everybody = float(actual.mean())
    return [
        Decile(
            decile=number,
            customers=len(group),
            predicted=float(predicted[group].mean()),
            actual=float(actual[group].mean()),
            lift=float(actual[group].mean()) / everybody if everybody else math.nan,
        )
        for number, group in enumerate(np.array_split(order, 10), start=1)
        if len(group)
    ]


def _correlation(left: Numbers, right: Numbers) -> float:
    if np.std(left) == 0 or np.std(right) == 0:
        return math.nan
    return float(np.corrcoef(left, right)[0, 1])
