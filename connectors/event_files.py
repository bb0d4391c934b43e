"""Landing files as batches of accepted events and refused records, with constant memory."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple, cast

import pyarrow as pa

from connectors.events import MAX_REJECTED_TEXT, Event, Reject, parse_json

BATCH_ROWS = 20_000

EVENT_COLUMNS = pa.schema([
    ("event_id", pa.string()), ("event_type", pa.string()), ("event_name", pa.string()),
    ("user_id", pa.string()), ("anonymous_id", pa.string()),
    ("occurred_at", pa.timestamp("us")), ("received_at", pa.timestamp("us")), ("source", pa.string()),
    ("properties", pa.string()), ("traits", pa.string()), ("context", pa.string()), ("line_number", pa.int64()),
])


class RejectedRecord(NamedTuple):
    """A refused record with its line and (the beginning of) its text."""

    line_number: int
    field: str
    reason: str
    record: str


@dataclass(frozen=True)
class EventBatch:
    """Some records of a file: accepted ones as `EVENT_COLUMNS`, refused ones with the reason."""

    events: pa.Table
    rejects: list[RejectedRecord]


def read_batches(name: str, stream: BinaryIO) -> Iterator[EventBatch]:
    """The records of one landing file; `name` tells the format."""
    if name.endswith(".gz"):
        stream = cast("BinaryIO", gzip.GzipFile(fileobj=stream))
    yield from _ndjson(stream)


def _ndjson(stream: BinaryIO) -> Iterator[EventBatch]:
    lines: list[tuple[int, bytes]] = []
    for number, line in enumerate(io.BufferedReader(cast("io.RawIOBase", stream), 1 << 20), start=1):
        if line.strip():
            lines.append((number, line))
        if len(lines) >= BATCH_ROWS:
            yield slow_batch(lines)
            lines = []
    if lines:
        yield slow_batch(lines)


def slow_batch(lines: Iterable[tuple[int, bytes]]) -> EventBatch:
    """Parse line by line with the contract itself."""
    accepted: list[tuple[object, ...]] = []
    rejects: list[RejectedRecord] = []
    for number, line in lines:
        match parse_json(line):
            case Event() as event:
                accepted.append((*event, number))
            case Reject(field, reason):
                text = line[:MAX_REJECTED_TEXT].decode(errors="replace").rstrip("\n")
                rejects.append(RejectedRecord(number, field, reason, text))
    columns = list(zip(*accepted, strict=True)) or [()] * len(EVENT_COLUMNS)
    return EventBatch(pa.Table.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, EVENT_COLUMNS, strict=True)],
        schema=EVENT_COLUMNS), rejects)
