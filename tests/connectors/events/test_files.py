"""The same records give the same events in every format, and memory does not grow with the file."""

from __future__ import annotations

import csv
import gzip
import io
import json
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.events import csv_rows, files
from connectors.events.files import EventFiles, RejectedRecord

NOON = "2026-03-01T12:00:00Z"

RECORDS = [
    {
        "event": "Order Completed",
        "messageId": "m1",
        "userId": "u1",
        "timestamp": NOON,
        "properties": {"order_id": "o1", "products": [{"product_id": "p1", "price": 12.5, "quantity": 2}]},
    },
    {
        "event": "Product Viewed",
        "messageId": "m2",
        "anonymousId": "a1",
        "timestamp": NOON,
        "properties": {"product_id": "p1", "price": 12.5},
    },
    {
        "type": "identify",
        "messageId": "m3",
        "userId": "u1",
        "timestamp": NOON,
        "traits": {"email": "ann@shop.example"},
    },
]
FLAT_HEADER = [
    "type",
    "event",
    "event_id",
    "user_id",
    "anonymous_id",
    "timestamp",
    "order_id",
    "products",
    "properties.product_id",
    "price",
    "traits.email",
]
FLAT_ROWS = [
    [
        "track",
        "Order Completed",
        "m1",
        "u1",
        "",
        NOON,
        "o1",
        '[{"product_id": "p1", "price": 12.5, "quantity": "2"}]',
        "",
        "",
        "",
    ],
    ["track", "Product Viewed", "m2", "", "a1", NOON, "", "", "p1", "12.50", ""],
    ["identify", "", "m3", "u1", "", NOON, "", "", "", "", "ann@shop.example"],
]


def ndjson(records):
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def as_csv(header, rows, delimiter=","):
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows([header, *rows])
    return text.getvalue().encode()


def as_parquet(table):
    target = io.BytesIO()
    pq.write_table(table, target)
    return target.getvalue()


def read(name, content):
    """(events as rows without their lines, rejects) of a file."""
    batches = list(EventFiles().read(name, io.BytesIO(content)))
    events = [row for batch in batches for row in batch.events.drop_columns(["line_number"]).to_pylist()]
    for event in events:
        event.update({bag: json.loads(event[bag]) for bag in ("properties", "traits", "context")})
    return events, [reject for batch in batches for reject in batch.rejects]


EXPECTED = read("a.ndjson", ndjson(RECORDS))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.ndjson.gz", gzip.compress(ndjson(RECORDS))),
        ("a.jsonl", ndjson(RECORDS).replace(b"\n", b"\r\n")),
        ("a.csv", as_csv(FLAT_HEADER, FLAT_ROWS)),
        ("a.csv", b"\xef\xbb\xbf" + as_csv(FLAT_HEADER, FLAT_ROWS, ";")),
        ("a.csv.gz", gzip.compress(as_csv(FLAT_HEADER, FLAT_ROWS, "\t"))),
        (
            "a.parquet",
            as_parquet(
                pa.table(
                    [[value or None for value in column] for column in zip(*FLAT_ROWS, strict=True)],
                    FLAT_HEADER,
                )
            ),
        ),
    ],
)
def test_the_same_records_give_the_same_events_in_every_format(name, content):
    assert read(name, content) == EXPECTED
    assert EXPECTED[1] == []


def test_parquet_may_hold_structs_decimals_and_times():
    table = pa.table(
        {
            "event": ["Order Completed"],
            "messageId": ["m1"],
            "userId": pa.array([7], pa.int64()),
            "timestamp": pa.array([datetime(2026, 3, 1, 12, tzinfo=UTC)], pa.timestamp("us", "UTC")),
            "properties": [{"order_id": "o1", "revenue": 12.5, "coupon": None}],
            "properties.discount": pa.array([1], pa.decimal128(10, 2)),
        }
    )
    events, rejects = read("a.parquet", as_parquet(table))
    assert rejects == []
    assert (events[0]["user_id"], events[0]["occurred_at"], events[0]["properties"]) == (
        "7",
        datetime(2026, 3, 1, 12),
        {"order_id": "o1", "revenue": 12.5, "discount": 1.0},
    )


def test_a_parquet_time_without_a_zone_is_refused():
    table = pa.table({"event": ["A"], "timestamp": [datetime(2026, 3, 1, 12)]})
    _, [reject] = read("a.parquet", as_parquet(table))
    assert (reject.line_number, reject.field, reject.reason) == (
        1,
        "timestamp",
        "Input should have timezone info",
    )


