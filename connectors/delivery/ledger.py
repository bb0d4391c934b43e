"""The ledger's state machine: the only place where the state of a message changes.

    planned ─► claimed (lease) ─► attempted ─► accepted | rejected | retry | unknown
       └─────────────┴► skipped (the last look refused)      retry ─► claimed;  unknown ─► reconciled

`attempted` is durable before the first byte leaves. A worker that dies before it leaves its messages to
others; one that dies after it leaves them `unknown`, and nobody sends them again.
"""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

import sqlalchemy as sa

from connectors.delivery.last_look import Verdict, last_look
from connectors.model import Message, Receipt
from connectors.store import Store, add_suppressions, insert, normal_address
from connectors.tables import dead_letters, messages

CLAIMABLE = ("planned", "retry")
FINAL = ("accepted", "rejected", "skipped", "unknown")
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=4)
GIVE_UP_AFTER = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a worker got: messages that are now its own, and what the last look refused or holds back."""

    mine: list[Message] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)


def new_worker() -> str:
    """A name that says where this worker runs, so that others on the host can see that it is gone."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:12]}"


def claim(store: Store, due: Sequence[Message], worker: str, now: datetime, lease_until: datetime) -> Claim:
    """Plan the messages if they are new, look a last time, and take what may go; one transaction."""
    by_id = {message.message_id: message for message in due}
    with store.transaction() as connection:
        # In one order for all workers, or two of them may wait for each other in PostgreSQL.
        planned = [_planned(by_id[message_id], now) for message_id in sorted(by_id)]
        if planned:
            connection.execute(insert(connection, messages).on_conflict_do_nothing(), planned)
        free: set[str] = set(
            connection.scalars(
                sa.select(messages.c.message_id)
                .where(messages.c.message_id.in_(by_id), messages.c.state.in_(CLAIMABLE))
                .where(sa.or_(messages.c.next_attempt_at.is_(None), messages.c.next_attempt_at <= now))
                .order_by(messages.c.message_id)
                .with_for_update(skip_locked=True)
            )
        )
        candidates = [message for message in by_id.values() if message.message_id in free]
        verdicts = last_look(connection, candidates, now)
        mine = [message for message in candidates if message.message_id not in verdicts]
        _take(connection, [message.message_id for message in mine], worker, lease_until)
        skipped = _reasons(verdicts, "skip")
        _skip(connection, skipped, now)
        return Claim(mine, skipped, _reasons(verdicts, "hold"))


def attempt(store: Store, message_ids: Collection[str], worker: str, now: datetime) -> set[str]:
    """Say, durably, that bytes are about to leave; only the ids returned are this worker's to send."""
    with store.transaction() as connection:
        return set(
            connection.scalars(
                sa.update(messages)
                .where(messages.c.message_id.in_(message_ids), _held_by(worker, "claimed"))
                .values(state="attempted", attempted_at=now, attempt_count=messages.c.attempt_count + 1)
                .returning(messages.c.message_id)
            )
        )


def settle(store: Store, receipts: Iterable[Receipt], worker: str, now: datetime) -> None:
    """Record what the vendor said; if the lease ran out meanwhile, the answer still is the answer."""
    by_id = {receipt.message_id: receipt for receipt in receipts}
    with store.transaction() as connection:
        mine = sa.and_(messages.c.message_id.in_(by_id), _held_by(worker, "claimed", "attempted", "unknown"))
        for row in _read(connection, mine):
            receipt = by_id[row["message_id"]]
            values = _outcome(row, receipt, now)
            connection.execute(
                sa.update(messages).where(messages.c.message_id == row["message_id"]).values(values)
            )
            if receipt.suppress:
                add_suppressions(connection, [_suppression(row, receipt.suppress, now)])
            if receipt.outcome == "retry" and values["state"] == "rejected":
                _bury(connection, row, receipt, now)


def release(store: Store, worker: str, now: datetime) -> None:
    """Leave: what was only claimed is free again, what was attempted without an answer is unknown."""
    with store.transaction() as connection:
        _free(connection, _held_by(worker, "claimed"))
        _doubt(connection, _held_by(worker, "attempted"), now, "no_answer")


def recover(
    store: Store, now: datetime, wall_clock: datetime, repeatable_channels: Collection[str] = ()
) -> list[str]:
    """Take over from workers that are gone: their lease ran out, or their process on this host ended.

    Returns:
        the message ids that are now unknown. Channels that may be repeated without effect are simply freed.
    """
    with store.transaction() as connection:
        workers = connection.execute(
            sa.select(messages.c.claimed_by, sa.func.max(messages.c.lease_until).label("lease_until"))
            .where(messages.c.state.in_(("claimed", "attempted")))
            .group_by(messages.c.claimed_by)
        ).all()
        gone = [row.claimed_by for row in workers if row.lease_until < wall_clock or _is_dead(row.claimed_by)]
        if not gone:
            return []
        theirs = messages.c.claimed_by.in_(gone)
        _free(connection, sa.and_(theirs, messages.c.state == "claimed"))
        attempted = sa.and_(theirs, messages.c.state == "attempted")
        _free(connection, sa.and_(attempted, messages.c.channel.in_(repeatable_channels)))
        return _doubt(connection, attempted, now, "worker_died")


def expire(store: Store, now: datetime) -> dict[str, str]:
    """Skip what waited too long for its (next) attempt and is on no outbox any more."""
    with store.transaction() as connection:
        late: Sequence[str] = connection.scalars(
            sa.select(messages.c.message_id).where(
                messages.c.state.in_(CLAIMABLE), messages.c.expires_at <= now
            )
        ).all()
        skipped = dict.fromkeys(late, "too_late")
        _skip(connection, skipped, now)
        return skipped


