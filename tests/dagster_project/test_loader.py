"""Every landing file is loaded exactly once, whatever happens to the loader, the files and their order."""

from __future__ import annotations

import gzip
import json
import multiprocessing
import os
import random
import shutil
import signal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.landing import FolderLanding
from dagster_project import loader
from dagster_project.loader import LoadResult, archive_old, load_landing
from dagster_project.warehouse.duckdb import DuckDBWarehouse

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["dagster_project.loader"])

WHAT_A_FILE_MAKES = """
    select * exclude (loaded_at) from raw_events.landing_files order by all;
    select * from raw_events.rejects order by all;
    select * from raw_events.events order by all"""


def view(number, **more):
    return {
        "type": "track",
        "event": "Product Viewed",
        "messageId": f"m{number}",
        "userId": f"u{number % 7}",
        "timestamp": f"2026-03-01T12:{number // 60 % 60:02}:{number % 60:02}Z",
        "properties": {"product_id": f"p{number % 5}"},
        **more,
    }


def installation(folder):
    return DuckDBWarehouse(folder / "warehouse.duckdb"), FolderLanding(folder / "landing")


def tables(warehouse):
    return [warehouse.query(statement).to_pylist() for statement in WHAT_A_FILE_MAKES.split(";")]


def rows(warehouse, sql):
    return [tuple(row.values()) for row in warehouse.query(sql).to_pylist()]


def test_a_file_is_loaded_once_however_often_the_loader_runs(tmp_path):
    warehouse, landing = installation(tmp_path)
    landing.write("a.ndjson", [view(1), view(2)])
    assert load_landing(warehouse, landing) == LoadResult(files=1, records=2, rejects=0)
    assert load_landing(warehouse, landing) == LoadResult(files=0, records=0, rejects=0)
    assert rows(warehouse, "select event_id, landing_file, line_number, load_id from raw_events.events") == [
        ("m1", "a.ndjson", 1, 1),
        ("m2", "a.ndjson", 2, 1),
    ]


def test_malformed_records_are_named_with_file_line_field_and_reason_and_the_rest_loads(tmp_path):
    warehouse, landing = installation(tmp_path)
    landing.write("a.ndjson", [view(1), view(2, timestamp="yesterday"), view(3)])
    assert load_landing(warehouse, landing) == LoadResult(files=1, records=2, rejects=1)
    assert rows(warehouse, "select file, line_number, field, reason, load_id from raw_events.rejects") == [
        ("a.ndjson", 2, "timestamp", "a time must be ISO-8601 with a zone, like 2026-03-01T12:00:00Z", 1)
    ]


def test_load_ids_grow_with_every_file(tmp_path):
    warehouse, landing = installation(tmp_path)
    landing.write("b.ndjson", [view(1)])
    load_landing(warehouse, landing)
    landing.write("a.ndjson", [view(2)])
    landing.write("c.ndjson", [view(3)])
    load_landing(warehouse, landing)
    assert rows(warehouse, "select file, load_id from raw_events.landing_files order by load_id") == [
        ("b.ndjson", 1),
        ("a.ndjson", 2),
        ("c.ndjson", 3),
    ]


def test_a_touched_file_is_not_loaded_again(tmp_path):
    warehouse, landing = installation(tmp_path)
    landing.write("a.ndjson", [view(1)])
    load_landing(warehouse, landing)
    os.utime(tmp_path / "landing" / "a.ndjson", (1, 1))
    assert load_landing(warehouse, landing) == LoadResult(files=1, records=0, rejects=0)
    assert load_landing(warehouse, landing) == LoadResult(files=0, records=0, rejects=0)


def test_a_file_that_grew_brings_its_new_events(tmp_path):
    warehouse, landing = installation(tmp_path)
    landing.write("a.ndjson", [view(1)])
    load_landing(warehouse, landing)
    landing.write("a.ndjson", [view(1), view(2)])
    load_landing(warehouse, landing)
    assert rows(warehouse, "select distinct event_id from raw_events.events order by 1") == [("m1",), ("m2",)]


def test_a_file_under_a_temporary_name_is_not_read(tmp_path):
    warehouse, landing = installation(tmp_path)
    landing.write("a.ndjson", [])
    for name in (".a.ndjson.1.tmp", "b.ndjson.part", "b.ndjson.partial", "c.ndjson.tmp", "notes.txt"):
        (tmp_path / "landing" / name).write_text(json.dumps(view(1)))
    assert load_landing(warehouse, landing) == LoadResult(files=1, records=0, rejects=0)


