"""The warehouse: all or nothing, one writer at a time, readers on a snapshot."""

from __future__ import annotations

import errno
import multiprocessing
import os
import time

import duckdb
import pyarrow as pa
import pytest

from dagster_project.warehouse import RAW_TABLES, WarehouseBusyError, ensure_raw_tables
from dagster_project.warehouse.duckdb import DuckDBWarehouse, is_busy, with_repair

processes = multiprocessing.get_context("forkserver")


@pytest.fixture
def warehouse(tmp_path):
    opened = DuckDBWarehouse(tmp_path / "warehouse.duckdb")
    opened.execute("create table things (name text, size integer)")
    return opened


def things(warehouse):
    return [
        tuple(row.values()) for row in warehouse.query("select name, size from things order by 1").to_pylist()
    ]


def test_rows_are_appended_by_column_name_and_what_is_missing_is_null(warehouse):
    warehouse.load("things", pa.table({"size": [1], "name": ["a"]}))
    warehouse.load("things", pa.table({"name": ["b"]}))
    assert things(warehouse) == [("a", 1), ("b", None)]
    assert warehouse.query("select size from things where name = ?", ["a"]).to_pydict() == {"size": [1]}


def test_a_transaction_that_raises_leaves_nothing(warehouse):
    with pytest.raises(ZeroDivisionError), warehouse.transaction():  # noqa: PT012  (the block is the point)
        warehouse.load("things", pa.table({"name": ["a"], "size": [1]}))
        assert things(warehouse) == [("a", 1)]
        raise ZeroDivisionError
    assert things(warehouse) == []


def test_a_snapshot_keeps_what_was_and_reads_while_the_writer_writes(warehouse, tmp_path):
    warehouse.load("things", pa.table({"name": ["a"], "size": [1]}))
    warehouse.snapshot(tmp_path / "serving.duckdb")
    reader = DuckDBWarehouse(tmp_path / "serving.duckdb")
    with warehouse.transaction():
        warehouse.load("things", pa.table({"name": ["b"], "size": [2]}))
        assert things(reader) == [("a", 1)]
    warehouse.snapshot(tmp_path / "serving.duckdb")
    assert things(reader) == [("a", 1), ("b", 2)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["serving.duckdb", "warehouse.duckdb"]


def test_a_snapshot_is_whole_where_the_kernel_cannot_copy_and_after_a_killed_one(
    warehouse, tmp_path, monkeypatch
):
    (tmp_path / ".serving.duckdb.tmp").write_bytes(b"half a copy" * 1_000_000)
    copy_some = os.copy_file_range

    def gives_up(given, taken, _count):
        copy_some(given, taken, 5_000)
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "copy_file_range", gives_up)
    warehouse.load("things", pa.table({"name": ["a"], "size": [1]}))
    warehouse.snapshot(tmp_path / "serving.duckdb")
    assert things(DuckDBWarehouse(tmp_path / "serving.duckdb")) == [("a", 1)]
    assert (tmp_path / "serving.duckdb").read_bytes() == (tmp_path / "warehouse.duckdb").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["serving.duckdb", "warehouse.duckdb"]


def hold(path, seconds, held):
    with DuckDBWarehouse(path):
        held.set()
        time.sleep(seconds)


def test_a_second_writer_waits_for_the_first(warehouse, tmp_path):
    held = processes.Event()
    other = processes.Process(target=hold, args=(tmp_path / "warehouse.duckdb", 0.5, held))
    other.start()
    held.wait(30)
    assert things(warehouse) == []
    other.join()


def test_a_writer_that_waited_too_long_says_so(tmp_path):
    held = processes.Event()
    other = processes.Process(target=hold, args=(tmp_path / "warehouse.duckdb", 60, held))
    other.start()
    held.wait(30)
    impatient = DuckDBWarehouse(tmp_path / "warehouse.duckdb", patience_seconds=0.1)
    with pytest.raises(WarehouseBusyError, match="is held by another writer"):
        impatient.query("select 1")
    other.kill()
    other.join()


def test_raw_tables_are_created_once_and_kept(warehouse):
    ensure_raw_tables(warehouse)
    warehouse.load(
        "raw_flows.flow_exits", pa.table({"flow": ["f"], "flow_version": ["1"], "signal": ["ordered"]})
    )
    ensure_raw_tables(warehouse)
    found = warehouse.query("select schema_name || '.' || table_name as name from duckdb_tables()")[
        "name"
    ].to_pylist()
    assert set(RAW_TABLES) <= set(found)
    assert warehouse.query("select * from raw_flows.flow_exits").num_rows == 1


@pytest.mark.parametrize(
    ("said", "busy", "mended"),
    [
        ("IO Error: Could not set lock on file: Conflicting lock is held in PID 7", True, True),
        ("Can't open a connection to same database file with a different configuration", True, True),
        ("Corrupt database file: computed checksum 1 does not match 2 in block at location 3", False, True),
        ("Cannot open file: Permission denied", False, False),
        ("Could not write file: No space left on device", False, False),
    ],
)
def test_damage_is_told_from_a_busy_file_and_from_what_no_backup_mends(said, busy, mended):
    error = duckdb.Error(said)
    assert is_busy(error) is busy
    assert ("backup" in with_repair(error)) is mended
