"""A contact list, as a shop or a tool exports it, into landing files.

Good rows load, bad ones are reported by line and field. The files are named by the list's content and its
mapping: the same import again writes nothing, a killed one goes on, and what lands twice counts once.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Any

import yaml

from connectors.collector.pii import hash_pii
from connectors.landing import Landing, names_ever
from dagster_project.imports.contact_rows import (
    CONSENTS,
    FIELDS,
    IDENTITIES,
    OTHER_TRAIT,
    PROOF,
    BadField,
    Call,
    Fault,
    consents,
    contact,
)

ROWS_PER_FILE = 10_000
LONGEST_FIELD = 1 << 16
"""A quote that is never closed would make one field of the rest of the file."""
DELIMITERS = (",", ";", "\t", "|")
MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
FALLBACK = "cp1252"
"""What a list that is not UTF-8 is taken for: Excel's in Western Europe."""
UNREADABLE = "\ufffd"

Progress = Callable[[str, int, int], None]


class BadListError(ValueError):
    """The file or its mapping cannot be used as a whole."""


@dataclass(slots=True)
class ContactsResult:
    """What an import found; with `is_dry_run` nothing was written.

    Attributes:
        rows: below the header.
        contacts: rows that load.
        consents: yes and no among them, each with its channel.
        faults: rows and consents that do not, in the file's order.
        files: landing files written now; those of an earlier import are not counted.
    """

    encoding: str
    delimiter: str
    is_dry_run: bool
    rows: int = 0
    contacts: int = 0
    subscribed: int = 0
    unsubscribed: int = 0
    files: int = 0
    faults: list[Fault] = field(default_factory=list)


def read_mapping(given: Sequence[str]) -> dict[str, str]:
    """Fields and the columns they are in, from `field=column` words and YAML files.

    Raises:
        BadListError: a field that does not exist, or a word of another form.
    """
    mapping: dict[str, str] = {}
    for word in given:
        name, is_pair, column = word.partition("=")
        if is_pair:
            mapping[name.strip()] = column.strip()
        else:
            mapping |= _mapping_file(Path(word))
    unknown = [name for name in mapping if name not in FIELDS and not OTHER_TRAIT.fullmatch(name)]
    if unknown:
        raise BadListError(f"--map: no field {unknown[0]!r}; there are {', '.join(FIELDS)} and trait.<name>")
    return mapping


def import_contacts(
    path: Path,
    landing: Landing,
    mapping: Mapping[str, str],
    now: datetime,
    *,
    is_dry_run: bool = False,
    encoding: str | None = None,
    delimiter: str | None = None,
    pii_secret: str | None = None,
    progress: Progress | None = None,
) -> ContactsResult:
    """Read a list and land what is good of it.

    Args:
        path: CSV with a header.
        landing: where the files go.
        mapping: field → column; a column that is called like a field needs none.
        now: naive UTC.
        is_dry_run: read and check, write nothing.
        encoding: of the file; found out when not given.
        delimiter: as well.
        pii_secret: when set, addresses and names are hashed with it.
        progress: told `contacts`, bytes read, bytes in all.

    Raises:
        BadListError: unreadable, no header, or a mapping that does not fit it.
    """
    encoding = encoding or _encoding(path)
    with _opened(path, encoding) as (stream, position):
        delimiter = delimiter or _delimiter(stream)
        reader = _csv(stream, delimiter)
        header = _header(reader, mapping)
        result = ContactsResult(encoding, delimiter, is_dry_run)
        known = set() if is_dry_run else names_ever(landing)
        folder = f"contacts/{_digest(path, encoding, header, pii_secret)}"
        for number, rows in enumerate(_in_parts(_rows(reader, header, result))):
            calls = [call for line, row in rows for call in _calls(line, row, header, now, result)]
            name = f"{folder}/{number:05}.ndjson"
            if calls and not is_dry_run and name not in known:
                landing.write(name, (hash_pii(call, pii_secret) if pii_secret else call for call in calls))
                result.files += 1
            if progress:
                progress("contacts", position(), path.stat().st_size)
    result.faults.sort(key=attrgetter("line"))
    return result


@dataclass(frozen=True, slots=True)
class _Header:
    """The file's columns, and where each field is."""

    columns: tuple[str, ...]
    places: Mapping[str, int]

    def fault(self, line: int, problem: BadField) -> Fault:
        place = self.places.get(problem.field)
        return Fault(line, "" if place is None else self.columns[place], problem.field, problem.reason)


def _calls(
    line: int, row: list[str], header: _Header, now: datetime, result: ContactsResult
) -> Iterator[Call]:
    """What a row says; its faults go to the result."""
    texts = {name: row[place].strip() for name, place in header.places.items()}
    given = {name: text for name, text in texts.items() if text}
    try:
        yield contact(given, now)
    except BadField as problem:
        result.faults.append(header.fault(line, problem))
        return
    result.contacts += 1
    for word in consents(given, now):
        if isinstance(word, BadField):
            result.faults.append(header.fault(line, word))
            continue
        result.subscribed += word["event"] == "Subscribed"
        result.unsubscribed += word["event"] == "Unsubscribed"
        yield word


