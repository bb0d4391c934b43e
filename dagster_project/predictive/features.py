"""What is known of customers at a moment: the one query behind training and scoring, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from dagster_project.predictive.bg_nbd import History

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dagster_project.warehouse.protocol import Warehouse

QUERY = Path(__file__).with_name("features.sql")

FEATURES = (
    *("purchases", "recency_days", "age_days", "silent_days", "mean_gap", "gap_spread", "last_gap"),
    *("revenue", "mean_value", "mean_repeat_value", "last_value"),
    *("purchases_30_days", "purchases_90_days", "purchases_180_days", "purchases_365_days"),
    *("revenue_90_days", "revenue_365_days"),
    *("visits_30_days", "visits_90_days", "days_since_visit", "opens_90_days", "clicks_90_days"),
)
"""Columns that a model may learn from; what is not known is null."""

TARGETS = ("next_ordered_at", "next_purchases", "next_revenue")
"""Columns about the time after the cutoff."""


KNOWN_THEN = """
orders as (
    select * replace (case when cancelled_at < {moment} then cancelled_at end as cancelled_at)
    from orders
    where ordered_at < {moment}
),
sessions as (select * from sessions where started_at < {moment}),
message_events as (select * from message_events where occurred_at < {moment}),
"""
"""The same tables as they were at a moment; in front of the query's own parts, they are what it reads."""


def customers_at(warehouse: Warehouse, cutoffs: Sequence[datetime], horizon_days: int) -> pl.DataFrame:
    """One row per cutoff and customer with an order before it: `as_of`, `profile_id`, features, targets.

    The targets count the `horizon_days` after each cutoff, as far as the warehouse knows them.
    """
    return _ask(warehouse, cutoffs, horizon_days)


def leaking_features(warehouse: Warehouse, cutoff: datetime) -> list[str]:
    """Features that change when everything after the cutoff is taken away: they know the future."""
    now = _ask(warehouse, [cutoff], 1)
    then = _ask(warehouse, [cutoff], 1, KNOWN_THEN.format(moment=_literal(cutoff)))
    if not now["profile_id"].equals(then["profile_id"]):
        return ["profile_id"]
    return [name for name in FEATURES if not now[name].equals(then[name])]


def _ask(
    warehouse: Warehouse, cutoffs: Sequence[datetime], horizon_days: int, tables: str = ""
) -> pl.DataFrame:
    moments = " union all ".join(f"select {_literal(cutoff)} as as_of" for cutoff in cutoffs)
    query = QUERY.read_text(encoding="utf-8")
    rows = warehouse.query(query.format(tables=tables, cutoffs=moments, horizon_days=int(horizon_days)))
    frame = pl.from_arrow(rows)
    assert isinstance(frame, pl.DataFrame)
    return frame


def _literal(moment: datetime) -> str:
    return f"timestamp '{moment:%Y-%m-%d %H:%M:%S}'"


def matrix(customers: pl.DataFrame) -> NDArray[np.float64]:
    """The features as numbers, customers by `FEATURES`; not known is not a number."""
    return customers.select(pl.col(FEATURES).cast(pl.Float64)).to_numpy()


def history(customers: pl.DataFrame) -> History:
    """The features that purchase models want, in days."""
    repeats, recency, age = (
        customers[name].cast(pl.Float64).to_numpy() for name in ("purchases", "recency_days", "age_days")
    )
    return History(repeats - 1, recency, age)


def first_order_at(warehouse: Warehouse, now: datetime) -> datetime | None:
    """When the first order was placed that is known now."""
    found = warehouse.query("select min(ordered_at) as first_order from orders where ordered_at < ?", [now])
    first: datetime | None = found["first_order"][0].as_py()
    return first