def test_a_torn_file_is_reported_and_its_complete_successor_loads(tmp_path):
    warehouse, landing = installation(tmp_path)
    whole = gzip.compress(json.dumps(view(1)).encode())
    path = tmp_path / "landing" / "a.ndjson.gz"
    path.parent.mkdir()
    path.write_bytes(whole[:-9])
    (tmp_path / "landing" / "b.parquet").write_bytes(b"PAR1")
    landing.write("c.ndjson", [view(2)])
    assert load_landing(warehouse, landing) == LoadResult(files=3, records=1, rejects=2)
    path.write_bytes(whole)
    assert load_landing(warehouse, landing) == LoadResult(files=1, records=1, rejects=0)
    assert rows(warehouse, "select event_id from raw_events.events order by 1") == [("m1",), ("m2",)]


def test_a_damaged_file_keeps_no_good_one_from_loading(tmp_path):
    warehouse, landing = installation(tmp_path)
    landing.write("a.ndjson", [view(1)])
    times = pa.array([9 * 10**18], pa.timestamp("us", "UTC"))
    pq.write_table(pa.table({"event": ["A"], "timestamp": times}), tmp_path / "landing" / "b.parquet")
    whole = pa.table({"event": ["A"] * 5_000, "user_id": [f"u{number}" for number in range(5_000)]})
    pq.write_table(whole, tmp_path / "landing" / "c.parquet")
    damaged = bytearray((tmp_path / "landing" / "c.parquet").read_bytes())
    damaged[500:4_000] = b"\xff" * 3_500
    (tmp_path / "landing" / "c.parquet").write_bytes(damaged)
    (tmp_path / "landing" / "d.csv").write_bytes("event,größe\nA,1\n".encode("latin-1"))
    landing.write("e.ndjson", [view(2)])
    assert load_landing(warehouse, landing).files == 5
    assert rows(warehouse, "select event_id from raw_events.events order by 1") == [("m1",), ("m2",)]
    assert rows(warehouse, "select distinct file from raw_events.rejects order by 1") == [
        ("b.parquet",),
        ("c.parquet",),
        ("d.csv",),
    ]


def test_progress_counts_bytes(tmp_path, monkeypatch):
    warehouse, landing = installation(tmp_path)
    monkeypatch.setattr(loader, "BYTES_PER_TRANSACTION", 1)
    landing.write("a.ndjson", [view(1)])
    landing.write("b.ndjson", [view(2)])
    size = len(json.dumps(view(1), separators=(",", ":"))) + 1
    seen = []
    load_landing(warehouse, landing, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(size, 2 * size), (2 * size, 2 * size)]


def write_some_files(landing):
    for file in range(4):
        records = [view(number) for number in range(file * 90, file * 90 + 100)]
        landing.write(f"{file}.ndjson", [*records, view(7, timestamp="yesterday")])


def load_until_killed(folder, point, nth):
    """Runs in a process of its own and kills it at the nth passage of a point, before or after the real work."""
    moment, _, method = point.partition(" ")
    passages = 0

    def passing():
        nonlocal passages
        passages += 1
        if passages == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    if point != "nowhere":
        real = getattr(DuckDBWarehouse, method)

        def watched(*arguments, **named):
            if moment == "before":
                passing()
            result = real(*arguments, **named)
            if moment == "after":
                passing()
            return result

        setattr(DuckDBWarehouse, method, watched)
    loader.ROWS_PER_INSERT = 30
    loader.BYTES_PER_TRANSACTION = 40_000
    load_landing(*installation(folder))


def run_and_kill(folder, point, nth=1, after_seconds=None):
    child = processes.Process(target=load_until_killed, args=(folder, point, nth))
    child.start()
    child.join(after_seconds)
    if child.is_alive():
        os.kill(child.pid, signal.SIGKILL)
        child.join()
    return child.exitcode


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    write_some_files(FolderLanding(folder / "landing"))
    load_landing(*installation(folder))
    return folder


def without_fingerprints(found):
    manifest, rejects, events = found
    return [{**row, "fingerprint": None} for row in manifest], rejects, events


@pytest.mark.parametrize(
    ("point", "nth"),
    [
        ("before transaction", 1),
        ("before transaction", 2),
        ("before transaction", 3),
        ("before load", 1),
        ("after load", 1),
        ("after load", 5),
        ("before load", 9),
        ("after load", 12),
        ("before __exit__", 9),
        ("before snapshot", 1),
    ],
)
def test_killed_at_a_named_point_and_run_again_gives_the_same_table(tmp_path, undisturbed, point, nth):
    write_some_files(FolderLanding(tmp_path / "landing"))
    exit_code = run_and_kill(tmp_path, point, nth)
    assert exit_code == (0 if "snapshot" in point else -signal.SIGKILL)
    warehouse, landing = installation(tmp_path)
    load_landing(warehouse, landing)
    assert without_fingerprints(tables(warehouse)) == without_fingerprints(
        tables(installation(undisturbed)[0])
    )


