"""Landing → `raw_events`: every file exactly once, in one transaction with its row in the manifest.

The manifest `raw_events.landing_files` names each file and fingerprint that was loaded. A file that changed under
its old name is loaded again as a whole: its known events are duplicates, which the gate `int_events` drops by
`event_id`, its new ones are new. A file that was only touched (same content hash) is noted and not loaded.
Killed at any point, the next run finds either the file's rows and its manifest row, or neither.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa

from connectors.event_files import EVENT_COLUMNS, EventBatch, read_batches
from dagster_project.warehouse import ensure_raw_tables

if TYPE_CHECKING:
    from connectors.landing import Landing, LandingFile
    from dagster_project.warehouse import Warehouse

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class LoadResult:
    """What one load took: files, accepted records, refused records."""

    files: int
    records: int
    rejects: int


def load_landing(warehouse: Warehouse, landing: Landing, *, progress: Progress | None = None) -> LoadResult:
    """Load every landing file that the manifest does not know.

    Args:
        warehouse: is kept open for the whole load.
        landing: where the files are.
        progress: called with (bytes done, bytes to do) after each file.
    """
    records = rejects = done = 0
    with warehouse:
        ensure_raw_tables(warehouse)
        files = _new_files(warehouse, landing)
        total = sum(file.bytes for file in files)
        for file in files:
            accepted, refused = _load_file(warehouse, landing, file)
            records, rejects, done = records + accepted, rejects + refused, done + file.bytes
            if progress is not None:
                progress(done, total)
    return LoadResult(len(files), records, rejects)


def _new_files(warehouse: Warehouse, landing: Landing) -> list[LandingFile]:
    known = warehouse.query("select file, fingerprint from raw_events.landing_files").to_pydict()
    loaded = set(zip(known["file"], known["fingerprint"], strict=True))
    return [file for file in landing.files() if (file.name, file.fingerprint) not in loaded]


def _load_file(warehouse: Warehouse, landing: Landing, file: LandingFile) -> tuple[int, int]:
    accepted = refused = 0
    with warehouse.transaction(), landing.read(file.name) as stream:
        last = warehouse.query("select coalesce(max(load_id), 0) as load_id from raw_events.landing_files")
        load_id = last["load_id"][0].as_py() + 1
        for batch in read_batches(file.name, stream):
            warehouse.load("raw_events.events", batch.events.append_column(
                "landing_file", pa.array([file.name] * batch.events.num_rows, pa.string())).append_column(
                "load_id", pa.array([load_id] * batch.events.num_rows, pa.int64())))
            accepted, refused = accepted + batch.events.num_rows, refused + len(batch.rejects)
        warehouse.load("raw_events.landing_files", pa.table({
            "file": [file.name], "fingerprint": [file.fingerprint], "bytes": [file.bytes],
            "record_count": [accepted], "reject_count": [refused], "load_id": [load_id],
            "loaded_at": [datetime.now(UTC).replace(tzinfo=None)]}))
    return accepted, refused
