"""What a run costs: seconds in the warehouse, seconds around it, memory."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from dbt.adapters.duckdb.environments.local import DuckDBCursorWrapper


@dataclass
class WarehouseTime:
    """Seconds that dbt spent waiting for DuckDB, and for which statements."""

    seconds: float = 0.0
    statements: list[tuple[float, str]] = field(default_factory=list)

    def slowest(self, count: int) -> list[tuple[float, str]]:
        """The statements that took longest."""
        return sorted(self.statements, reverse=True)[:count]


@contextmanager
def warehouse_time() -> Iterator[WarehouseTime]:
    """Measure every statement that dbt sends to DuckDB inside the block."""
    spent = WarehouseTime()
    execute = DuckDBCursorWrapper.execute

    def timed(cursor, sql, bindings=None):
        started = time.perf_counter()
        try:
            return execute(cursor, sql, bindings)
        finally:
            seconds = time.perf_counter() - started
            spent.seconds += seconds
            spent.statements.append((seconds, sql))

    DuckDBCursorWrapper.execute = timed
    try:
        yield spent
    finally:
        DuckDBCursorWrapper.execute = execute


def peak_memory_gib() -> float:
    """The most memory that this process has ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