def test_killed_at_random_moments_until_it_gets_through_gives_the_same_table(tmp_path, undisturbed):
    write_some_files(FolderLanding(tmp_path / "landing"))
    chance, patience, kills = random.Random(20261120), 0.05, 0
    while run_and_kill(tmp_path, "nowhere", after_seconds=patience * chance.random()) != 0:
        kills, patience = kills + 1, patience * 1.25
    assert kills > 0
    warehouse, landing = installation(tmp_path)
    assert load_landing(warehouse, landing).files == 0
    assert without_fingerprints(tables(warehouse)) == without_fingerprints(
        tables(installation(undisturbed)[0])
    )


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.lists(st.integers(0, 12), max_size=6), min_size=1, max_size=5), st.data())
def test_duplicates_and_the_order_of_files_change_no_event(tmp_path_factory, files, data):
    """However records are spread over files, loads and formats, each event id stands for one and the same event."""
    folder = tmp_path_factory.mktemp("any_order")
    warehouse, landing = installation(folder)
    for name in data.draw(st.permutations(range(len(files)))):
        landing.write(f"{name}.ndjson", [view(number) for number in files[name]])
        if data.draw(st.booleans()):
            load_landing(warehouse, landing)
    load_landing(warehouse, landing)
    found = rows(
        warehouse,
        """
        select event_id, count(distinct (occurred_at, user_id, properties::text)), count(*)
        from raw_events.events group by all order by all""",
    )
    numbers = [number for file in files for number in file]
    assert found == sorted((f"m{number}", 1, numbers.count(number)) for number in set(numbers))
    assert rows(warehouse, "select count(*) from raw_events.landing_files") == [(len(files),)]


def test_the_landing_may_not_exist_yet(tmp_path):
    warehouse = DuckDBWarehouse(tmp_path / "warehouse.duckdb")
    assert load_landing(warehouse, FolderLanding(Path(tmp_path / "nowhere"))) == LoadResult(0, 0, 0)


EVENTS = "select event_id, count(*) from raw_events.events group by all order by all"


def days_go_by(warehouse):
    warehouse.execute("update raw_events.landing_files set loaded_at = loaded_at - interval 3 day")


def run(warehouse, landing):
    """What a tick does with landing, first and last."""
    result = load_landing(warehouse, landing)
    archive_old(warehouse, landing)
    return result


def three_days(folder):
    """A file a day, the oldest two archived by the run of the third."""
    warehouse, landing = installation(folder)
    for number in range(3):
        landing.write(f"shop/{number}.ndjson", [view(number), view(number + 1)])
        run(warehouse, landing)
        days_go_by(warehouse)
    return warehouse, landing


def names(files):
    return [file.name.rpartition("/")[2] for file in files]


def test_files_that_everybody_has_had_are_archived_and_count_once(tmp_path):
    warehouse, landing = three_days(tmp_path)
    assert (names(landing.archived()), names(landing.files())) == (["0.ndjson", "1.ndjson"], ["2.ndjson"])
    assert run(warehouse, landing) == LoadResult(0, 0, 0)
    assert (names(landing.archived()), names(landing.files())) == (["0.ndjson", "1.ndjson", "2.ndjson"], [])
    assert run(warehouse, landing) == LoadResult(0, 0, 0)
    assert rows(warehouse, EVENTS) == [("m0", 1), ("m1", 2), ("m2", 2), ("m3", 1)]


def test_a_file_stays_in_landing_for_the_day_on_which_it_was_loaded_and_the_next(tmp_path):
    warehouse, landing = installation(tmp_path)
    landing.write("a.ndjson", [view(1)])
    run(warehouse, landing)
    today = "date_trunc('day', now() at time zone 'UTC')"
    for loaded_at, stays in ((f"{today} - interval 1 day", True), (f"{today} - interval 25 hour", False)):
        warehouse.execute(f"update raw_events.landing_files set loaded_at = {loaded_at}")
        run(warehouse, landing)
        assert bool(landing.files()) is stays


def test_a_file_that_has_changed_is_loaded_before_it_is_archived(tmp_path):
    warehouse, landing = installation(tmp_path)
    landing.write("a.ndjson", [view(1)])
    run(warehouse, landing)
    days_go_by(warehouse)
    landing.write("a.ndjson", [view(1), view(2)])
    archive_old(warehouse, landing)
    assert run(warehouse, landing) == LoadResult(1, 2, 0)
    assert names(landing.files()) == ["a.ndjson"]


def test_an_archived_file_that_is_copied_in_again_is_not_loaded_again(tmp_path):
    warehouse, landing = three_days(tmp_path)
    landing.write("shop/0.ndjson", [view(0), view(1)])
    assert run(warehouse, landing).records == 0


