"""Who may send, and since when not: in every process, within a second; what was used; what follows a key."""

import asyncio
import json
import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from connectors.collector import keys as keys_module
from connectors.collector.audit import append_audit, first_broken, holds_entry, read_audit
from connectors.collector.journal import StorageFailed
from connectors.collector.keys import KeyRing, create_key, list_keys, revoke_key, rotate_key
from connectors.tables import audit_log

EVENT = {"event": "Tick", "userId": "ann"}
BOTH = pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)


class Seconds:
    """A clock that goes on when it is told to."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now


@pytest.fixture
def seconds(monkeypatch):
    clock = Seconds()
    monkeypatch.setattr(keys_module, "time", clock)
    return clock


@pytest.fixture
def rings(store, now):
    """Two processes' worth of keys."""
    return [KeyRing(store, lambda: now) for _ in range(2)]


@BOTH
def test_a_revoked_key_ends_in_every_process_within_a_second_even_after_a_long_silence(
    store, now, seconds, rings
):
    secret, key = create_key(store, "shop", now, "cli:ann")

    async def talk():
        before = [await ring.find(secret) for ring in rings]
        revoke_key(store, key.key_id, now, "cli:ann")
        seconds.now += 1.1
        first = await rings[0].find(secret)
        seconds.now += 3600  # nothing was asked of the second one in the meantime
        return before, first, await rings[1].find(secret)

    before, first, second = asyncio.run(talk())
    assert [found.key_id for found in before] == [key.key_id] * 2
    assert (first, second) == (None, None)


def test_guessing_costs_one_look_a_second(store, now, seconds, rings, monkeypatch):
    looks = []
    read = KeyRing._read_store
    monkeypatch.setattr(KeyRing, "_read_store", lambda ring, used: looks.append(1) or read(ring, used))

    async def guess():
        return [await rings[0].find(f"mr_{number}") for number in range(50)]

    assert asyncio.run(guess()) == [None] * 50
    assert len(looks) == 1


@BOTH
def test_a_use_is_noted_to_the_minute(store, now, seconds):
    moment = [now]
    ring = KeyRing(store, lambda: moment[0])
    secret, _ = create_key(store, "shop", now, "cli:ann")
    create_key(store, "unused", now, "cli:ann")

    async def use(after):
        seconds.now += after.total_seconds()
        moment[0] += after
        await ring.find(secret)

    async def talk():
        await use(timedelta(0))
        for _ in range(5):
            await use(timedelta(seconds=2))

    asyncio.run(talk())
    noted = {key.source: key.last_used_at for key in list_keys(store)}
    assert noted == {"shop": now + timedelta(seconds=2), "unused": None}


def test_while_the_store_is_away_known_keys_go_on_for_minutes_and_unknown_ones_come_back_later(
    store, now, seconds, rings, monkeypatch
):
    secret, key = create_key(store, "shop", now, "cli:ann")

    def away(_ring, _used):
        raise sa.exc.OperationalError("select", {}, Exception("gone"))

    async def talk():
        await rings[0].find(secret)
        monkeypatch.setattr(KeyRing, "_read_store", away)
        seconds.now += 60
        assert (await rings[0].find(secret)).key_id == key.key_id
        with pytest.raises(StorageFailed):
            await rings[0].find("mr_new")
        seconds.now += 300
        with pytest.raises(StorageFailed):
            await rings[0].find(secret)

    asyncio.run(talk())


@BOTH
def test_a_rotated_key_goes_on_for_the_overlap_with_the_rights_of_the_old_one(store, now, seconds):
    moment = [now]
    ring = KeyRing(store, lambda: moment[0])
    secret, old = create_key(store, "web", now, "cli:ann", is_public=True)
    successor, new = rotate_key(store, old.key_id, now, "cli:ann", timedelta(hours=24))

    async def both(after):
        moment[0] = now + after
        seconds.now += 60
        return [found and found.key_id for found in (await ring.find(secret), await ring.find(successor))]

    assert asyncio.run(both(timedelta(hours=23))) == [old.key_id, new.key_id]
    assert asyncio.run(both(timedelta(hours=25))) == [None, new.key_id]
    assert (new.source, new.is_public) == ("web", True)
    assert rotate_key(store, old.key_id, now + timedelta(hours=25), "cli:ann", timedelta()) is None
    with store.transaction() as connection:
        entries = read_audit(connection)
    assert [(entry.action, entry.subject) for entry in entries] == [
        ("key_created", old.key_id),
        ("key_rotated", old.key_id),
    ]
    assert json.loads(entries[-1].details)["new_key"] == new.key_id
    assert re.search("mr_", str(entries)) is None


def test_a_second_rotation_does_not_let_the_old_key_live_longer(store, now):
    _, old = create_key(store, "web", now, "cli:ann")
    rotate_key(store, old.key_id, now, "cli:ann", timedelta(hours=1))
    rotate_key(store, old.key_id, now, "cli:ann", timedelta(hours=24))
    assert list_keys(store)[0].revoked_at == now + timedelta(hours=1)


def test_what_a_public_key_may_not_say_is_refused_and_a_revoked_one_says_nothing(send, store, now, landed):
    public, key = create_key(store, "web", now, "cli:ann", is_public=True)
    consent = EVENT | {"event": "Subscribed", "properties": {"channel": "email"}}
    assert [status for status, _ in send(public, ("/v1/track", EVENT), ("/v1/track", consent))] == [200, 400]
    revoke_key(store, key.key_id, now, "cli:ann")
    assert send(public, ("/v1/track", EVENT))[0][0] == 401
    assert len(landed()) == 2


def test_a_log_that_was_written_anew_is_unbroken_but_not_the_one_that_was_noted(store, now):
    with store.transaction() as connection:
        noted = [append_audit(connection, now, "cli:ann", "key_created", str(each)) for each in range(3)][-1]
        assert holds_entry(connection, noted.entry, noted.hash)
        connection.execute(sa.text("drop trigger audit_log_refuses_delete"))
        connection.execute(sa.delete(audit_log))
        for each in (0, 1, 3):
            append_audit(connection, now, "cli:ann", "key_created", str(each))
        assert first_broken(connection) is None
        assert not holds_entry(connection, noted.entry, noted.hash)
        assert not holds_entry(connection, 4, noted.hash)
