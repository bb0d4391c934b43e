"""What is known of customers at a moment: the one query behind training and scoring, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


MARTS = {
    "orders": "commerce.orders",
    "sessions": "commerce.sessions",
    "message_events": "sends.message_events",
}
"""What the query reads, by the name that it gives it."""

KNOWN_THEN = """
orders_then as (
    select * replace (case when cancelled_at < {moment} then cancelled_at end as cancelled_at)
    from commerce.orders
    where ordered_at < {moment}
),
sessions_then as (select * from commerce.sessions where started_at < {moment}),
message_events_then as (select * from sends.message_events where occurred_at < {moment}),
"""
"""The same tables as they were at a moment; in front of the query's own parts, `<name>_then` can be read."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of so many parts of all customers, by the hash of their id: a sample, or a portion to work on."""

    number: int = 0
    of: int = 1


EVERYBODY = Part()


def customers_at(
    warehouse: Warehouse, cutoffs: Sequence[datetime], horizon_days: int, part: Part = EVERYBODY
) -> pl.DataFrame:
    """One row per cutoff and customer with an order before it: `as_of`, `profile_id`, features, targets.

    The targets count the `horizon_days` after each cutoff, as far as the warehouse knows them.
    """
    return _ask(warehouse, cutoffs, horizon_days, part)


def leaking_features(warehouse: Warehouse, cutoff: datetime, part: Part = EVERYBODY) -> list[str]:
    """Features that change when everything after the cutoff is taken away: they know the future."""
    now = _ask(warehouse, [cutoff], 1, part)
    before = KNOWN_THEN.format(moment=_literal(cutoff))
    then = _ask(warehouse, [cutoff], 1, part, before, {name: f"{name}_then" for name in MARTS})
    if not now["profile_id"].equals(then["profile_id"]):
        return ["profile_id"]
    return [name for name in FEATURES if _differ(now[name], then[name])]


def _differ(left: pl.Series, right: pl.Series) -> bool:
    """Whether they differ by more than the order in which a warehouse adds numbers up."""
    one, other = (column.cast(pl.Float64).to_numpy() for column in (left, right))
    return not np.allclose(one, other, rtol=1e-9, atol=1e-9, equal_nan=True)


def _ask(
    warehouse: Warehouse,
    cutoffs: Sequence[datetime],
    horizon_days: int,
    part: Part,
    tables: str = "",
    names: Mapping[str, str] = MARTS,
) -> pl.DataFrame:
    moments = " union all ".join(f"select {_literal(cutoff)} as as_of" for cutoff in cutoffs)
    query = QUERY.read_text(encoding="utf-8").format(
        tables=tables,
        cutoffs=moments,
        horizon_days=int(horizon_days),
        parts=int(part.of),
        part=int(part.number),
        **names,
    )
    frame = pl.from_arrow(warehouse.query(query))
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


@dataclass(frozen=True, slots=True)
class Past:
    """How much there is to learn from: since when there are orders, and of how many customers."""

    first_order_at: datetime
    customers: int


def past(warehouse: Warehouse, now: datetime) -> Past | None:
    """What is behind us; None before the first order."""
    query = """
        select min(ordered_at) as first_order_at, count(distinct profile_id) as customers
        from commerce.orders where ordered_at < ? and profile_id is not null"""
    (row,) = warehouse.query(query, [now]).to_pylist()
    return Past(**row) if row["customers"] else None
