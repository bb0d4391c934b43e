"""Landing → `raw_events`: every file exactly once, in one transaction with its row in the manifest.

The manifest `raw_events.landing_files` has a row per file and fingerprint that was loaded. Killed at any
point, the next run finds a file's rows together with its manifest row, or neither. Small files share a
transaction.

A file that changed under its old name is loaded again as a whole: its old events are duplicates, which the
gate `int_events` drops by `event_id`, its new ones are new. A file that was only touched or copied (same
content hash) is noted in the manifest and not loaded.

Files that were loaded before yesterday began move to the landing's archive: by then webhooks (which tell
what is at most a day old) and last looks have had them. A warehouse may be a backup: what was archived since
it last loaded anything is looked through for files that it does not know. One that is new reads all.
"""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa

from connectors.events.files import EventBatch, EventFiles
from connectors.landing import ARCHIVE, ArchiveError, name_landed
from dagster_project.warehouse import ensure_raw_tables

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from connectors.landing import Landing, LandingFile
    from dagster_project.warehouse import Warehouse

Progress = Callable[[int, int], None]

logger = logging.getLogger(__name__)

READ_BYTES = 1 << 20
BYTES_PER_TRANSACTION = 32 << 20
ROWS_PER_INSERT = 50_000
STAYS = timedelta(days=2)
"""What was loaded on a day is archived from the second day after it on."""
ARCHIVED_AT_ONCE = 20_000
"""A bucket takes a minute or two for as many; the next run goes on."""

SO_FAR = """
select
    coalesce(max(load_id), 0) as last_load_id,
    max(loaded_at) filter (where file not like ?) as last_landed_at
from raw_events.landing_files
"""
OF_FILES = """
select file, fingerprint, content_hash, loaded_at from raw_events.landing_files
where file in (select unnest(?::text[]))
"""

REJECT_COLUMNS = pa.schema(
    [("line_number", pa.int64()), ("field", pa.string()), ("reason", pa.string()), ("record", pa.string())]
)


@dataclass(frozen=True)
class LoadResult:
    """What one load took: files, accepted records, refused records."""

    files: int
    records: int
    rejects: int


def load_landing(warehouse: Warehouse, landing: Landing, *, progress: Progress | None = None) -> LoadResult:
    """Load every landing file that the manifest does not know, in the order of their names.

    Args:
        warehouse: is kept open for the whole load.
        landing: where the files are.
        progress: called with (bytes done, bytes to do) after each transaction.
    """
    done, results = 0, [LoadResult(0, 0, 0)]
    with warehouse:
        ensure_raw_tables(warehouse)
        loader = _Loader(warehouse, landing)
        files = loader.new_files()
        total = sum(file.bytes for file in files)
        for group in _groups(files):
            results += loader.load(group)
            done += sum(file.bytes for file in group)
            if progress is not None:
                progress(done, total)
    return LoadResult(
        len(files), sum(each.records for each in results), sum(each.rejects for each in results)
    )


def known_files(warehouse: Warehouse, landing: Landing) -> frozenset[str]:
    """Names of the files in landing of which a version was loaded."""
    return frozenset(row["file"] for row in _manifest(warehouse, landing.files()))


def archive_old(warehouse: Warehouse, landing: Landing) -> None:
    """Move files that were loaded before yesterday began to the archive, a portion at a time.

    Nobody waits for it and nothing depends on it: where it cannot be done, a warning says so. The warehouse
    need not be held.
    """
    today = datetime.now(UTC).date()
    listed = landing.files()
    known = _manifest(warehouse, listed)
    lately = datetime.combine(today - STAYS + timedelta(days=1), time())
    old = {(row["file"], row["fingerprint"]) for row in known if row["loaded_at"] < lately}
    files = [file for file in listed if (file.name, file.fingerprint) in old]
    try:
        landing.archive(files[:ARCHIVED_AT_ONCE], today)
    except ArchiveError as error:
        logger.warning(
            "%d files that were loaded before yesterday are in the landing, and not all can move to %s: %s. "
            "Every run looks at them again",
            *(len(files), ARCHIVE, error),
        )


def _manifest(warehouse: Warehouse, files: Sequence[LandingFile]) -> list[dict[str, Any]]:
    """The manifest's rows about some files, however many others it knows."""
    names = {name for file in files for name in _names(file)}
    known: list[dict[str, Any]] = warehouse.query(OF_FILES, [list(names)]).to_pylist()
    return known


def _names(file: LandingFile) -> set[str]:
    """What the manifest may call a file: it was loaded before it was archived, or out of the archive."""
    return {file.name, name_landed(file.name)}


