"""Rows of a Parquet file. A cell that Python cannot hold costs its row, a damaged page what follows it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import IO, Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.events.contract import Reject
from connectors.events.csv_rows import Row

BATCH_ROWS = 20_000
FEW_ROWS = 100
UNREADABLE = (pa.ArrowException, OSError, ValueError, OverflowError)
"""What a damaged file raises: corrupt pages an OSError, text that is not UTF-8 and odd times a ValueError."""


def parquet_rows(stream: BinaryIO) -> Iterator[Row]:
    """All rows up to the first damaged page, copied to a seekable file first: a bucket gives a stream."""
    with tempfile.TemporaryFile() as file:
        shutil.copyfileobj(stream, file, 1 << 20)
        done, reason = 0, ""
        for batch_rows in (BATCH_ROWS, FEW_ROWS):  # the second time only what lies closely before the tear
            try:
                for record in islice(_records(file, batch_rows), done, None):
                    done += 1
                    yield Row(done, record)
            except UNREADABLE as error:
                reason = f"the file cannot be read further: {error}"
            else:
                return
        yield Row(None, Reject("", reason))


def _records(file: IO[bytes], batch_rows: int) -> Iterator[dict[str, Any] | Reject]:
    parquet = pq.ParquetFile(file, coerce_int96_timestamp_unit="us")
    for batch in parquet.iter_batches(batch_rows):
        known_to_python = pa.RecordBatch.from_arrays(
            [column.cast(_in_microseconds(column.type), safe=False) for column in batch.columns],
            batch.schema.names,
        )
        try:
            rows: list[dict[str, Any] | Reject] = known_to_python.to_pylist()
        except UNREADABLE:
            rows = [_row(known_to_python, index) for index in range(batch.num_rows)]
        for row in rows:
            yield row if isinstance(row, Reject) else {name: _plain(value) for name, value in row.items()}


def _row(batch: pa.RecordBatch, index: int) -> dict[str, Any] | Reject:
    """One row of a batch in which some cell cannot be read, or which one it is."""
    row = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            row[name] = column[index].as_py()
        except UnicodeDecodeError:
            return Reject(name, "not UTF-8")
        except UNREADABLE as error:
            return Reject(name, f"cannot be read: {error}")
    return row


def _in_microseconds(kind: pa.DataType) -> pa.DataType:
    """The type without the nanoseconds that pandas writes and Python does not know."""
    match kind:
        case pa.TimestampType(unit="ns"):
            return pa.timestamp("us", kind.tz)
        case pa.StructType():
            return pa.struct([field.with_type(_in_microseconds(field.type)) for field in kind])
        case pa.ListType():
            return pa.list_(_in_microseconds(kind.value_type))
    return kind


def _plain(value: object) -> object:
    """Parquet's decimals are numbers in JSON, absent fields of structs are absent."""
    match value:
        case Decimal():
            return float(value)
        case dict():
            return {key: _plain(inner) for key, inner in value.items() if inner is not None}
        case list():
            return [_plain(inner) for inner in value]
    return value
