"""DuckDB for readers: the snapshot, attached so that nothing can be written and nothing else be reached."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from dagster_project.warehouse.duckdb import REPAIR, is_busy, quoted, with_repair
from dagster_project.warehouse.protocol import QuestionError, WarehouseFileError

PUBLIC_SCHEMAS = (
    *("profiles", "segments", "flows", "sends", "commerce", "measurement", "predictions", "sync"),
)
"""Where a bare name is looked for first; then all else that dbt builds."""

SERVE = "The next `millrace run` writes it anew."
LANDED = "raw_events"
"""Looked through last, for `rejects` and `landing_files`; other `raw_*` only by full name."""


class DuckDBReader:
    """An attached file as a `Reader`."""

    dialect = "duckdb"

    def __init__(self, connection: duckdb.DuckDBPyConnection, *, is_computed: bool) -> None:
        self._connection = connection
        self._is_computed = is_computed

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """Rows of a SELECT."""
        with self._refusals():
            return self._connection.sql(sql, params=list(parameters)).to_arrow_table()

    def stream(self, sql: str, parameters: Sequence[Any] = (), *, rows: int) -> pa.RecordBatchReader:
        """The same, that many rows at a time."""
        with self._refusals():
            return self._connection.sql(sql, params=list(parameters)).to_arrow_reader(rows)

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except duckdb.CatalogException as error:
            if not self._is_computed:
                raise QuestionError("nothing was computed yet: `millrace run` first") from error
            raise QuestionError(str(error)) from error
        except duckdb.Error as error:
            raise QuestionError(str(error)) from error


@contextmanager
def duckdb_reader(path: Path, catalog: str) -> Iterator[DuckDBReader]:
    """A connection that can read one file and nothing else.

    Args:
        path: the file.
        catalog: the writer's name of it, which the text of its views contains.

    Raises:
        QuestionError: a writer holds the file.
        WarehouseFileError: it is no DuckDB file, or damaged.
    """
    with duckdb.connect(":memory:") as connection:
        try:
            connection.execute(f"attach {quoted(path)} as {catalog} (read_only)")
        except duckdb.Error as error:
            if is_busy(error):
                raise QuestionError(
                    "the first run is still writing; ask again when it has finished"
                ) from error
            raise WarehouseFileError(with_repair(error, REPAIR if path.stem == catalog else SERVE)) from error
        connection.execute(f"use {catalog}")
        connection.execute("set TimeZone = 'UTC'")
        schemas = _search_path(connection)
        if schemas:
            connection.execute(f"set search_path = '{','.join(schemas)}'")
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        yield DuckDBReader(connection, is_computed=bool(schemas))


def _search_path(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Schemas in which bare names are looked for; none before anything was computed."""
    found = connection.execute(
        "select schema_name from duckdb_schemas() where database_name = current_database() and not internal"
    ).fetchall()
    names = {name for (name,) in found}
    schemas = {name for name in names if not name.startswith("raw_")} - {"main"}
    if not schemas:
        return []
    public = [name for name in PUBLIC_SCHEMAS if name in schemas]
    return [*public, *sorted(schemas - set(public)), *({LANDED} & names)]
