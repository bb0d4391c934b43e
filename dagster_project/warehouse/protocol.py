"""What Millrace asks of a warehouse engine, besides running dbt's SQL."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import pyarrow as pa


class WarehouseBusyError(RuntimeError):
    """Another process kept the warehouse for longer than we wait; run again when it has finished."""


class WarehouseFileError(ValueError):
    """What lies where the warehouse should be is none, or is damaged."""


class QuestionError(ValueError):
    """The statement cannot be answered: it writes, is not SQL, or names something that is not there."""


class Reader(Protocol):
    """Answers questions, and can do nothing else; bare names lead to the public tables.

    Both methods raise `QuestionError` when the engine refuses the statement.

    Attributes:
        dialect: sqlglot's name of the SQL that it takes.
    """

    dialect: str

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """Rows of a SELECT; `?` marks a parameter."""
        ...

    def stream(self, sql: str, parameters: Sequence[Any] = (), *, rows: int) -> pa.RecordBatchReader:
        """The same, that many rows at a time."""
        ...


class Warehouse(Protocol):
    """A connection that is opened late and closed early, because one writer excludes all others.

    Each call opens and closes it by itself. `with warehouse:` keeps it open for several calls and
    `with warehouse.transaction():` makes all calls inside happen together or not at all.
    """

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """Rows of a SELECT; `?` marks a parameter."""
        ...

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement whose result nobody reads."""
        ...

    def export(self, sql: str, path: Path) -> None:
        """Write the rows of a SELECT to a Parquet file, at constant memory."""
        ...

    def load(self, table: str, rows: pa.Table) -> None:
        """Append rows to `schema.table`, columns by name; columns not given become null."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Commit at the end of the block, roll back when it raises. Transactions do not nest."""
        ...

    def snapshot(self, path: Path) -> None:
        """Replace `path` by a copy that readers can open while writing goes on. Atomic."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