def test_a_lost_warehouse_is_read_again_from_archive_and_landing(tmp_path):
    before, landing = three_days(tmp_path)
    expected = rows(before, EVENTS)
    (tmp_path / "warehouse.duckdb").unlink()
    warehouse, _ = installation(tmp_path)
    assert run(warehouse, landing) == LoadResult(3, 6, 0)
    assert run(warehouse, landing) == LoadResult(0, 0, 0)
    assert rows(warehouse, EVENTS) == expected


@pytest.mark.parametrize("is_archived_again", [False, True])
def test_a_backup_takes_what_was_archived_since_it_was_made(tmp_path, is_archived_again):
    """Neither the file that it knows, archived since, nor one that it has taken from the archive, a second time."""
    warehouse, landing = installation(tmp_path)
    landing.write("a.ndjson", [view(1)])
    run(warehouse, landing)
    backup = shutil.copy(tmp_path / "warehouse.duckdb", tmp_path / "backup.duckdb")
    landing.write("b.ndjson", [view(2)])
    run(warehouse, landing)
    days_go_by(warehouse)
    run(warehouse, landing)
    assert (names(landing.archived()), landing.files()) == (["a.ndjson", "b.ndjson"], [])
    shutil.copy(backup, tmp_path / "warehouse.duckdb")
    days_go_by(warehouse)
    assert run(warehouse, landing) == LoadResult(1, 1, 0)
    if is_archived_again:
        days_go_by(warehouse)
    assert run(warehouse, landing) == LoadResult(0, 0, 0)
    assert rows(warehouse, EVENTS) == [("m1", 1), ("m2", 1)]


@pytest.mark.parametrize("after", range(3))
@pytest.mark.parametrize("is_backup", [False, True])
def test_killed_while_it_reads_the_archive_it_goes_on_there(tmp_path, monkeypatch, after, is_backup):
    warehouse, landing = installation(tmp_path)
    landing.write("first.ndjson", [view(99)])
    run(warehouse, landing)
    days_go_by(warehouse)
    backup = shutil.copy(tmp_path / "warehouse.duckdb", tmp_path / "backup.duckdb")
    expected = rows(three_days(tmp_path)[0], EVENTS)
    (tmp_path / "warehouse.duckdb").unlink()
    if is_backup:
        shutil.copy(backup, tmp_path / "warehouse.duckdb")
    monkeypatch.setattr(loader, "BYTES_PER_TRANSACTION", 1)
    left = iter(range(after))
    load = loader._Loader.load

    def load_or_die(self, files):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return load(self, files)

    with monkeypatch.context() as patch:
        patch.setattr(loader._Loader, "load", load_or_die)
        with pytest.raises(KeyboardInterrupt):
            run(warehouse, landing)
    assert run(warehouse, landing).files == 4 - after - is_backup
    assert rows(warehouse, EVENTS) == expected


def test_killed_while_it_archives_nothing_is_lost_or_loaded_twice(tmp_path, monkeypatch):
    warehouse, landing = installation(tmp_path)
    for number in range(4):
        landing.write(f"{number}.ndjson", [view(number)])
    run(warehouse, landing)
    days_go_by(warehouse)
    archive = FolderLanding.archive

    def archive_some_and_die(self, files, day):
        archive(self, files[:2], day)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(FolderLanding, "archive", archive_some_and_die)
        with pytest.raises(KeyboardInterrupt):
            run(warehouse, landing)
    assert run(warehouse, landing) == LoadResult(0, 0, 0)
    assert names(landing.archived()) == [f"{number}.ndjson" for number in range(4)]
    assert rows(warehouse, EVENTS) == [(f"m{number}", 1) for number in range(4)]


def test_a_landing_that_cannot_be_moved_is_loaded_all_the_same_and_somebody_is_told(tmp_path, caplog):
    warehouse, landing = installation(tmp_path)
    landing.write("a.ndjson", [view(1)])
    run(warehouse, landing)
    days_go_by(warehouse)
    (tmp_path / "landing" / ".archive").write_text("in the way")
    landing.write("b.ndjson", [view(2)])
    assert run(warehouse, landing) == LoadResult(1, 1, 0)
    assert "1 files that were loaded before yesterday are in the landing" in caplog.text


def test_old_files_move_a_portion_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(loader, "ARCHIVED_AT_ONCE", 2)
    warehouse, landing = installation(tmp_path)
    for number in range(3):
        landing.write(f"{number}.ndjson", [view(number)])
    run(warehouse, landing)
    days_go_by(warehouse)
    for left in (1, 0):
        run(warehouse, landing)
        assert len(landing.files()) == left