def test_a_malformed_csv_row_is_named_by_its_physical_line():
    content = b'event,timestamp,note\nA,2026-03-01T12:00:00Z,"two\nlines"\nB,2026-03-01T12:00:00Z\nC,never,\n'
    events, rejects = read("a.csv", content)
    assert [event["event_name"] for event in events] == ["A"]
    assert [(reject.line_number, reject.field, reject.reason) for reject in rejects] == [
        (4, "", "the row has 2 fields, the header 3"),
        (5, "timestamp", "a time must be ISO-8601 with a zone, like 2026-03-01T12:00:00Z"),
    ]


def test_bytes_that_are_not_utf8_refuse_their_line_only():
    events, rejects = read("a.ndjson", ndjson(RECORDS[:1]) + b'{"event": "\xff"}\n' + ndjson(RECORDS[1:]))
    assert events == EXPECTED[0]
    assert [(reject.line_number, reject.record) for reject in rejects] == [(2, '{"event": "\ufffd"}')]


def test_blocks_and_lanes_change_nothing(monkeypatch):
    """Small blocks, the fast lane forced, a last line without its line feed: the same rows and line numbers."""
    content = ndjson(RECORDS * 20) + b"[]\n\n" + ndjson(RECORDS[:1]).rstrip()
    slow = [batch.events for batch in EventFiles().read("a.ndjson", io.BytesIO(content))]
    monkeypatch.setattr(files, "FEWEST_FAST_BYTES", 0)
    monkeypatch.setattr(files, "BLOCK_BYTES", 1_000)
    batches = list(EventFiles().read("a.ndjson", io.BytesIO(content)))
    fast = [batch.events for batch in batches]
    key = [("line_number", "ascending")]
    columns = ["line_number", "event_id", "event_name", "user_id", "occurred_at"]
    assert len(batches) > 5
    assert pa.concat_tables(fast).select(columns).sort_by(key) == pa.concat_tables(slow).select(
        columns
    ).sort_by(key)
    assert [reject for batch in batches for reject in batch.rejects] == [
        RejectedRecord(61, "", "a record must be a JSON object", "[]")
    ]


def test_a_line_longer_than_a_block_is_refused_without_being_kept(monkeypatch):
    monkeypatch.setattr(files, "BLOCK_BYTES", 1_000)
    content = ndjson(RECORDS[:1]) + b'{"event": "' + b"x" * 10_000 + b'"}\n' + ndjson(RECORDS[1:2])
    events, rejects = read("a.ndjson", content)
    assert [event["event_id"] for event in events] == ["m1", "m2"]
    assert [reject.line_number for reject in rejects] == [2]


def lines_of(name, content):
    """(lines of the accepted events, (line, field, reason) of the rejects) of a file."""
    batches = list(EventFiles().read(name, io.BytesIO(content)))
    return (
        [number for batch in batches for number in batch.events["line_number"].to_pylist()],
        [(reject.line_number, reject.field, reject.reason) for batch in batches for reject in batch.rejects],
    )


VIEWS = [
    {"event": "A", "messageId": f"m{number}", "userId": "u1", "timestamp": NOON} for number in range(1_000)
]


def test_a_torn_archive_gives_every_line_before_the_tear():
    events, rejects = lines_of("a.ndjson.gz", gzip.compress(ndjson(VIEWS))[:-12])
    assert len(events) > 900
    assert events == list(range(1, len(events) + 1))
    torn = "Compressed file ended before the end-of-stream marker was reached"
    assert rejects == [(None, "", f"the file cannot be read further: {torn}")]


def test_half_a_line_before_a_tear_is_no_line():
    content = gzip.compress(
        b"event,timestamp,price\nA,2026-03-01T12:00:00Z,12.50\nB,2026-03-01T12:00:00Z,12.50"
    )
    events, rejects = lines_of("a.csv.gz", content[:-8])
    assert (events, len(rejects)) == ([2], 1)


def test_a_damaged_page_costs_what_comes_after_it_only():
    table = pa.table({name: [str(view[name]) for view in VIEWS] for name in VIEWS[0]})
    target = io.BytesIO()
    pq.write_table(table, target, row_group_size=500, compression="none", use_dictionary=False)
    content = bytearray(target.getvalue())
    middle = content.rindex(b"m600")
    content[middle : middle + 200] = b"\xff" * 200
    events, rejects = lines_of("a.parquet", bytes(content))
    assert events == list(range(1, len(events) + 1))
    assert len(events) >= 500
    assert [(line, field) for line, field, _ in rejects if line is None] == [(None, "")]