def reconcile(
    store: Store,
    message_id: str,
    outcome: Literal["accepted", "rejected"],
    resolved_by: Literal["read_back", "webhook", "policy"],
    now: datetime,
) -> bool:
    """Resolve an unknown outcome by what was learned later; false when it was not unknown."""
    with store.transaction() as connection:
        result = connection.execute(
            sa.update(messages)
            .where(messages.c.message_id == message_id, messages.c.state == "unknown")
            .values(state=outcome, resolved_by=resolved_by, reconciled_at=now, is_written_back=False)
        )
        return bool(result.rowcount)


def backoff(message_id: str, attempt_count: int) -> timedelta:
    """Wait before the next attempt: doubles from a minute to four hours, ± 20 % by the hash of the id."""
    share = int(hashlib.sha256(f"{message_id}:{attempt_count}".encode()).hexdigest()[:8], 16) / 2**32
    wait = min(FIRST_WAIT * float(2 ** min(attempt_count - 1, 12)), LONGEST_WAIT)
    return wait * (0.8 + 0.4 * share)


def _planned(message: Message, now: datetime) -> dict[str, Any]:
    columns = (
        "message_id",
        "kind",
        "flow",
        "step",
        "entry_id",
        "profile_id",
        "channel",
        "address",
        "template",
        "variant",
        "message_class",
        "consent_id",
        "decided_at",
        "due_at",
        "expires_at",
    )
    row = {column: getattr(message, column) for column in columns}
    return row | {"state": "planned", "attempt_count": 0, "planned_at": now, "is_written_back": False}


def _read(connection: sa.Connection, which: sa.ColumnElement[bool]) -> list[dict[str, Any]]:
    columns = ("message_id", "state", "channel", "address", "attempt_count", "planned_at")
    rows = connection.execute(sa.select(*(messages.c[column] for column in columns)).where(which))
    return [dict(row) for row in rows.mappings()]


def _suppression(row: Mapping[str, Any], reason: str, now: datetime) -> dict[str, Any]:
    address = normal_address(row["address"])
    return {"channel": row["channel"], "address": address, "reason": reason, "since": now}


def _held_by(worker: str, *states: str) -> sa.ColumnElement[bool]:
    return sa.and_(messages.c.claimed_by == worker, messages.c.state.in_(states))


def _take(connection: sa.Connection, message_ids: list[str], worker: str, lease_until: datetime) -> None:
    connection.execute(
        sa.update(messages)
        .where(messages.c.message_id.in_(message_ids))
        .values(state="claimed", claimed_by=worker, lease_until=lease_until)
    )


def _skip(connection: sa.Connection, reasons: Mapping[str, str], now: datetime) -> None:
    for reason in sorted(set(reasons.values())):
        ids = [message_id for message_id, why in reasons.items() if why == reason]
        connection.execute(
            sa.update(messages)
            .where(messages.c.message_id.in_(ids))
            .values(state="skipped", reason=reason, settled_at=now, is_written_back=False)
        )


def _free(connection: sa.Connection, which: sa.ColumnElement[bool]) -> None:
    connection.execute(
        sa.update(messages).where(which).values(state="planned", claimed_by=None, lease_until=None)
    )


def _doubt(connection: sa.Connection, which: sa.ColumnElement[bool], now: datetime, reason: str) -> list[str]:
    return list(
        connection.scalars(
            sa.update(messages)
            .where(which)
            .values(state="unknown", reason=reason, settled_at=now, is_written_back=False)
            .returning(messages.c.message_id)
        )
    )


def _outcome(row: Mapping[str, Any], receipt: Receipt, now: datetime) -> dict[str, Any]:
    """The new values of a ledger row."""
    values: dict[str, Any] = {
        "state": receipt.outcome,
        "reason": receipt.reason,
        "provider": receipt.provider,
        "provider_message_id": receipt.provider_message_id,
        "suppression": receipt.suppress,
        "settled_at": now,
        "events": [dict(event) for event in receipt.events] or None,
        "is_written_back": False,
    }
    if row["state"] == "unknown" and receipt.outcome in ("accepted", "rejected"):
        values |= {"resolved_by": "reply", "reconciled_at": now}
    if receipt.outcome != "retry":
        return values
    if now - row["planned_at"] >= GIVE_UP_AFTER:
        return values | {"state": "rejected", "reason": f"gave_up: {receipt.reason}"}
    asked = timedelta(seconds=receipt.retry_after_seconds or 0)
    wait = max(asked, backoff(row["message_id"], row["attempt_count"]))
    return values | {"next_attempt_at": now + wait, "claimed_by": None, "lease_until": None}


def _bury(connection: sa.Connection, row: Mapping[str, Any], receipt: Receipt, now: datetime) -> None:
    connection.execute(
        insert(connection, dead_letters).on_conflict_do_nothing(),
        {
            "message_id": row["message_id"],
            "channel": row["channel"],
            "reason": receipt.reason or "retries exhausted",
            "died_at": now,
        },
    )


def _reasons(verdicts: Mapping[str, Verdict], ruling: str) -> dict[str, str]:
    return {
        message_id: verdict.reason for message_id, verdict in verdicts.items() if verdict.ruling == ruling
    }


def _is_dead(worker: str) -> bool:
    """Whether the worker ran on this host and its process is gone. When in doubt, the lease decides."""
    host, process, _ = worker.rsplit(":", 2)
    if host != socket.gethostname() or int(process) == os.getpid():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
