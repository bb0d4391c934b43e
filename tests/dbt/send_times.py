"""The nightly models of send times alone, in memory: dbt compiles their SQL once, a test fills what they read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from tests.dbt.compiled import compile_models, moved_to

MODELS = (
    "int_active_hours",
    "int_profile_hours",
    "int_population_hours",
    "send_time_evaluations",
    "send_hours",
    "send_times",
)
READ = {
    "sends.message_events": "profile_id text, event text, occurred_at timestamp, is_machine boolean",
    "commerce.sessions": "identifier_id text, started_at timestamp",
    "intermediate.int_orders": "identifier_id text, ordered_at timestamp",
    "intermediate.int_identifier_profiles": "identifier_id text, profile_id text",
    "profiles.profiles": "profile_id text, time_zone text",
}


def compile_send_times(home: Path) -> dict[str, str]:
    """SQL of each model in order, by the table it makes; `home` is an empty folder."""
    compiled = compile_models(home, MODELS)
    return {compiled.relations[name]: compiled.first[name] for name in MODELS}


@dataclass
class Nights:
    """One shop: fill it, let a night pass, ask."""

    sql: Mapping[str, str]
    connection: duckdb.DuckDBPyConnection = field(default_factory=duckdb.connect)

    def __post_init__(self) -> None:
        self.connection.execute("set TimeZone = 'UTC'; attach ':memory:' as warehouse; use warehouse")
        for schema in sorted({name.split(".")[0] for name in (*READ, *self.sql)}):
            self.connection.execute(f"create schema {schema}")
        for name, columns in READ.items():
            self.connection.execute(f"create table {name} ({columns})")

    def has(self, table: str, rows: pa.Table) -> None:
        """Rows arrive in a table; columns by name."""
        self.connection.register("arrived", rows)
        self.connection.execute(f"insert into {table} by name from arrived")

    def knows_everybody(self) -> None:
        """Each identifier is a person of its own."""
        self.connection.execute("""
            insert into intermediate.int_identifier_profiles
            select distinct identifier_id, identifier_id from (
                select profile_id as identifier_id from sends.message_events
                union all select identifier_id from intermediate.int_orders
                union all select identifier_id from commerce.sessions) where identifier_id is not null""")

    def passes(self, as_of: datetime) -> None:
        """One night."""
        for table, sql in self.sql.items():
            self.connection.execute(f"create or replace table {table} as {moved_to(sql, as_of)}")

    def row(self, sql: str) -> dict[str, Any]:
        """The only row of a query."""
        (found,) = self.connection.sql(sql).to_arrow_table().to_pylist()
        return dict(found)