def test_a_cell_that_cannot_be_read_costs_its_row_only():
    not_utf8 = pa.Array.from_buffers(
        pa.string(), 3, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0"), pa.py_buffer(b"a\xffc")]
    )
    times = pa.array([1_772_366_400_000_000, 1_772_366_400_000_000, 9 * 10**18], pa.timestamp("us", "UTC"))
    table = pa.table({"event": ["A", "A", "A"], "user_id": not_utf8, "timestamp": times})
    assert lines_of("a.parquet", as_parquet(table)) == (
        [1],
        [(2, "user_id", "not UTF-8"), (3, "timestamp", "cannot be read: date value out of range")],
    )


def test_the_nanoseconds_of_pandas_become_microseconds():
    times = pa.array([1_772_366_400_123_456_789], pa.timestamp("ns", "UTC"))
    table = pa.table({"event": ["A"], "timestamp": times, "properties": pa.array([{"seen": times[0]}])})
    [event], rejects = read("a.parquet", as_parquet(table))
    assert (event["occurred_at"], rejects) == (datetime(2026, 3, 1, 12, 0, 0, 123_456), [])


def test_a_quote_that_is_never_closed_costs_its_line_only():
    rows = [f'A,u,{NOON},"an inch' if number == 3 else f"A,u,{NOON},ok" for number in range(50)]
    content = "\n".join(["event,user_id,timestamp,name", *rows]).encode()
    events, rejects = lines_of("a.csv", content)
    assert events == [number for number in range(2, 52) if number != 5]
    assert rejects == [(5, "", "not CSV: a quote is never closed")]


def test_a_quote_too_many_that_the_next_row_closes_costs_both_at_most():
    content = f'event,timestamp,name\nA,{NOON},"an inch\nA,{NOON},"an inch\nA,{NOON},ok\n'.encode()
    events, rejects = lines_of("a.csv", content)
    assert (events, [line for line, _, _ in rejects]) == ([4], [2, 3])


def test_a_refused_csv_row_is_shown():
    _, [reject] = read("a.csv", b'event,timestamp,name\nA,2026-03-01T12:00:00Z,"an inch\n')
    assert reject.record == 'A,2026-03-01T12:00:00Z,"an inch'


def test_a_long_csv_field_is_read_and_one_beyond_all_measure_costs_its_row(monkeypatch):
    def rows(length):
        text = f'event,timestamp,note\nA,{NOON},\nB,{NOON},"{"x" * length}"\nC,{NOON},\n'
        return lines_of("a.csv", text.encode())

    assert rows(200_000) == ([2, 3, 4], [])
    monkeypatch.setattr(csv_rows, "LONGEST_LINE", 1_000_000)
    assert rows(3_000_000) == ([2, 4], [(3, "", "not CSV: the line is longer than 1,000,000 characters")])


@pytest.mark.parametrize(
    ("name", "content", "rejects"),
    [
        (
            "a.csv",
            f"event,timestamp,größe\nA,{NOON},1\n".encode("latin-1"),
            [(1, "", "the header is not UTF-8: save the file as UTF-8")],
        ),
        (
            "a.csv",
            f"event,timestamp\nA,{NOON}\n".encode("utf-16"),
            [(None, "", "the file is UTF-16: save it as UTF-8")],
        ),
        (
            "a.ndjson",
            ndjson(VIEWS).decode().encode("utf-16"),
            [(None, "", "the file is UTF-16: save it as UTF-8")],
        ),
        ("a.json", ndjson(VIEWS), [(None, "", files.JSON_OR_NDJSON)]),
        ("a.parquet", b"", [(None, "", "the file cannot be read further: Parquet file size is 0 bytes")]),
    ],
)
def test_a_file_that_cannot_be_read_says_what_to_do(name, content, rejects):
    assert lines_of(name, content) == ([], rejects)


def test_a_byte_order_mark_and_an_ending_in_upper_case_change_nothing():
    assert read("A.NDJSON", b"\xef\xbb\xbf" + ndjson(RECORDS)) == EXPECTED
    assert read("A.CSV.GZ", gzip.compress(as_csv(FLAT_HEADER, FLAT_ROWS))) == EXPECTED
