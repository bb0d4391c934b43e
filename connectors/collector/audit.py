"""The audit log: append-only, each entry chained to the one before by its hash.

Whoever changes, removes or inserts an entry in the middle breaks the chain from there on. The newest hash,
noted elsewhere from time to time, shows a log that was cut at its end too.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from connectors.tables import audit_log

BEGINNING = "0" * 64
"""What the first entry is chained to."""
AUDIT_LOCK = 7074656
"""PostgreSQL: one entry at a time; SQLite's transactions are one at a time anyway."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that somebody did.

    Attributes:
        entry: number, from 1, without gaps.
        at: naive UTC.
        actor: who: `key:<key_id>`, `cli:<user>`, `webhook:<provider>`, `profile:<profile_id>`.
        action: what: `key_created`, `key_revoked`, `signature_refused`, `consent_changed`.
        subject: to what or whom, by id; never an address.
        details: JSON text; no addresses, numbers or tokens.
        previous_hash: the hash of the entry before.
        hash: SHA-256 over everything above.
    """

    entry: int
    at: datetime
    actor: str
    action: str
    subject: str
    details: str
    previous_hash: str
    hash: str


def append_audit(
    connection: sa.Connection,
    at: datetime,
    actor: str,
    action: str,
    subject: str,
    details: Mapping[str, Any] | None = None,
) -> Entry:
    """Add an entry, in the same transaction as what it tells of."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text(f"select pg_advisory_xact_lock({AUDIT_LOCK})"))
    last = connection.execute(
        sa.select(audit_log.c.entry, audit_log.c.hash).order_by(audit_log.c.entry.desc()).limit(1)
    ).first()
    number, previous = (last.entry + 1, last.hash) if last else (1, BEGINNING)
    text = json.dumps(dict(details or {}), sort_keys=True, ensure_ascii=False, default=str)
    said = (number, at, actor, action, subject, text, previous)
    entry = Entry(*said, hash=_hash(*said))
    connection.execute(
        audit_log.insert(), {name: getattr(entry, name) for name in Entry.__dataclass_fields__}
    )
    return entry


def read_audit(connection: sa.Connection, limit: int | None = None) -> list[Entry]:
    """The latest entries, oldest first."""
    rows = (
        connection.execute(sa.select(audit_log).order_by(audit_log.c.entry.desc()).limit(limit))
        .mappings()
        .all()
    )
    return [Entry(**row) for row in reversed(rows)]


def first_broken(connection: sa.Connection) -> int | None:
    """The number of the first entry that does not follow from the one before; none when the chain holds."""
    expected, previous = 1, BEGINNING
    for row in connection.execute(sa.select(audit_log).order_by(audit_log.c.entry)).mappings():
        entry = Entry(**row)
        said = (entry.entry, entry.at, entry.actor, entry.action, entry.subject, entry.details, previous)
        if entry.entry != expected or entry.previous_hash != previous or entry.hash != _hash(*said):
            return expected
        expected, previous = expected + 1, entry.hash
    return None


def holds_entry(connection: sa.Connection, number: int, noted_hash: str) -> bool:
    """Whether the log still has the entry that somebody noted elsewhere.

    With an unbroken chain it means that nothing up to there was cut off or written anew, by whomever.
    """
    kept = connection.scalar(sa.select(audit_log.c.hash).where(audit_log.c.entry == number))
    return kept is not None and hmac.compare_digest(kept, noted_hash)


def _hash(*said: object) -> str:
    parts = [part.isoformat() if isinstance(part, datetime) else part for part in said]
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()
