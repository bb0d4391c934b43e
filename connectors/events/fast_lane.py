"""The contract for well-formed NDJSON, vectorised: one SQL statement instead of one Python call per line.

It accepts only what it fully understands; every other line is *declined* and goes to `contract.parse_json`,
which accepts or rejects it. So the two may differ in speed only: a property test holds them to the same
rows. (The one difference known: a number beyond all doubles, 1e999, stays as written here and is null
there.)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from connectors.events.properties import PROPERTIES

FAST_LANE_SQL = Path(__file__).with_suffix(".sql")


class FastLane:
    """One in-memory DuckDB that reads lines; opened at the first batch, for it costs some milliseconds."""

    def __init__(self) -> None:
        self._sql = FAST_LANE_SQL.read_text()
        self._connection: duckdb.DuckDBPyConnection | None = None

    def accept(self, lines: pa.Array[Any], first_line_number: int) -> tuple[pa.Table, list[int]]:
        """Accepted events of these lines, and the numbers of the lines declined."""
        if self._connection is None:
            self._connection = duckdb.connect()
            self._connection.execute("set TimeZone = 'UTC'")
        numbers = np.arange(first_line_number, first_line_number + len(lines))
        table = pa.table({"line_number": numbers, "line": lines})
        half = (len(lines) + 1) // 2  # DuckDB reads each chunk in a thread of its own
        self._connection.register(
            "arriving_lines", pa.concat_tables([table.slice(0, half), table.slice(half)])
        )
        judged = self._connection.sql(self._sql, params=[list(PROPERTIES)]).to_arrow_table()
        self._connection.unregister("arriving_lines")
        accepted = judged.filter(judged["is_accepted"]).drop_columns(["is_accepted"])
        return accepted, np.setdiff1d(numbers, accepted["line_number"].to_numpy()).tolist()


def split_lines(block: bytes) -> pa.Array[Any]:
    """The lines of a block without copying it; each keeps its line feed, which JSON ignores.

    Raises:
        pa.ArrowInvalid: when the block is not UTF-8.
    """
    ends = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n")) + 1
    offsets = np.concatenate(([0], ends, [len(block)] if not block.endswith(b"\n") else [])).astype(np.int32)
    lines = pa.Array.from_buffers(
        pa.string(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(block)]
    )
    lines.validate(full=True)
    return lines
