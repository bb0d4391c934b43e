"""What a run costs: seconds in the warehouse by model, seconds around it, memory.

Wall-clock seconds are what a person waits; processor seconds stay comparable on a machine that others use too.
"""

from __future__ import annotations

import re
import resource
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from dbt.adapters.duckdb.environments.local import DuckDBCursorWrapper

MODEL = re.compile(r'"node_id": "model\.millrace\.(\w+)"')


@dataclass
class WarehouseTime:
    """What dbt's statements cost DuckDB: wall-clock seconds, processor seconds, the latter by model."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    cpu_by_model: Counter[str] = field(default_factory=Counter)


@contextmanager
def warehouse_time() -> Iterator[WarehouseTime]:
    """Measure every statement that dbt sends to DuckDB inside the block."""
    spent = WarehouseTime()
    execute = DuckDBCursorWrapper.execute
    last_model = ["dbt"]

    def timed(cursor, sql, bindings=None):
        started, cpu = time.perf_counter(), time.process_time()
        try:
            return execute(cursor, sql, bindings)
        finally:
            named = MODEL.search(sql)
            last_model[0] = named.group(1) if named else last_model[0]  # a commit belongs to what it commits
            cpu = time.process_time() - cpu
            spent.seconds += time.perf_counter() - started
            spent.cpu_seconds += cpu
            spent.cpu_by_model[last_model[0]] += cpu

    DuckDBCursorWrapper.execute = timed
    try:
        yield spent
    finally:
        DuckDBCursorWrapper.execute = execute


def peak_memory_gib() -> float:
    """The most memory that this process has ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
