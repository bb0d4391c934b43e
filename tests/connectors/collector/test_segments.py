"""Segments as files: what is left by the dead, what is refused on a full disk, what cannot be landed yet."""

import os
import resource
from contextlib import contextmanager
from datetime import timedelta

import pytest

from connectors.collector.journal import StorageFailed
from connectors.collector.segments import SegmentFiles


@pytest.fixture
def spool(tmp_path):
    return tmp_path / "landing" / "collector"


class Clock:
    def __init__(self, now):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def clock(now):
    return Clock(now)


@pytest.fixture
def segments(landing, spool, clock):
    return lambda **options: SegmentFiles(options.pop("landing", landing), spool, clock, **options)


@contextmanager
def files_limited_to(size):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_segment_lands_when_it_is_old_enough_and_not_before(segments, clock, landing, landed):
    files = segments(max_seconds=5)
    files.write(b'{"n":1}\n')
    files.tend()
    assert landing.files() == []
    clock.now += timedelta(seconds=5)
    files.tend()
    files.close()
    assert landed() == [{"n": 1}]


def test_a_segment_with_something_urgent_lands_sooner(segments, clock, landing, landed):
    files = segments(max_seconds=5, urgent_seconds=0.5)
    files.write(b'{"n":1}\n')
    files.hurry()
    files.tend()
    assert landing.files() == []
    clock.now += timedelta(seconds=0.5)
    files.tend()
    files.write(b'{"n":2}\n')
    files.tend()
    files.close()
    assert landed() == [{"n": 1}, {"n": 2}]
    assert len(landing.files()) == 2


def test_a_segment_lands_when_it_is_large_enough(segments, landed):
    files = segments(max_bytes=8)
    files.write(b'{"n":1}\n')
    files.write(b'{"n":2}\n')
    files.close()
    assert sorted(record["n"] for record in landed()) == [1, 2]


def test_what_a_dead_process_left_lands_without_its_torn_last_line(segments, spool, landed):
    spool.mkdir(parents=True)
    (spool / ".2026-03-02T095900-aaaa.ndjson.open").write_bytes(b'{"n":1}\n{"n":2}\n{"n":')
    (spool / ".2026-03-02T095901-bbbb.ndjson.open").write_bytes(b'{"n":')
    files = segments()
    files.tend()
    files.close()
    assert landed() == [{"n": 1}, {"n": 2}]
    assert [path.name for path in spool.iterdir() if path.is_file()] == []


def test_the_segment_of_a_living_process_is_left_alone(segments, landing, landed):
    living, other = segments(), segments()
    living.write(b'{"n":1}\n')
    other.tend()
    other.close()
    assert landing.files() == []
    living.write(b'{"n":2}\n')
    living.close()
    assert landed() == [{"n": 1}, {"n": 2}]


def test_a_full_disk_refuses_whole_groups_and_keeps_what_was_acknowledged(segments, landed):
    files, line = segments(), b'{"n":"' + b"x" * 990 + b'"}\n'
    with files_limited_to(2_500):
        files.write(line)
        files.write(line)
        with pytest.raises(StorageFailed, match="EFBIG"):
            files.write(line + line)
    files.write(b'{"n":"there is room again"}\n')
    files.close()
    assert sorted(len(record["n"]) for record in landed()) == [19, 990, 990]


def test_a_failed_write_is_not_built_upon(segments, landed, monkeypatch):
    files = segments()
    files.write(b'{"n":1}\n')
    with monkeypatch.context() as broken:
        broken.setattr(os, "write", lambda *_: (_ for _ in ()).throw(OSError(5, "I/O error")))
        with pytest.raises(StorageFailed, match="EIO"):
            files.write(b'{"n":2}\n')
    files.write(b'{"n":3}\n')
    files.close()
    assert sorted(record["n"] for record in landed()) == [1, 3]


class Unreachable:
    """A bucket that cannot be reached, until it can."""

    def __init__(self, landing):
        self.landing = landing
        self.is_reachable = False

    def adopt(self, path, name):
        if not self.is_reachable:
            raise ConnectionError
        self.landing.adopt(path, name)


def test_what_cannot_be_landed_waits_up_to_a_bound_and_lands_later(segments, landing, landed, clock):
    remote = Unreachable(landing)
    files = segments(landing=remote, max_bytes=1, max_unlanded_bytes=8)
    files.write(b'{"n":1}\n')
    files.write(b'{"n":2}\n')
    files.tend()
    with pytest.raises(StorageFailed, match="cannot be reached"):
        files.write(b'{"n":3}\n')
    remote.is_reachable = True
    files.close()
    assert sorted(record["n"] for record in landed()) == [1, 2]


def test_after_a_stop_without_the_bucket_the_next_process_lands_what_waits(segments, landing, landed):
    remote = Unreachable(landing)
    files = segments(landing=remote)
    files.write(b'{"n":1}\n')
    files.close()
    remote.is_reachable = True
    successor = segments(landing=remote)
    successor.tend()
    successor.close()
    assert landed() == [{"n": 1}]
