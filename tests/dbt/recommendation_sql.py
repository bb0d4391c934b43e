"""The SQL of recommendations alone, in memory: dbt compiles it once, each night only sets `as_of`.

What is read from other packages (order items, events, sessions, products, profiles) are plain tables that a test fills.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from tests.dbt.compiled import compile_models, moved_to

NIGHT = (
    "int_products_viewed",
    "int_product_baskets",
    "int_products_similar",
    "int_products_viewed_next",
    "int_products_popular",
    "int_product_neighbours",
)
"""What a night makes, in order."""

TABLES = frozenset(("int_products_similar", "int_products_viewed_next", "int_products_popular"))
"""Those that store rows; the others are views."""

FED = {
    "intermediate.int_order_items": "order_id text, identifier_id text, product_id text, ordered_at timestamp",
    "intermediate.int_events": "event_id text, event_name text, identifier_id text, anonymous_id text, "
    "product_id text, occurred_at timestamp",
    "intermediate.int_sessions": "session_id text, visitor_id text, started_at timestamp, ended_at timestamp, "
    "is_current boolean",
    "intermediate.int_identifier_profiles": "identifier_id text, profile_id text",
    "profiles.profile_identifiers": "identifier_id text, profile_id text",
    "profiles.profiles": "profile_id text, favourite_category text",
    "commerce.products": "product_id text, category text, stock bigint",
}


def compile_recommendations(home: Path, **variables: Any) -> dict[str, str]:
    """The SQL of a night and of `recommendations` by model, as of `SOME_MOMENT`.

    Args:
        home: an empty folder, or one that was used for this before.
        variables: settings of the shop, as in `dbt_project.yml`.
    """
    return compile_models(home, [*NIGHT, "recommendations"], **variables).first


@dataclass
class Shelf:
    """One shop in memory.

    Attributes:
        sql: what `compile_recommendations` returned.
        connection: DuckDB with the tables of `FED`, empty at first.
        file: where its tables are kept.
    """

    sql: dict[str, str]
    connection: duckdb.DuckDBPyConnection = field(default_factory=duckdb.connect)
    file: str = ":memory:"

    def __post_init__(self) -> None:
        self.connection.execute(f"attach '{self.file}' as warehouse")
        self.connection.execute("use warehouse")
        for schema in ("intermediate", "profiles", "commerce", "predictions"):
            self.connection.execute(f"create schema {schema}")
        for table, columns in FED.items():
            self.connection.execute(f"create table {table} ({columns})")

    def empties(self) -> None:
        """Make it a new shop."""
        for table in FED:
            self.connection.execute(f"delete from {table}")

    def has(self, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Put rows into one of the tables of `FED`."""
        if given := list(rows):
            places = ", ".join("?" * len(given[0]))
            self.connection.executemany(f"insert into {table} values ({places})", given)

    def works_through_the_night(self, now: datetime) -> None:
        """Make neighbours and popular products."""
        for model in NIGHT:
            self.makes(model, now)

    def makes(self, model: str, now: datetime) -> None:
        """Make one of the models of a night: a view where dbt makes a view."""
        kind = "table" if model in TABLES else "view"
        self.connection.execute(
            f"create or replace {kind} intermediate.{model} as {moved_to(self.sql[model], now)}"
        )

    def recommendations(self, now: datetime, sql: str | None = None) -> duckdb.DuckDBPyRelation:
        """The lists of everybody in `profiles`; other SQL for other settings."""
        return self.connection.sql(moved_to(sql or self.sql["recommendations"], now))
