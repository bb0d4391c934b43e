"""Shops whose customers buy as BG/NBD says, with the truth known; published purchase histories."""

from __future__ import annotations

from datetime import datetime, timedelta

import duckdb
import numpy as np
import pyarrow as pa

from dagster_project.warehouse import Warehouse, ensure_raw_tables

OPENED = datetime(2025, 1, 1)
EMPTY = """
select null::text as profile_id, null::timestamp as ordered_at, 0.0::double as revenue,
    null::timestamp as cancelled_at limit 0
"""
MARTS = """
create schema commerce; create schema sends; create schema profiles;
create table commerce.orders as {orders};
create table commerce.sessions (profile_id text, started_at timestamp);
create table sends.message_events (profile_id text, occurred_at timestamp, event text, is_machine boolean);
create table profiles.profile_identifiers (identifier_id text, profile_id text)
"""


def stock(warehouse: Warehouse, arrived: pa.Table) -> None:
    """Put the marts that predictions read into a warehouse that dbt has not seen."""
    with warehouse:
        ensure_raw_tables(warehouse)
        for statement in MARTS.format(orders=EMPTY).split(";"):
            warehouse.execute(statement)
        warehouse.load("commerce.orders", arrived)


class Shelf:
    """The marts that predictions read, in memory; what `Warehouse.query` asks is answered by DuckDB."""

    def __init__(self, arrived: pa.Table | str) -> None:
        """From orders as a table, or as a query."""
        self.connection = duckdb.connect()
        if isinstance(arrived, pa.Table):
            self.connection.register("arrived", arrived)
        arrives = arrived if isinstance(arrived, str) else "from arrived"
        for statement in MARTS.format(orders=arrives).split(";"):
            self.connection.execute(statement)

    def query(self, sql, parameters=()):
        return self.connection.sql(sql, params=list(parameters)).to_arrow_table()


def orders(rows) -> pa.Table:
    """(profile_id, ordered_at, revenue, cancelled_at) as a table like the mart."""
    profiles, moments, revenues, cancelled = zip(*rows, strict=True) if rows else ((), (), (), ())
    return pa.table(
        {
            "profile_id": pa.array(profiles, pa.string()),
            "ordered_at": pa.array(moments, pa.timestamp("us")),
            "revenue": pa.array(revenues, pa.float64()),
            "cancelled_at": pa.array(cancelled, pa.timestamp("us")),
        }
    )


def simulated_shop(customers: int, days: int, seed: int = 7) -> Shelf:
    """Customers who come at random, buy at rates of their own (mean 20 days) and leave one by one."""
    return Shelf(simulated_orders(customers, days, seed))


def simulated_orders(customers: int, days: int, seed: int = 7) -> pa.Table:
    """What they order."""
    dice = np.random.default_rng(seed)
    rows = []
    for number in range(customers):
        rate, leaves, value = dice.gamma(0.8, 1 / 16), dice.beta(1.2, 4.0), dice.gamma(4.0, 10.0)
        day = dice.uniform(0, days)
        while day < days:
            moment = OPENED + timedelta(days=float(day))
            rows.append((f"p{number:05}", moment, float(value * dice.gamma(5.0, 0.2)), None))
            if dice.random() < leaves:
                break
            day += dice.exponential(1 / max(rate, 1e-6))
    return orders(rows)
