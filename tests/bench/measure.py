"""What a run costs: seconds in the warehouse by model, seconds around it, memory.

Wall-clock seconds are what a person waits; processor seconds stay comparable on a machine that others use too.
"""

from __future__ import annotations

import re
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
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
def watched(watch: Callable[[str, DuckDBCursorWrapper], AbstractContextManager[None]]) -> Iterator[None]:
    """Run every statement that dbt sends to DuckDB inside the block within `watch(model, cursor)`."""
    execute, model = DuckDBCursorWrapper.execute, "dbt"

    def run(cursor, sql, bindings=None):
        nonlocal model
        named = MODEL.search(sql)
        model = named.group(1) if named else model  # a commit belongs to what it commits
        with watch(model, cursor):
            return execute(cursor, sql, bindings)

    DuckDBCursorWrapper.execute = run
    try:
        yield
    finally:
        DuckDBCursorWrapper.execute = execute


@contextmanager
def warehouse_time() -> Iterator[WarehouseTime]:
    """Measure every statement that dbt sends to DuckDB inside the block."""
    spent = WarehouseTime()

    @contextmanager
    def timed(model, _cursor):
        started, cpu = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            cpu = time.process_time() - cpu
            spent.seconds += time.perf_counter() - started
            spent.cpu_seconds += cpu
            spent.cpu_by_model[model] += cpu

    with watched(timed):
        yield spent


def peak_memory_gib() -> float:
    """The most memory that this process has ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
