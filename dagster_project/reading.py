"""Read-only questions to the warehouse, on the snapshot that no writer blocks; tables by their bare names."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import duckdb
import sqlglot
from sqlglot import exp

if TYPE_CHECKING:
    import pyarrow as pa

    from dagster_project.settings import Settings

PUBLIC_SCHEMAS = (
    *("profiles", "segments", "flows", "sends", "commerce", "measurement", "predictions", "sync"),
)
"""Where a bare name is looked for first; then all else that dbt builds; `raw_*` only by full name."""

WRITES = (
    *(exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Alter, exp.TruncateTable),
    *(exp.Copy, exp.Command, exp.Set, exp.Pragma, exp.Attach, exp.Detach, exp.Into),
)


class QuestionError(ValueError):
    """The statement cannot be answered: it writes, is not SQL, or names something that is not there."""


def ask(settings: Settings, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
    """Rows of one read-only statement.

    Raises:
        QuestionError: when the statement writes, is more than one, or the warehouse refuses it.
    """
    with reader(settings) as connection:
        try:
            return connection.sql(only_reads(sql), params=list(parameters)).to_arrow_table()
        except duckdb.Error as error:
            raise QuestionError(str(error)) from error


def only_reads(sql: str) -> str:
    """The statement itself, when it is one and only reads.

    Raises:
        QuestionError: otherwise.
    """
    logging.getLogger("sqlglot").setLevel(
        logging.ERROR
    )  # its hints about what it cannot parse are not for our reader
    try:
        statements = [
            statement for statement in sqlglot.parse(sql, dialect="duckdb") if statement is not None
        ]
    except sqlglot.errors.ParseError as error:
        raise QuestionError(f"this is not SQL that DuckDB would read: {error}") from error
    if len(statements) != 1:
        raise QuestionError(f"one statement at a time, this is {len(statements)}")
    statement = statements[0]
    reads = isinstance(statement, exp.Query | exp.Describe | exp.Summarize | exp.Show)
    if not reads or statement.find(*WRITES) is not None:
        raise QuestionError("only questions here: select, from, with, describe, summarize, show")
    return sql


@contextmanager
def reader(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that can read the installation's tables and nothing else.

    The file is attached under the writer's catalog name, which the text of its views contains.

    Raises:
        QuestionError: when there is no warehouse yet, or a writer holds the only one.
    """
    path = settings.serving_path if settings.serving_path.exists() else settings.warehouse_path
    if not path.exists():
        raise QuestionError(
            f"there is no warehouse under {settings.home} yet: `millrace demo` or `millrace run` first"
        )
    with duckdb.connect(":memory:") as connection:
        try:
            connection.execute(f"attach '{path}' as {settings.warehouse_path.stem} (read_only)")
        except duckdb.IOException as error:
            raise QuestionError("the first run is still writing; ask again when it has finished") from error
        connection.execute(f"use {settings.warehouse_path.stem}")
        connection.execute("set TimeZone = 'UTC'")
        if schemas := _search_path(connection):
            connection.execute(f"set search_path = '{','.join(schemas)}'")
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        yield connection


def _search_path(connection: duckdb.DuckDBPyConnection) -> list[str]:
    found = connection.execute(
        "select schema_name from duckdb_schemas() where database_name = current_database() and not internal"
    ).fetchall()
    schemas = {name for (name,) in found if not name.startswith("raw_")}
    return [*(name for name in PUBLIC_SCHEMAS if name in schemas), *sorted(schemas - set(PUBLIC_SCHEMAS))]
