"""Ask every model in use about every customer, part by part, and let that be the scores."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from dagster_project.predictive.features import Part, customers_at, past
from dagster_project.predictive.store import forget, replace_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dagster_project.predictive.files import Package
    from dagster_project.warehouse.protocol import Warehouse

    Numbers = NDArray[np.float64]

Counted = Callable[[int, int], None]
AT_A_TIME = 250_000
"""Customers whose features are in memory at once."""


class TimeRunsForwardError(ValueError):
    """There are scores of a later moment: they are never replaced by earlier ones."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A model and the version of it that predicts, or why none does."""

    model: str
    version: str | None
    package: Package | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Scoring:
    """What one model said of all customers at a moment.

    Attributes:
        reason: why it said nothing.
        customers: of whom it spoke.
        quantiles: 10 %, 50 % and 90 % of what it said, and the mean; empty where it said nothing.
        drift: stability index of each feature, and of the score, against those at training.
    """

    model: str
    version: str | None
    reason: str | None
    customers: int
    quantiles: Mapping[str, float]
    drift: Mapping[str, float]


def score(
    warehouse: Warehouse, asked: list[Asked], as_of: datetime, progress: Counted | None = None
) -> list[Scoring]:
    """Score every customer as of a moment; doing it twice changes nothing.

    Args:
        warehouse: with the marts.
        asked: all models.
        as_of: naive UTC moment, not before that of the scores that there are.
        progress: called with (parts done, parts in all).

    Raises:
        TimeRunsForwardError: there are later scores.
    """
    _no_way_back(warehouse, as_of)
    behind = past(warehouse, as_of)
    parts = max(1, math.ceil((behind.customers if behind else 0) / AT_A_TIME))
    ready = {one.model: one.package for one in asked if one.package}
    said: dict[str, list[Numbers]] = {model: [] for model in ready}
    counts: dict[str, dict[str, Numbers]] = {model: {} for model in ready}
    with warehouse.transaction():
        warehouse.execute("create or replace temp table formerly as from raw_predictions.scores")
        warehouse.execute("delete from raw_predictions.scores")
        for number in range(parts):
            customers = customers_at(warehouse, [as_of], 1, Part(number, parts))
            scores = {model: package.contender.predict(customers) for model, package in ready.items()}
            _append(warehouse, customers, scores, as_of)
            for model, package in ready.items():
                said[model].append(scores[model])
                here = package.reference.counts(customers, scores[model])
                counts[model] = {name: many + counts[model].get(name, 0) for name, many in here.items()}
            if progress:
                progress(number + 1, parts)
        _empty_former(warehouse, as_of)
        found = [_scoring(one, said.get(one.model, []), counts.get(one.model, {})) for one in asked]
        _write_scorings(warehouse, found, as_of)
        forget(warehouse, as_of)
    return found


def _no_way_back(warehouse: Warehouse, as_of: datetime) -> None:
    latest = warehouse.query("select max(scored_at) as scored_at from raw_predictions.scorings")
    scored_at = latest["scored_at"][0].as_py()
    if scored_at and scored_at > as_of:
        raise TimeRunsForwardError(
            f"customers are scored as of {scored_at} already; write that moment or a later one"
        )


def _append(
    warehouse: Warehouse, customers: pl.DataFrame, scores: Mapping[str, Numbers], as_of: datetime
) -> None:
    rows = customers.select(
        "profile_id",
        *(pl.Series(model, values) for model, values in scores.items()),
        pl.lit(as_of).alias("scored_at"),
    )
    warehouse.load("raw_predictions.scores", rows.to_arrow())


def _empty_former(warehouse: Warehouse, as_of: datetime) -> None:
    """Who was scored before and is no customer any more keeps a row, so that readers learn of it."""
    warehouse.execute(
        """
        insert into raw_predictions.scores (profile_id, scored_at)
        select profile_id, ? from formerly anti join raw_predictions.scores using (profile_id)""",
        [as_of],
    )
    warehouse.execute("drop table formerly")


def _scoring(one: Asked, said: list[Numbers], counts: Mapping[str, Numbers]) -> Scoring:
    values = np.concatenate(said) if said else np.zeros(0)
    if one.package is None or not len(values):
        return Scoring(one.model, one.version, one.reason or "nobody has ordered yet", 0, {}, {})
    low, median, high = np.quantile(values, (0.1, 0.5, 0.9))
    quantiles = {"mean": float(values.mean()), "p10": float(low), "median": float(median), "p90": float(high)}
    drift = one.package.reference.drift(counts)
    return Scoring(one.model, one.version, None, len(values), quantiles, drift)


def _write_scorings(warehouse: Warehouse, found: list[Scoring], as_of: datetime) -> None:
    for one in found:
        key = {"model": one.model, "scored_at": as_of}
        row = {"version": one.version, "reason": one.reason, "customer_count": one.customers, **one.quantiles}
        replace_rows(warehouse, "scorings", key, [row])
        drift = [{"name": name, "stability_index": value} for name, value in one.drift.items()]
        replace_rows(warehouse, "drift", key, drift)
