"""Group commit: who waits together becomes durable together, and nobody waits in memory without a bound."""

import asyncio
import threading

import pytest

from connectors.collector.journal import Busy, Journal, StorageFailed


class Disk:
    """Segments whose first write lasts until it is let go."""

    def __init__(self, failure=None):
        self.groups = []
        self.failure = failure
        self.may_write = threading.Event()

    def write(self, lines):
        self.may_write.wait(10)
        if self.failure:
            raise self.failure
        self.groups.append(lines)

    def tend(self):
        pass

    def close(self):
        pass


def run(disk, talk, **options):
    async def main():
        journal = Journal(disk, **options)
        await journal.start()
        try:
            return await talk(journal)
        finally:
            disk.may_write.set()
            await journal.close()

    return asyncio.run(main())


async def waiting(journal, count):
    """As many callers as asked for, all of which have had their turn."""
    tasks = [asyncio.create_task(journal.append([{"n": number}])) for number in range(count)]
    await asyncio.sleep(0.05)
    return tasks


def test_callers_that_wait_for_a_write_share_the_next_one():
    disk = Disk()

    async def talk(journal):
        first = await waiting(journal, 1)
        others = await waiting(journal, 50)
        assert not any(task.done() for task in first + others)
        disk.may_write.set()
        await asyncio.gather(*first, *others)

    run(disk, talk)
    assert [group.count(b"\n") for group in disk.groups] == [1, 50]


def test_nobody_is_acknowledged_when_the_write_failed():
    disk = Disk(StorageFailed("ENOSPC"))
    disk.may_write.set()

    async def talk(journal):
        return await asyncio.gather(*await waiting(journal, 3), return_exceptions=True)

    assert [type(each) for each in run(disk, talk)] == [StorageFailed] * 3


def test_beyond_the_bound_a_caller_is_told_to_come_back_and_nothing_of_its_is_kept():
    disk = Disk()

    async def talk(journal):
        await waiting(journal, 2)
        with pytest.raises(Busy):
            await journal.append([{"n": 3}])

    run(disk, talk, max_waiting_bytes=16)
    assert b"".join(disk.groups) == b'{"n":0}\n{"n":1}\n'


def test_a_caller_that_gives_up_takes_nobody_with_it():
    disk = Disk()

    async def talk(journal):
        first, second = await waiting(journal, 2)
        first.cancel()
        disk.may_write.set()
        await second

    run(disk, talk)
    assert b"".join(disk.groups) == b'{"n":0}\n{"n":1}\n'
