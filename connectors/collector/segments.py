"""Segments: files that grow line by line while they are open, and land as a whole when they are complete.

An open segment bears a name that no reader of the landing looks at, and its process holds a lock on it. The
lock dies with the process, however it dies: whoever next gets the lock completes what was left. A torn last
line is dropped, because only whole lines were ever acknowledged.
"""

from __future__ import annotations

import errno
import fcntl
import os
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Protocol

from connectors.collector.journal import StorageFailed

OPEN = ".open"
TAIL_BYTES = 1 << 16
RECOVER_SECONDS = 10.0
MAX_UNLANDED_BYTES = 1 << 30


class Landing(Protocol):
    """Where a complete segment goes."""

    def adopt(self, path: Path, name: str) -> None:
        """Move a complete, durable file into the landing as `name`; afterwards it is gone from `path`."""
        ...


class SegmentFiles:
    """The segments of one process; all calls come from one thread, the journal's.

    Args:
        landing: takes complete segments; a failed take is tried again.
        spool: folder of open segments, on the same disk as a folder landing.
        clock: the time as naive UTC; names and ages follow it.
        max_seconds: a segment older than this is completed.
        urgent_seconds: one with urgent lines as soon as it is older than this.
        max_bytes: as is one that is larger.
        max_unlanded_bytes: what may wait for a landing that cannot be reached; beyond it writes fail.
    """

    def __init__(
        self,
        landing: Landing,
        spool: Path,
        clock: Callable[[], datetime],
        *,
        max_seconds: float = 5.0,
        urgent_seconds: float = 0.5,
        max_bytes: int = 64 << 20,
        max_unlanded_bytes: int = MAX_UNLANDED_BYTES,
    ) -> None:
        self._landing = landing
        self._spool = spool
        self._clock = clock
        self._max_seconds = max_seconds
        self._urgent_seconds = urgent_seconds
        self._max_bytes = max_bytes
        self._max_unlanded_bytes = max_unlanded_bytes
        self._open: _Segment | None = None
        self._complete: list[_Segment] = []
        self._landed: Future[None] | None = None
        self._thread = ThreadPoolExecutor(1, "landing")
        self._recovered_at: datetime | None = None

    def write(self, lines: bytes) -> None:
        """Make whole lines durable.

        Raises:
            StorageFailed: the disk is full or broken, or too much waits for the landing; none of the lines
                is kept.
        """
        if sum(segment.bytes for segment in self._complete) > self._max_unlanded_bytes:
            raise StorageFailed("the landing cannot be reached")
        try:
            if self._open is None:
                self._open = _Segment.create(self._spool, self._clock())
            self._open.append(lines)
        except OSError as error:
            self._complete_open()  # What a failed write leaves in the page cache is not to be built upon.
            raise StorageFailed(errno.errorcode.get(error.errno or 0, "OSError")) from error
        if self._open.bytes >= self._max_bytes:
            self._complete_open()

    def hurry(self) -> None:
        """The open segment has urgent lines."""
        if self._open:
            self._open.is_urgent = True

    def tend(self) -> None:
        """Complete an old segment, land what is complete, take over what dead processes left."""
        now = self._clock()
        if self._open:
            longest = self._urgent_seconds if self._open.is_urgent else self._max_seconds
            if (now - self._open.opened_at).total_seconds() >= min(longest, self._max_seconds):
                self._complete_open()
        if self._recovered_at is None or (now - self._recovered_at).total_seconds() >= RECOVER_SECONDS:
            self._recovered_at = now
            self._complete.extend(_left_over(self._spool))
        self._land()

    def close(self) -> None:
        """Complete and land everything; what cannot be landed is left for the next process."""
        self._complete_open()
        self._thread.shutdown()  # Waits for a landing under way.
        self._land_each(list(self._complete))
        for segment in self._complete:
            segment.let_go()

    def _complete_open(self) -> None:
        if self._open:
            self._complete.append(self._open)
            self._open = None

    def _land(self) -> None:
        """Beside the writing: an upload may take seconds."""
        self._complete = [segment for segment in self._complete if not segment.is_landed]
        if self._complete and (self._landed is None or self._landed.done()):
            self._landed = self._thread.submit(self._land_each, list(self._complete))

    def _land_each(self, segments: list[_Segment]) -> None:
        for segment in segments:
            # Whatever the landing's trouble is, the file stays and the next round tries again.
            with suppress(Exception):
                segment.land(self._landing)


class _Segment:
    """One file with its lock; `bytes` of it are durable."""

    def __init__(self, path: Path, descriptor: int, durable_bytes: int, opened_at: datetime) -> None:
        self.path = path
        self.bytes = durable_bytes
        self.opened_at = opened_at
        self.is_urgent = False
        self.is_landed = False
        self._descriptor = descriptor

    @classmethod
    def create(cls, spool: Path, now: datetime) -> _Segment:
        """A new file that is there after a power cut too."""
        spool.mkdir(parents=True, exist_ok=True)
        path = spool / f".{now:%Y-%m-%dT%H%M%S.%f}-{uuid.uuid4().hex[:8]}.ndjson{OPEN}"
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_APPEND | os.O_DSYNC, 0o640)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        folder = os.open(spool, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return cls(path, descriptor, 0, now)

    def append(self, lines: bytes) -> None:
        """All of the lines, durable; or, with an `OSError`, the file as it was.

        The file is open with `O_DSYNC`: a write that returns is on the disk. A call of its own for that would
        wait once more for the interpreter's lock, which a busy event loop holds.
        """
        remaining = memoryview(lines)
        try:
            while remaining:
                remaining = remaining[os.write(self._descriptor, remaining) :]
        except OSError:
            os.ftruncate(self._descriptor, self.bytes)
            raise
        self.bytes += len(lines)

    def land(self, landing: Landing) -> None:
        """Hand the file over and let go of it; an empty one is removed."""
        if self.is_landed:
            return
        if self.bytes:
            os.fsync(self._descriptor)
            name = self.path.name.removeprefix(".").removesuffix(OPEN)
            day, _, rest = name.partition("T")
            landing.adopt(self.path, f"collector/{day}/{rest}")
        else:
            self.path.unlink(missing_ok=True)
        self.is_landed = True
        os.close(self._descriptor)

    def let_go(self) -> None:
        """Leave a file that could not be landed to whoever comes next."""
        if not self.is_landed:
            os.close(self._descriptor)


def _left_over(spool: Path) -> Iterator[_Segment]:
    """Segments that nobody holds any more, cut after their last whole line."""
    for path in sorted(spool.glob(f".*{OPEN}")):
        try:
            descriptor = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_there = path.exists() and path.stat().st_ino == os.fstat(descriptor).st_ino
        except BlockingIOError:
            is_there = False
        if not is_there:  # held by the living, or landed by another while we looked
            os.close(descriptor)
            continue
        whole = _end_of_last_line(descriptor)
        os.ftruncate(descriptor, whole)
        yield _Segment(path, descriptor, whole, datetime.min)  # noqa: DTZ901  (naive UTC; older than any)


def _end_of_last_line(descriptor: int) -> int:
    end = os.fstat(descriptor).st_size
    while end:
        start = max(0, end - TAIL_BYTES)
        found = os.pread(descriptor, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
