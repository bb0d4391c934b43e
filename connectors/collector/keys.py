"""Write keys: who may send events. A key is shown once, when it is made; the store has its hash.

A key is 32 random bytes, so a plain SHA-256 is as hard to turn back as a slow hash would be.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool

from connectors.collector.audit import append_audit
from connectors.collector.journal import StorageFailed
from connectors.store import Store
from connectors.tables import write_keys

log = logging.getLogger(__name__)

PREFIX = "mr_"
FRESH_SECONDS = 1.0
"""How long a revoked key may go on, in every process."""
LOOKUP_SECONDS = 5.0
"""How long a request waits for that; a key that was known goes on meanwhile."""
TRUSTED_SECONDS = 300.0
"""How long keys hold that cannot be looked up because the store cannot be reached."""
NOTED_EVERY = timedelta(minutes=1)
"""How exact `last_used_at` is."""


@dataclass(frozen=True, slots=True)
class WriteKey:
    """A key without its secret; `source` becomes the source of its events.

    A public key sits in a page or an app: it may not say what only a server, a provider or the person
    herself can know (consents, deliveries, suppressions).

    Attributes:
        revoked_at: when it ends or has ended; after a rotation that may be some hours ahead.
        last_used_at: to the minute, over all processes; none when it never was.
    """

    key_id: str
    source: str
    is_public: bool
    created_at: datetime
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


FIELDS = tuple(WriteKey.__dataclass_fields__)
SHOWN = tuple(write_keys.c[name] for name in FIELDS)


def create_key(
    store: Store, source: str, now: datetime, actor: str, *, is_public: bool = False
) -> tuple[str, WriteKey]:
    """Make a key: the secret, which nobody can show again, and what is known of it."""
    with store.transaction() as connection:
        secret, key = _insert(connection, source, now, is_public=is_public)
        append_audit(connection, now, actor, "key_created", key.key_id, {"source": source})
    return secret, key


def rotate_key(
    store: Store, key_id: str, now: datetime, actor: str, overlap: timedelta
) -> tuple[str, WriteKey] | None:
    """Make a key in place of another, which goes on for `overlap`; none when no such key holds."""
    with store.transaction() as connection:
        old = (
            connection.execute(sa.select(*SHOWN).where(write_keys.c.key_id == key_id, _holds(now)))
            .mappings()
            .first()
        )
        if old is None:
            return None
        secret, key = _insert(connection, old["source"], now, is_public=old["is_public"])
        ends_at = min(now + overlap, old["revoked_at"] or now + overlap)
        connection.execute(
            sa.update(write_keys).where(write_keys.c.key_id == key_id).values(revoked_at=ends_at)
        )
        append_audit(
            connection, now, actor, "key_rotated", key_id, {"new_key": key.key_id, "ends_at": ends_at}
        )
    return secret, key


def revoke_key(store: Store, key_id: str, now: datetime, actor: str) -> bool:
    """End a key; false when there is none of this id that still holds."""
    with store.transaction() as connection:
        ended = connection.execute(
            sa.update(write_keys).where(write_keys.c.key_id == key_id, _holds(now)).values(revoked_at=now)
        ).rowcount
        if ended:
            append_audit(connection, now, actor, "key_revoked", key_id)
    return bool(ended)


def list_keys(store: Store) -> list[WriteKey]:
    """All keys, oldest first."""
    with store.transaction() as connection:
        rows = connection.execute(sa.select(*SHOWN).order_by(write_keys.c.created_at)).mappings().all()
    return [WriteKey(**row) for row in rows]


class KeyRing:
    """The keys that hold, kept in memory: most requests cost no query.

    They are read again before the first request of each `fresh_seconds`, so a revoked key ends within that in
    every process; whoever guesses keys costs the store no more than that. While the store cannot be reached,
    what was known goes on for a while: an event is worth more than a second look at its key.

    Args:
        store: where the keys are.
        clock: naive UTC.
        fresh_seconds: how old the knowledge may be.
    """

    def __init__(
        self, store: Store, clock: Callable[[], datetime], fresh_seconds: float = FRESH_SECONDS
    ) -> None:
        self._store = store
        self._clock = clock
        self._fresh_seconds = fresh_seconds
        self._read_at = self._tried_at = float("-inf")
        self._keys: dict[str, WriteKey] = {}
        self._used: set[str] = set()
        self._reading: asyncio.Task[None] | None = None

    async def find(self, secret: str) -> WriteKey | None:
        """The key behind a secret, unless it is unknown or revoked.

        Raises:
            StorageFailed: the store does not say.
        """
        if time.monotonic() - self._tried_at > self._fresh_seconds:
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self._read())
            await asyncio.wait({self._reading}, timeout=LOOKUP_SECONDS)
        key = self._keys.get(_hash(secret))
        age = time.monotonic() - self._read_at
        if age > (TRUSTED_SECONDS if key else self._fresh_seconds + LOOKUP_SECONDS):
            raise StorageFailed("the write keys cannot be looked up")
        if key:
            self._used.add(key.key_id)
        return key

    async def _read(self) -> None:
        used, self._used = self._used, set()
        try:
            self._keys = await run_in_threadpool(self._read_store, used)
            self._read_at = time.monotonic()
        except sa.exc.SQLAlchemyError as error:
            self._used |= used
            log.warning("the write keys are not read again: %s", type(error).__name__)
        self._tried_at = time.monotonic()

    def _read_store(self, used: set[str]) -> dict[str, WriteKey]:
        now = self._clock()
        with self._store.reading() as connection:
            rows = connection.execute(sa.select(write_keys.c.key_hash, *SHOWN).where(_holds(now))).mappings()
            found = {row["key_hash"]: WriteKey(**{name: row[name] for name in FIELDS}) for row in rows}
        self._note_use(found.values(), used, now)
        return found

    def _note_use(self, keys: Iterable[WriteKey], used: set[str], now: datetime) -> None:
        """Only now and then, so that sending does not mean writing to the store."""
        noted = [
            key.key_id
            for key in keys
            if key.key_id in used and (key.last_used_at is None or now - key.last_used_at >= NOTED_EVERY)
        ]
        if noted:
            with self._store.transaction() as connection:
                connection.execute(
                    sa.update(write_keys).where(write_keys.c.key_id.in_(noted)).values(last_used_at=now)
                )


def _insert(
    connection: sa.Connection, source: str, now: datetime, *, is_public: bool
) -> tuple[str, WriteKey]:
    secret = PREFIX + secrets.token_urlsafe(32)
    key = WriteKey(secrets.token_hex(4), source, is_public, now)
    kept = {"key_id": key.key_id, "source": source, "is_public": is_public, "created_at": now}
    connection.execute(write_keys.insert(), kept | {"key_hash": _hash(secret)})
    return secret, key


def _holds(now: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(write_keys.c.revoked_at.is_(None), write_keys.c.revoked_at > now)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
