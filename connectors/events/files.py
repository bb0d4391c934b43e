"""Landing files as batches of accepted events and refused records, with constant memory.

- NDJSON: one record per line. Well-formed lines take the fast lane, all others the contract line by line.
- CSV and Parquet: the contract's names are columns (`event`, `user_id`, `timestamp` …, in Segment's
  spelling or snake case). `properties`, `traits` and `context` are JSON text (in Parquet also structs), or
  one column per key: `properties.price`. Any other column is a property (a trait of an `identify`). Empty
  CSV fields are absent. CSV has a header and is separated by comma, semicolon or tab.
- `.gz` of NDJSON and CSV.

Line numbers count from 1; in CSV they are physical lines, in Parquet rows. A file that cannot be read to
its end (a torn archive) gives what was readable and one reject without a line.
"""

from __future__ import annotations

import csv
import gzip
import io
import shutil
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any, BinaryIO, NamedTuple, cast

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic_core import from_json, to_json

from connectors.events.contract import MAX_REJECTED_TEXT, Event, Reject, parse, parse_json
from connectors.events.fast_lane import FastLane, split_lines

BLOCK_BYTES = 16 << 20
BATCH_ROWS = 20_000
FEWEST_FAST_BYTES = 256 << 10
BAGS = ("properties", "traits", "context")
TORN = (EOFError, zlib.error, gzip.BadGzipFile, pa.ArrowInvalid, csv.Error)

EVENT_COLUMNS = pa.schema(
    [
        ("event_id", pa.string()),
        ("event_type", pa.string()),
        ("event_name", pa.string()),
        ("user_id", pa.string()),
        ("anonymous_id", pa.string()),
        ("occurred_at", pa.timestamp("us")),
        ("received_at", pa.timestamp("us")),
        ("source", pa.string()),
        ("properties", pa.string()),
        ("traits", pa.string()),
        ("context", pa.string()),
        ("line_number", pa.int64()),
    ]
)


class RejectedRecord(NamedTuple):
    """A refused record with its line (none if the file itself is torn) and the beginning of its text."""

    line_number: int | None
    field: str
    reason: str
    record: str


@dataclass(frozen=True)
class EventBatch:
    """Some records of a file: accepted ones as `EVENT_COLUMNS`, refused ones with the reason."""

    events: pa.Table
    rejects: list[RejectedRecord]


class EventFiles:
    """Reads landing files; keep one for a whole load, because the fast lane is opened once."""

    def __init__(self) -> None:
        self._fast_lane = FastLane()

    def read(self, name: str, stream: BinaryIO) -> Iterator[EventBatch]:
        """The records of one file in batches; the end of `name` tells the format."""
        if name.endswith(".gz"):
            name, stream = name.removesuffix(".gz"), cast("BinaryIO", gzip.GzipFile(fileobj=stream))
        try:
            if name.endswith(".parquet"):
                yield from _in_batches(_parquet_records(stream))
            elif name.endswith(".csv"):
                yield from _in_batches(_csv_records(stream))
            else:
                yield from self._ndjson(stream)
        except TORN as error:
            yield _batch([], [RejectedRecord(None, "", f"the file cannot be read further: {error}", "")])

    def _ndjson(self, stream: BinaryIO) -> Iterator[EventBatch]:
        first_line = 1
        for block in _blocks(stream):
            line_count = block.count(b"\n") + (not block.endswith(b"\n"))
            try:
                if len(block) < FEWEST_FAST_BYTES:  # planning the SQL costs as much
                    yield _line_batch(enumerate(block.split(b"\n"), first_line))
                else:
                    yield self._fast_batch(split_lines(block), first_line)
            except pa.ArrowInvalid:  # not UTF-8 somewhere: line by line finds out where
                yield _line_batch(enumerate(block.split(b"\n"), first_line))
            first_line += line_count

    def _fast_batch(self, lines: pa.Array[Any], first_line: int) -> EventBatch:
        accepted, declined = self._fast_lane.accept(lines, first_line)
        slow = _line_batch((number, lines[number - first_line].as_py().encode()) for number in declined)
        return EventBatch(pa.concat_tables([accepted.select(EVENT_COLUMNS.names), slow.events]), slow.rejects)


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    """Blocks of whole lines. A line longer than a block is cut, hence refused: memory stays constant."""
    rest = b""
    while chunk := stream.read(BLOCK_BYTES):
        cut = chunk.rfind(b"\n") + 1
        if cut:
            yield rest + chunk[:cut]
            rest = chunk[cut:]
        else:
            rest = (rest + chunk)[:BLOCK_BYTES]
    if rest:
        yield rest


