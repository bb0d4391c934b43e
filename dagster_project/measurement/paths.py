"""Journeys as arrays: who touched what in which order, and whether it ended in an order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]


class BadPathsError(ValueError):
    """The paths cannot be used; the message says which row and what to write instead."""


@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """Distinct paths of touches, oldest first, with what came of them.

    Attributes:
        channels: names; position = code.
        codes: codes of all touches, path after path.
        starts: where each path begins in `codes`; one more entry than paths, the last is `len(codes)`.
        conversions: how often the path ended in an order, by path.
        revenue: revenue of these orders, by path.
        nulls: how often it ended without an order, by path.
    """

    channels: tuple[str, ...]
    codes: Whole
    starts: Whole
    conversions: Floats
    revenue: Floats
    nulls: Floats

    @classmethod
    def from_table(cls, table: pa.Table) -> Paths:
        """Read a table of `path` (list of text), `conversion_count`, `revenue` and `null_count`.

        Raises:
            BadPathsError: when a path is empty or names nothing, or a count is negative or no number.
        """
        lists = _one_chunk(table["path"].cast(pa.list_(pa.string())))
        lengths = np.asarray(pc.list_value_length(lists).fill_null(0), dtype=np.int64)
        names = pc.list_flatten(lists).dictionary_encode()
        if names.null_count or (lengths == 0).any():
            row = int(np.argmin(lengths)) if (lengths == 0).any() else 0
            raise BadPathsError(f"path {row}: a path is a list of one name or more, without gaps")
        counts = {name: _counts(table, name) for name in ("conversion_count", "revenue", "null_count")}
        return cls(
            channels=tuple(names.dictionary.to_pylist()),
            codes=np.asarray(names.indices, dtype=np.int64),
            starts=np.concatenate([[0], np.cumsum(lengths)]),
            conversions=counts["conversion_count"],
            revenue=counts["revenue"],
            nulls=counts["null_count"],
        )

    @property
    def owners(self) -> Whole:
        """Which path each touch belongs to."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))

    @property
    def firsts(self) -> Whole:
        """Code of each path's first touch."""
        return self.codes[self.starts[:-1]]

    @property
    def lasts(self) -> Whole:
        """Code of each path's last touch."""
        return self.codes[self.starts[1:] - 1]


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    chunks = column.combine_chunks()
    return chunks.chunk(0) if isinstance(chunks, pa.ChunkedArray) and chunks.num_chunks else chunks


def _counts(table: pa.Table, name: str) -> Floats:
    values = np.asarray(table[name].cast(pa.float64()).to_numpy(), dtype=np.float64)
    bad = ~(values >= 0) | ~np.isfinite(values)
    if bad.any():
        raise BadPathsError(f"path {int(np.argmax(bad))}: {name} must be a number from 0 on")
    return values
