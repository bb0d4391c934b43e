"""Write keys: who may send events. A key is shown once, when it is made; the store has its hash.

A key is 32 random bytes, so a plain SHA-256 is as hard to turn back as a slow hash would be.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool

from connectors.collector.audit import append_audit
from connectors.store import Store
from connectors.tables import write_keys

PREFIX = "mr_"
FRESH_SECONDS = 5.0
"""How long a revoked key may go on."""
SECONDS_BETWEEN_GUESSES = 1.0


@dataclass(frozen=True, slots=True)
class WriteKey:
    """A key without its secret; `source` becomes the source of its events.

    A public key sits in a page or an app: it may not say what only a server, a provider or the person
    herself can know (consents, deliveries, suppressions).
    """

    key_id: str
    source: str
    is_public: bool
    created_at: datetime
    revoked_at: datetime | None = None


FIELDS = tuple(WriteKey.__dataclass_fields__)
SHOWN = tuple(write_keys.c[name] for name in FIELDS)


def create_key(
    store: Store, source: str, now: datetime, actor: str, *, is_public: bool = False
) -> tuple[str, WriteKey]:
    """Make a key: the secret, which nobody can show again, and what is known of it."""
    secret = PREFIX + secrets.token_urlsafe(32)
    key = WriteKey(secrets.token_hex(4), source, is_public, now)
    with store.transaction() as connection:
        connection.execute(
            write_keys.insert(),
            {
                "key_id": key.key_id,
                "key_hash": _hash(secret),
                "source": source,
                "is_public": is_public,
                "created_at": now,
            },
        )
        append_audit(connection, now, actor, "key_created", key.key_id, {"source": source})
    return secret, key


def revoke_key(store: Store, key_id: str, now: datetime, actor: str) -> bool:
    """End a key; false when there is none of this id that still holds."""
    with store.transaction() as connection:
        ended = connection.execute(
            sa.update(write_keys)
            .where(write_keys.c.key_id == key_id, write_keys.c.revoked_at.is_(None))
            .values(revoked_at=now)
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
    """The keys that hold, kept in memory: a request costs no query.

    They are read again in the background every `fresh_seconds`, and at once for a key that is not known, but
    no more than once per second: somebody who guesses keys costs the store nothing.
    """

    def __init__(self, store: Store, fresh_seconds: float = FRESH_SECONDS) -> None:
        self._store = store
        self._fresh_seconds = fresh_seconds
        self._read_at = float("-inf")
        self._keys: dict[str, WriteKey] = {}
        self._reading: asyncio.Task[None] | None = None

    async def find(self, secret: str) -> WriteKey | None:
        """The key behind a secret, unless it is unknown or revoked."""
        key_hash, age = _hash(secret), time.monotonic() - self._read_at
        if age > self._fresh_seconds or (age > SECONDS_BETWEEN_GUESSES and key_hash not in self._keys):
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self._read())
            if key_hash not in self._keys:
                await asyncio.shield(self._reading)
        return self._keys.get(key_hash)

    async def _read(self) -> None:
        self._keys = await run_in_threadpool(self._read_store)
        self._read_at = time.monotonic()

    def _read_store(self) -> dict[str, WriteKey]:
        with self._store.transaction() as connection:
            rows = connection.execute(
                sa.select(write_keys.c.key_hash, *SHOWN).where(write_keys.c.revoked_at.is_(None))
            ).mappings()
            return {row["key_hash"]: WriteKey(**{name: row[name] for name in FIELDS}) for row in rows}


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
