"""Landing files as batches of accepted events and refused records, with constant memory.

- NDJSON: one record per line. Well-formed lines take the fast lane, all others the contract line by line.
- CSV and Parquet: the contract's names are columns (`event`, `user_id`, `timestamp` …, in Segment's
  spelling or snake case). `properties`, `traits` and `context` are JSON text (in Parquet also structs), or
  one column per key: `properties.price`. Any other column is a property (a trait of an `identify`). Empty
  CSV fields are absent. CSV has a header and is separated by comma, semicolon or tab.
- `.gz` of NDJSON and CSV. Endings may be in upper case. Text is UTF-8, a byte order mark is passed over.

Line numbers count from 1; in CSV they are physical lines (the first of a row), in Parquet rows. A row that
cannot be read is one reject, and so, without a line, is the rest of a file that cannot be read to its end (a
torn archive, a damaged page): what was readable before it is kept. Only when the bytes do not come at all (a
disk, a bucket) is there an error.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa
from pydantic_core import from_json, to_json

from connectors.events.contract import MAX_REJECTED_TEXT, Event, Reject, parse, parse_json
from connectors.events.csv_rows import Row, csv_rows
from connectors.events.fast_lane import FastLane, split_lines
from connectors.events.parquet_rows import parquet_rows
from connectors.events.streams import BLOCK_BYTES, Source

BATCH_ROWS = 20_000
FEWEST_FAST_BYTES = 256 << 10
BAGS = ("properties", "traits", "context")
UTF_8_MARK = codecs.BOM_UTF8
UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
JSON_OR_NDJSON = (
    "a .json file may be one document or one record per line: rename it to .ndjson if it is the latter, "
    "make it so with `jq -c '.[]' events.json > events.ndjson` if it is a list"
)

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
        name = name.lower()
        source = Source(stream, is_zipped=name.endswith(".gz"))
        with io.BufferedReader(source) as buffered:
            yield from self._batches(name.removesuffix(".gz"), buffered)
        if source.torn is not None:
            yield _refused(f"the file cannot be read further: {source.torn}")

    def _batches(self, name: str, stream: io.BufferedReader[Source]) -> Iterator[EventBatch]:
        if name.endswith(".json"):
            yield _refused(JSON_OR_NDJSON)
        elif name.endswith(".parquet"):
            yield from _in_batches(parquet_rows(stream))
        elif stream.peek()[:2] in UTF_16_MARKS:
            yield _refused("the file is UTF-16: save it as UTF-8")
        else:
            if stream.peek().startswith(UTF_8_MARK):
                stream.read(len(UTF_8_MARK))
            yield from _in_batches(csv_rows(stream)) if name.endswith(".csv") else self._ndjson(stream)

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


def _in_batches(rows: Iterator[Row]) -> Iterator[EventBatch]:
    while some := list(islice(rows, BATCH_ROWS)):
        events: list[tuple[Any, ...]] = []
        rejects: list[RejectedRecord] = []
        for number, record, text in some:
            match record if isinstance(record, Reject) else _parse_row(record):
                case Event() as event:
                    events.append((*event, number))
                case Reject(field, reason):
                    shown = text if isinstance(record, Reject) else _as_text(record)
                    rejects.append(RejectedRecord(number, field, reason, shown))
        yield _batch(events, rejects)


def _refused(reason: str) -> EventBatch:
    """What is to be said about a file as a whole."""
    return _batch([], [RejectedRecord(None, "", reason, "")])


def _batch(events: list[tuple[Any, ...]], rejects: list[RejectedRecord]) -> EventBatch:
    columns = list(zip(*events, strict=True)) or [()] * len(EVENT_COLUMNS)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, EVENT_COLUMNS, strict=True)]
    return EventBatch(pa.Table.from_arrays(arrays, schema=EVENT_COLUMNS), rejects)


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


def _as_text(record: Mapping[str, Any]) -> str:
    return to_json(record, inf_nan_mode="null", fallback=str, bytes_mode="base64").decode()[
        :MAX_REJECTED_TEXT
    ]
