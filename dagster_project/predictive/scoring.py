"""Ask every model in use about every customer, part by part, and let that be the scores."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from dagster_project.predictive.features import Part, customers_at, past
from dagster_project.predictive.store import forget, replace_rows
from dagster_project.runs import TimeRunsForwardError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dagster_project.predictive.files import Package
    from dagster_project.tick import Counted
    from dagster_project.warehouse.protocol import Warehouse

    Numbers = NDArray[np.float64]

AT_A_TIME = 250_000
"""Customers whose features are in memory at once."""


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
    packages = {one.model: one.package for one in asked if one.package}
    with warehouse.transaction():
        said = _speak(warehouse, packages, as_of, progress) if packages else {}
        found = [_scoring(one, said.get(one.model)) for one in asked]
        _write_scorings(warehouse, found, as_of)
        forget(warehouse, as_of)
    return found


@dataclass(slots=True)
class Said:
    """What a model says, part by part.

    Attributes:
        scores: of the customers of each part.
        counts: customers by bins of the model's reference.
    """

    package: Package
    scores: list[Numbers] = field(default_factory=list)
    counts: dict[str, Numbers] = field(default_factory=dict)

    def of(self, customers: pl.DataFrame) -> Numbers:
        """Ask the model about a part of the customers."""
        scores = self.package.contender.predict(customers)
        here = self.package.reference.counts(customers, scores)
        self.scores.append(scores)
        self.counts = {name: many + self.counts.get(name, 0) for name, many in here.items()}
        return scores


def _speak(
    warehouse: Warehouse, packages: Mapping[str, Package], as_of: datetime, progress: Counted | None
) -> dict[str, Said]:
    """Let new scores be all that there are."""
    behind = past(warehouse, as_of)
    parts = max(1, math.ceil((behind.customers if behind else 0) / AT_A_TIME))
    said = {model: Said(package) for model, package in packages.items()}
    warehouse.execute("create or replace temp table formerly as from raw_predictions.scores")
    warehouse.execute("delete from raw_predictions.scores")
    for number in range(parts):
        customers = customers_at(warehouse, [as_of], 1, Part(number, parts))
        _append(warehouse, customers, {model: one.of(customers) for model, one in said.items()}, as_of)
        if progress:
            progress(number + 1, parts)
    _empty_former(warehouse, as_of)
    return said


def _no_way_back(warehouse: Warehouse, as_of: datetime) -> None:
    latest = warehouse.query("select max(scored_at) as scored_at from raw_predictions.scores")
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


def _scoring(one: Asked, said: Said | None) -> Scoring:
    values = np.concatenate(said.scores) if said else np.zeros(0)
    if said is None or not len(values):
        return Scoring(one.model, one.version, one.reason or "nobody has ordered yet", 0, {}, {})
    low, median, high = np.quantile(values, (0.1, 0.5, 0.9))
    quantiles = {"mean": float(values.mean()), "p10": float(low), "median": float(median), "p90": float(high)}
    drift = said.package.reference.drift(said.counts)
    return Scoring(one.model, one.version, None, len(values), quantiles, drift)


def _write_scorings(warehouse: Warehouse, found: list[Scoring], as_of: datetime) -> None:
    for one in found:
        key = {"model": one.model, "scored_at": as_of}
        row = {"version": one.version, "reason": one.reason, "customer_count": one.customers, **one.quantiles}
        replace_rows(warehouse, "scorings", key, [row])
        drift = [{"name": name, "stability_index": value} for name, value in one.drift.items()]
        replace_rows(warehouse, "drift", key, drift)