def _groups(files: list[LandingFile]) -> Iterator[list[LandingFile]]:
    """Consecutive files that are small enough together to share a transaction."""
    group: list[LandingFile] = []
    for file in files:
        if group and sum(each.bytes for each in group) + file.bytes > BYTES_PER_TRANSACTION:
            yield group
            group = []
        group.append(file)
    if group:
        yield group


class _Loader:
    """One load: what the manifest knew at its start, one reader, one buffer of rows on their way in."""

    def __init__(self, warehouse: Warehouse, landing: Landing) -> None:
        self._warehouse = warehouse
        self._landing = landing
        self._reader = EventFiles()
        self._arriving: dict[str, list[pa.Table]] = {}
        [so_far] = warehouse.query(SO_FAR, [f"{ARCHIVE}%"]).to_pylist()
        self._last_load_id = so_far["last_load_id"]
        last = so_far["last_landed_at"]  # not what came out of the archive: a load of it may have been killed
        since = last.date() + STAYS if last else None
        self._listed = [*landing.archived(since), *landing.files()]
        known = _manifest(warehouse, self._listed)
        self._loaded = {(row["file"], row["fingerprint"]) for row in known}
        self._contents = {(row["file"], row["content_hash"]) for row in known}

    def new_files(self) -> list[LandingFile]:
        """Files whose name and fingerprint were not loaded yet; first those of an archive."""
        return [
            file
            for file in self._listed
            if all((name, file.fingerprint) not in self._loaded for name in _names(file))
        ]

    def load(self, files: list[LandingFile]) -> list[LoadResult]:
        """Load some files and their manifest rows together."""
        with self._warehouse.transaction():
            results = [self._load_file(file) for file in files]
            self._insert()
        return results

    def _load_file(self, file: LandingFile) -> LoadResult:
        self._last_load_id += 1
        accepted = refused = 0
        hashing = _HashingStream(self._landing.read(file.name))
        with io.BufferedReader(hashing, READ_BYTES) as stream:
            if not self._is_touched_only(file):
                for batch in self._reader.read(file.name, stream):
                    self._append_batch(file, batch)
                    accepted, refused = accepted + batch.events.num_rows, refused + len(batch.rejects)
            content_hash = hashing.hash_to_the_end()
        self._append(
            "raw_events.landing_files",
            pa.table(
                {
                    "file": [file.name],
                    "fingerprint": [file.fingerprint],
                    "content_hash": [content_hash],
                    "bytes": [file.bytes],
                    "record_count": [accepted],
                    "reject_count": [refused],
                    "load_id": [self._last_load_id],
                    "loaded_at": [datetime.now(UTC).replace(tzinfo=None)],
                }
            ),
        )
        return LoadResult(1, accepted, refused)

    def _is_touched_only(self, file: LandingFile) -> bool:
        names = _names(file)
        if not any(name in names for name, _ in self._contents):
            return False
        with _HashingStream(self._landing.read(file.name)) as stream:
            content_hash = stream.hash_to_the_end()
        return any((name, content_hash) in self._contents for name in names)

    def _append_batch(self, file: LandingFile, batch: EventBatch) -> None:
        self._append(
            "raw_events.events",
            _with_constants(batch.events, landing_file=file.name, load_id=self._last_load_id),
        )
        if batch.rejects:
            columns = zip(*batch.rejects, strict=True)
            rejects = pa.table(
                [pa.array(column, field.type) for column, field in zip(columns, REJECT_COLUMNS, strict=True)],
                schema=REJECT_COLUMNS,
            )
            self._append(
                "raw_events.rejects", _with_constants(rejects, file=file.name, load_id=self._last_load_id)
            )

    def _append(self, table: str, rows: pa.Table) -> None:
        self._arriving.setdefault(table, []).append(rows)
        if sum(each.num_rows for each in self._arriving[table]) >= ROWS_PER_INSERT:
            self._insert()

    def _insert(self) -> None:
        for table, parts in self._arriving.items():
            self._warehouse.load(table, pa.concat_tables(parts))
        self._arriving = {}


class _HashingStream(io.RawIOBase):
    """A stream that knows the SHA-256 of what was read from it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, target: WriteableBuffer) -> int:
        chunk = self._stream.read(len(memoryview(target)))
        memoryview(target)[: len(chunk)] = chunk
        self._hash.update(chunk)
        return len(chunk)

    def hash_to_the_end(self) -> str:
        while self.read(1 << 20):
            pass
        return self._hash.hexdigest()

    def close(self) -> None:
        self._stream.close()
        super().close()


def _with_constants(rows: pa.Table, **constants: str | int) -> pa.Table:
    for name, value in constants.items():
        rows = rows.append_column(name, pa.repeat(value, rows.num_rows))
    return rows
