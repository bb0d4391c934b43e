"""DuckDB: one file, one writing process at a time, readers on a snapshot."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import pyarrow as pa

from dagster_project.warehouse.protocol import WarehouseBusyError, WarehouseFileError

FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 0.5
ROWS_PER_GROUP = 4_096
LARGEST_CALL = 2**30
"""Bytes; a whole number of blocks in every file system, without which blocks cannot be shared."""

BUSY = ("Could not set lock", "Conflicting lock", "different configuration")
OUTSIDE = ("Permission denied", "No space left on device", "Read-only file system")
REPAIR = "Put back a backup of it; `serving.duckdb` beside it is a copy as of the end of the last run."


class DuckDBWarehouse:
    """A DuckDB file as a `Warehouse`.

    Close it before dbt runs: within one process DuckDB refuses a second connection with another
    configuration, and between processes it refuses any.
    """

    def __init__(self, path: Path, *, patience_seconds: float = 30) -> None:
        self._path = path
        self._patience_seconds = patience_seconds
        self._held: duckdb.DuckDBPyConnection | None = None
        self._depth = 0

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """Rows of a SELECT."""
        with self._connection() as connection:
            return connection.sql(sql, params=list(parameters)).to_arrow_table()

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement; its result is fetched, because DuckDB drops late errors of unread results."""
        with self._connection() as connection:
            connection.execute(sql, list(parameters)).fetchall()

    def export(self, sql: str, path: Path) -> None:
        """Stream rows to Parquet, in groups small enough to be read one at a time."""
        self.execute(f"copy ({sql}) to {quoted(path)} (format parquet, row_group_size {ROWS_PER_GROUP})")

    def load(self, table: str, rows: pa.Table) -> None:
        """Append rows by column name."""
        with self._connection() as connection:
            connection.register("arriving_rows", rows)
            try:
                connection.execute(f"insert into {table} by name select * from arriving_rows").fetchall()
            finally:
                connection.unregister("arriving_rows")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything in the block, or nothing."""
        with self._connection() as connection, self:
            connection.begin()
            try:
                yield
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    def snapshot(self, path: Path) -> None:
        """Checkpoint, copy beside the target, then swap: a reader sees the old file or the new one.

        Nobody else writes meanwhile, so that what a killed copy left behind is written over by the next.
        """
        arriving = path.with_name(f".{path.name}.tmp")
        with self._connection() as connection:
            connection.execute("checkpoint").fetchall()
            _copy(self._path, arriving)
            arriving.replace(path)

    def __enter__(self) -> Self:
        if self._held is None:
            self._held = self._open()
        self._depth += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        if self._depth == 0 and self._held is not None:
            self._held.close()
            self._held = None

    @contextmanager
    def _connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self:
            assert self._held is not None
            yield self._held

    def _open(self) -> duckdb.DuckDBPyConnection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        patience_ends = time.monotonic() + self._patience_seconds
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                connection = duckdb.connect(str(self._path))
            except duckdb.Error as error:
                if not is_busy(error):
                    raise WarehouseFileError(with_repair(error)) from error
                if time.monotonic() > patience_ends:
                    raise WarehouseBusyError(f"{self._path} is held by another writer: {error}") from error
                time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311  (jitter, not a secret)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            else:
                connection.execute("set TimeZone = 'UTC'")
                return connection


def with_repair(error: duckdb.Error, repair: str = REPAIR) -> str:
    """What is wrong with a file and how it is mended; permissions and full disks speak for themselves."""
    return str(error) if any(words in str(error) for words in OUTSIDE) else f"{error}\n{repair}"


def is_busy(error: duckdb.Error) -> bool:
    """Whether waiting helps: another process has the lock, or dbt in this one has not let go yet."""
    return any(words in str(error) for words in BUSY)


def quoted(path: Path) -> str:
    """A path inside a statement."""
    return "'{}'".format(str(path).replace("'", "''"))


@contextmanager
def dbt_lets_go() -> Iterator[None]:
    """Close what dbt-duckdb keeps open for a next run in this process: nobody else could open the file."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # noqa: PLC0415  (0.9 s, dbt's own)

    try:
        yield
    finally:
        if DuckDBConnectionManager._ENV is not None:  # noqa: SLF001  (`env()` raises when there is none)
            DuckDBConnectionManager.env().close()
        DuckDBConnectionManager.close_all_connections()


def _copy(source: Path, target: Path) -> None:
    """Copy a file to disk. On XFS and Btrfs both share their blocks: it costs the same whatever the size."""
    with source.open("rb") as given, target.open("wb") as taken:
        try:
            while os.copy_file_range(given.fileno(), taken.fileno(), LARGEST_CALL):
                pass
        except (AttributeError, OSError):  # not this system, or not between these two places
            given.seek(0)
            taken.seek(0)
            shutil.copyfileobj(given, taken)
            taken.truncate()
        taken.flush()
        os.fsync(taken.fileno())