def _rows(reader: Any, header: _Header, result: ContactsResult) -> Iterator[tuple[int, list[str]]]:  # noqa: ANN401  (csv's own type)
    """Rows of the header's width with the line that they end in; empty lines are none."""
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            result.rows += 1
            result.faults.append(Fault(reader.line_num, "", "", f"not CSV: {error}"))
            continue
        if row is None:
            return
        if not any(text.strip() for text in row):
            continue
        result.rows += 1
        if any(UNREADABLE in text for text in row):
            result.faults.append(Fault(reader.line_num, "", "", f"not {result.encoding}: see --encoding"))
        elif len(row) == len(header.columns):
            yield reader.line_num, row
        else:
            reason = f"{len(row)} columns, the header has {len(header.columns)}: is a delimiter unquoted?"
            result.faults.append(Fault(reader.line_num, "", "", reason))


def _in_parts(rows: Iterator[tuple[int, list[str]]]) -> Iterator[list[tuple[int, list[str]]]]:
    while part := list(islice(rows, ROWS_PER_FILE)):
        yield part


def _csv(stream: io.TextIOWrapper, delimiter: str) -> Any:  # noqa: ANN401  (csv's own type)
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise BadListError(f"--delimiter {delimiter!r}: write one sign, such as , or ;")
    return csv.reader(stream, delimiter=delimiter, strict=True)


def _header(reader: Any, mapping: Mapping[str, str]) -> _Header:  # noqa: ANN401  (csv's own type)
    """Where each field is: in the column that it is mapped to, or in the one that is called like it."""
    try:
        columns = tuple(name.strip() for name in next(reader, ()))
    except csv.Error as error:
        raise BadListError(f"the header is not CSV: {error}") from error
    own = {name: name for name in columns if name in FIELDS or OTHER_TRAIT.fullmatch(name)}
    wanted = own | dict(mapping)
    for name, column in wanted.items():
        if columns.count(column) != 1:
            there = "is there more than once" if column in columns else f"is not among {', '.join(columns)}"
            raise BadListError(f"the column {column!r} for {name} {there}")
    if not wanted.keys() & set(IDENTITIES):
        raise BadListError(
            f"no column is mapped to {', '.join(IDENTITIES)}: add --map email=<column>; "
            f"there are {', '.join(columns) or 'none'}"
        )
    without_proof = wanted.keys() & CONSENTS.keys() and [name for name in PROOF if name not in wanted]
    if without_proof:
        raise BadListError(
            f"consents are taken only with {', '.join(PROOF)}: map {without_proof[0]} as well, or no consent"
        )
    return _Header(columns, {name: columns.index(column) for name, column in wanted.items()})


@contextmanager
def _opened(path: Path, encoding: str) -> Iterator[tuple[io.TextIOWrapper, Callable[[], int]]]:
    """The text of a file, and how many of its bytes have been read."""
    limit = csv.field_size_limit(LONGEST_FIELD)
    try:
        with path.open("rb") as raw, io.TextIOWrapper(raw, encoding, "replace", newline="") as stream:
            yield stream, raw.tell
    except LookupError as error:
        raise BadListError(f"there is no encoding {encoding!r}; try utf-8, cp1252 or utf-16") from error
    finally:
        csv.field_size_limit(limit)


def _encoding(path: Path) -> str:
    """By its mark; UTF-8 if all of it is."""
    decode = codecs.getincrementaldecoder("utf-8")().decode
    with path.open("rb") as raw:
        start = raw.read(4)
        for mark, name in MARKS.items():
            if start.startswith(mark):
                return name
        try:
            decode(start)
            while block := raw.read(1 << 20):
                decode(block)
            decode(b"", final=True)
        except UnicodeDecodeError:
            return FALLBACK
    return "utf-8"


def _delimiter(stream: io.TextIOWrapper) -> str:
    """The one that the header has most of, outside of quotes."""
    line = stream.readline()
    stream.seek(0)
    bare = re.sub(r'"[^"]*"', "", line)
    return max(DELIMITERS, key=bare.count)


def _digest(path: Path, encoding: str, header: _Header, pii_secret: str | None) -> str:
    """What makes this import this one: the list, its mapping, and whether it is hashed."""
    with path.open("rb") as raw:
        content = hashlib.file_digest(raw, "sha256").hexdigest()
    said = [content, encoding, sorted(header.places.items()), bool(pii_secret)]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def _mapping_file(path: Path) -> dict[str, str]:
    try:
        read = yaml.safe_load(path.read_text())
    except FileNotFoundError as error:
        raise BadListError(f"--map {path}: write field=column, or the name of a YAML file") from error
    except yaml.YAMLError as error:
        raise BadListError(f"{path} is not YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(read, dict) or not all(isinstance(each, str) for pair in read.items() for each in pair):
        raise BadListError(f"{path} must be lines of `field: column`")
    return read