def _line_batch(lines: Iterable[tuple[int, bytes]]) -> EventBatch:
    events: list[tuple[Any, ...]] = []
    rejects: list[RejectedRecord] = []
    for number, line in lines:
        if not line.strip():
            continue
        match parse_json(line):
            case Event() as event:
                events.append((*event, number))
            case Reject(field, reason):
                text = line[:MAX_REJECTED_TEXT].decode(errors="replace").strip()
                rejects.append(RejectedRecord(number, field, reason, text))
    return _batch(events, rejects)


def _in_batches(records: Iterator[tuple[int, dict[str, Any] | Reject]]) -> Iterator[EventBatch]:
    while some := list(islice(records, BATCH_ROWS)):
        events: list[tuple[Any, ...]] = []
        rejects: list[RejectedRecord] = []
        for number, record in some:
            match record if isinstance(record, Reject) else _parse_row(record):
                case Event() as event:
                    events.append((*event, number))
                case Reject(field, reason):
                    text = "" if isinstance(record, Reject) else _as_text(record)
                    rejects.append(RejectedRecord(number, field, reason, text))
        yield _batch(events, rejects)


def _batch(events: list[tuple[Any, ...]], rejects: list[RejectedRecord]) -> EventBatch:
    columns = list(zip(*events, strict=True)) or [()] * len(EVENT_COLUMNS)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, EVENT_COLUMNS, strict=True)]
    return EventBatch(pa.Table.from_arrays(arrays, schema=EVENT_COLUMNS), rejects)


def _csv_records(stream: BinaryIO) -> Iterator[tuple[int, dict[str, Any] | Reject]]:
    text = io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape", newline="")
    try:
        header_line = text.readline()
        delimiter = max(",;\t", key=header_line.count)
        header = next(csv.reader([header_line], delimiter=delimiter), [])
        rows = csv.reader(text, delimiter=delimiter)
        for row in rows:
            if row:
                yield rows.line_num + 1, _csv_record(header, row)
    finally:
        text.detach()  # the stream is the caller's to close


def _csv_record(header: list[str], row: list[str]) -> dict[str, Any] | Reject:
    if len(row) != len(header):
        return Reject("", f"the row has {len(row)} fields, the header {len(header)}")
    if any(not value.isascii() and not _is_unicode(value) for value in row):
        return Reject("", "not UTF-8")
    return {name: value for name, value in zip(header, row, strict=True) if value != ""}


def _parquet_records(stream: BinaryIO) -> Iterator[tuple[int, dict[str, Any] | Reject]]:
    """Rows of a Parquet file, copied to a seekable one first: a bucket gives a stream."""
    with tempfile.TemporaryFile() as seekable:
        shutil.copyfileobj(stream, seekable, 1 << 20)
        seekable.seek(0)
        number = 0
        for batch in pq.ParquetFile(seekable).iter_batches(BATCH_ROWS):
            for row in batch.to_pylist():
                number += 1
                yield number, {name: _plain(value) for name, value in row.items()}


def _parse_row(row: Mapping[str, Any]) -> Event | Reject:
    """A flat row as a record: JSON text and `properties.x` columns go into their bags."""
    record: dict[str, Any] = {}
    inside: dict[str, dict[str, Any]] = {}
    for name, value in row.items():
        bag, dot, key = name.partition(".")
        if value is not None and dot and bag in BAGS:
            inside.setdefault(bag, {})[key] = value
        else:
            record[name] = value
    for bag, values in inside.items():
        whole = record.get(bag) or {}
        try:
            whole = from_json(whole, allow_inf_nan=False) if isinstance(whole, str) else whole
        except ValueError as error:
            return Reject(bag, f"not JSON: {error}")
        record[bag] = {**whole, **values} if isinstance(whole, dict) else whole
    return parse(record)


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


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _as_text(record: Mapping[str, Any]) -> str:
    return to_json(record, inf_nan_mode="null", fallback=str, bytes_mode="base64").decode()[
        :MAX_REJECTED_TEXT
    ]
