"""Rows of a CSV file. A row that cannot be read costs its first line; the next are read on their own."""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

from connectors.events.contract import MAX_REJECTED_TEXT, Reject

LONGEST_LINE = 16 << 20
DELIMITERS = ",;\t"
UNCLOSED = "unexpected end of data"


class Row(NamedTuple):
    """A row by its first line (none: it is about the file); refused ones with the beginning of their text."""

    number: int | None
    record: dict[str, Any] | Reject
    text: str = ""


def csv_rows(stream: BinaryIO) -> Iterator[Row]:
    """All rows after the header, which names the columns; separated by comma, semicolon or tab."""
    csv.field_size_limit(LONGEST_LINE)  # of the process: its default is shorter than a cart of many products
    text = io.TextIOWrapper(stream, "utf-8", errors="surrogateescape", newline="")
    try:
        lines = _Lines(text)
        rows = _rows(lines, max(DELIMITERS, key=lines.first().count))
        header = next(rows, [])
        if not isinstance(header, Reject) and not all(map(_is_unicode, header)):
            header = Reject("", "the header is not UTF-8: save the file as UTF-8")
        if isinstance(header, Reject):
            yield Row(lines.number, header, lines.text())
            return
        lines.go_on(len(lines.taken))
        yield from _records(lines, header, rows)
    finally:
        text.detach()  # the stream is the caller's to close


def _records(lines: _Lines, header: list[str], rows: Iterator[list[str] | Reject]) -> Iterator[Row]:
    for row in rows:
        if not row:
            lines.go_on(len(lines.taken))
            continue
        record = row if isinstance(row, Reject) else _record(header, row)
        if isinstance(record, Reject):
            yield Row(lines.number, record, lines.text())
            lines.go_on(1)  # a quote too many may have swallowed the others
        else:
            yield Row(lines.number, record)
            lines.go_on(len(lines.taken))


def _record(header: list[str], row: list[str]) -> dict[str, Any] | Reject:
    if len(row) != len(header):
        return Reject("", f"the row has {len(row)} fields, the header {len(header)}")
    if not all(map(_is_unicode, row)):
        return Reject("", "not UTF-8")
    return {name: value for name, value in zip(header, row, strict=True) if value != ""}


def _rows(lines: _Lines, delimiter: str) -> Iterator[list[str] | Reject]:
    """Rows, and where one is no CSV the reason; after each the caller tells `lines` where to go on."""
    while True:
        try:
            yield from csv.reader(lines, delimiter=delimiter, strict=True)
        except csv.Error as error:
            is_unclosed = str(error) == UNCLOSED
            yield Reject("", "not CSV: a quote is never closed" if is_unclosed else f"not CSV: {error}")
        else:
            return


class _Lines:
    """The physical lines of a text; those that the row in hand has taken can be given back."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._given_back: deque[str] = deque()
        self.taken: list[str] = []
        self.number = 1
        """Of the first line taken."""

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._given_back.popleft() if self._given_back else self._read()
        if not line:
            raise StopIteration
        self.taken.append(line)
        if len(line) >= LONGEST_LINE:
            raise csv.Error(f"the line is longer than {LONGEST_LINE:,} characters")
        return line

    def first(self) -> str:
        """The first line, without taking it."""
        line = self._read()
        self._given_back.append(line)
        return line

    def go_on(self, count: int) -> None:
        """Of the lines taken `count` are done; the others come again."""
        self._given_back.extendleft(reversed(self.taken[count:]))
        self.number += count
        self.taken = []

    def text(self) -> str:
        """The beginning of the lines taken."""
        text = "".join(self.taken[:50])[:MAX_REJECTED_TEXT]
        return text.encode(errors="surrogateescape").decode(errors="replace").strip()

    def _read(self) -> str:
        """A line, of one that is too long its beginning: memory stays constant."""
        line = rest = self._text.readline(LONGEST_LINE)
        while len(rest) >= LONGEST_LINE and not rest.endswith(("\n", "\r")):
            rest = self._text.readline(LONGEST_LINE)
        return line


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
