"""The ledger's state machine: the states of a message and who may change them.

    planned ─► claimed (lease) ─► attempted ─┬─► accepted
       │ ▲           │                │      ├─► rejected ─► dead letter, unless its address is at fault
       │ └───────────┴── not taken ───┘      ├─► retry ─► claimed …, for a day; then dead letter
       │    (released, failed over, held)    └─► unknown ─┬─► accepted | rejected   read-back, webhook, reply
       ▼                                                  ├─► planned    known not sent, or the policy says so
    skipped (the last look refused; too late)             └─► unknown    for good: the policy says so
    dead letter ─► planned (a person replays it)

`attempted` is durable before the first byte leaves. A worker that dies before it leaves its messages to
others; one that dies after it leaves them `unknown`, and nobody sends them blindly again. Here are the steps
of a worker; what follows a doubt is in `doubts.py`, what follows a rejection in `dead_letters.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from connectors.delivery.doubts import reconcile
from connectors.delivery.kept import keep
from connectors.delivery.last_look import NOTHING_DECLARED, Verdict, last_look
from connectors.delivery.policies import Late, WarmUp, left_today, take_places
from connectors.delivery.settling import GIVE_UP_AFTER, NEW_DOUBT, backoff, settle
from connectors.delivery.states import CLAIMABLE, FINAL
from connectors.delivery.workers import is_dead, new_worker
from connectors.many import Many
from connectors.model import Message
from connectors.store import Store, insert
from connectors.tables import messages

__all__ = [
    "CLAIMABLE",
    "FINAL",
    "GIVE_UP_AFTER",
    "Attempt",
    "Claim",
    "attempt",
    "backoff",
    "claim",
    "expire",
    "free",
    "new_worker",
    "reconcile",
    "recover",
    "release",
    "renew",
    "settle",
]

PLANNED_COLUMNS = (
    *("message_id", "kind", "flow", "step", "entry_id", "profile_id", "channel", "address", "template"),
    *("variant", "message_class", "consent_id", "decided_at", "due_at", "expires_at"),
)

_INSERT = Many(
    lambda connection: insert(connection, messages).on_conflict_do_nothing(),
    [*PLANNED_COLUMNS, "state", "attempt_count", "planned_at", "is_written_back"],
)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a worker got: messages that are now its own, and what the last look refused or holds back."""

    mine: list[Message] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attempt:
    """Ids that are this worker's to send now, and ids that the warm-up plan keeps for another day."""

    mine: frozenset[str]
    over_plan: frozenset[str] = frozenset()


def claim(
    store: Store,
    due: Sequence[Message],
    worker: str,
    now: datetime,
    lease_until: datetime,
    *,
    late: Mapping[str, Late] = NOTHING_DECLARED,
    warm_up: Sequence[WarmUp] = (),
) -> Claim:
    """Plan the messages if they are new, look a last time, and take what may go; one transaction.

    Args:
        store: the ledger.
        due: most important first.
        worker: who takes them.
        now: naive UTC, the moment of the decision.
        lease_until: wall clock, naive UTC, until when the worker answers for them.
        late: what is declared of late messages, by message class.
        warm_up: plans of the provider that will send them; what is over them is held, the least important
            first.
    """
    by_id = {message.message_id: message for message in due}
    with store.transaction() as connection:
        _plan(connection, by_id, now)
        known = _lock(connection, by_id)
        # A doubt leaves the outbox for good: this is the last time that its content passes by.
        keep(connection, [by_id[row.message_id] for row in known if row.state == "unknown"], now)
        free = {row.message_id: row.released_by for row in known if _is_free(row, now)}
        candidates = [message for message in by_id.values() if message.message_id in free]
        released = {message_id for message_id, by in free.items() if by}
        verdicts = last_look(connection, candidates, now, late, released)
        going = [message for message in candidates if message.message_id not in verdicts]
        places = left_today(connection, warm_up, now)
        mine = going if places is None else going[:places]
        held = _reasons(verdicts, "hold") | {over.message_id: "warm_up" for over in going[len(mine) :]}
        skipped = _reasons(verdicts, "skip")
        _take(connection, [message.message_id for message in mine], worker, lease_until)
        _skip(connection, skipped, now)
        _hold(connection, held)
        return Claim(mine, skipped, held)


def attempt(
    store: Store,
    message_ids: Sequence[str],
    worker: str,
    now: datetime,
    provider: str | None = None,
    warm_up: Sequence[WarmUp] = (),
    wall_clock: datetime | None = None,
) -> Attempt:
    """Say, durably, that bytes are about to leave by the wall clock; only the ids returned are to be sent."""
    with store.transaction() as connection:
        places = take_places(connection, warm_up, len(message_ids), now) if warm_up else len(message_ids)
        first, over = message_ids[:places], message_ids[places:]
        mine: Sequence[str] = connection.scalars(
            sa.update(messages)
            .where(messages.c.message_id.in_(first), _held_by(worker, "claimed"))
            .values(
                state="attempted",
                attempted_at=wall_clock or now,
                attempt_count=messages.c.attempt_count + 1,
                provider=provider,
                provider_message_id=None,
            )
            .returning(messages.c.message_id)
        ).all()
        if over:
            _free(connection, sa.and_(messages.c.message_id.in_(over), _held_by(worker, "claimed")))
            _hold(connection, dict.fromkeys(over, "warm_up"))
        return Attempt(frozenset(mine), frozenset(over))


def free(store: Store, message_ids: Collection[str], worker: str, state: str) -> None:
    """Give messages back of which it is known that they did not leave; another provider may have them.

    What is not in the state in which this call of the worker has left it is in the hands of another call.
    """
    with store.transaction() as connection:
        _free(connection, sa.and_(messages.c.message_id.in_(message_ids), _held_by(worker, state)))


def renew(store: Store, worker: str, lease_until: datetime) -> None:
    """The worker lives: nobody takes its messages over."""
    with store.transaction() as connection:
        connection.execute(
            sa.update(messages)
            .where(_held_by(worker, "claimed", "attempted"))
            .values(lease_until=lease_until)
        )


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
        gone = [row.claimed_by for row in workers if row.lease_until < wall_clock or is_dead(row.claimed_by)]
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
        is_late = sa.and_(messages.c.state.in_(CLAIMABLE), messages.c.expires_at <= now)
        untouched = sa.select(messages.c.message_id).where(is_late).with_for_update(skip_locked=True)
        late: Sequence[str] = connection.scalars(untouched).all()
        skipped = dict.fromkeys(late, "too_late")
        _skip(connection, skipped, now)
        return skipped


def _plan(connection: sa.Connection, by_id: Mapping[str, Message], now: datetime) -> None:
    """Insert what is new; in one order for all workers, or two may wait for each other in PostgreSQL."""
    new = {"state": "planned", "attempt_count": 0, "planned_at": now, "is_written_back": False}
    rows = [
        {column: getattr(by_id[message_id], column) for column in PLANNED_COLUMNS} | new
        for message_id in sorted(by_id)
    ]
    _INSERT.execute(connection, rows)


def _lock(connection: sa.Connection, message_ids: Collection[str]) -> Sequence[sa.Row[Any]]:
    """What may be claimed, and what is in doubt, of these; rows that another worker is at are left out."""
    ledger = messages.c
    return connection.execute(
        sa.select(ledger.message_id, ledger.state, ledger.next_attempt_at, ledger.released_by)
        .where(ledger.message_id.in_(message_ids), ledger.state.in_((*CLAIMABLE, "unknown")))
        .order_by(ledger.message_id)
        .with_for_update(skip_locked=True)
    ).all()


def _is_free(row: sa.Row[Any], now: datetime) -> bool:
    return row.state in CLAIMABLE and (row.next_attempt_at is None or row.next_attempt_at <= now)


def _held_by(worker: str, *states: str) -> sa.ColumnElement[bool]:
    return sa.and_(messages.c.claimed_by == worker, messages.c.state.in_(states))


def _take(connection: sa.Connection, message_ids: list[str], worker: str, lease_until: datetime) -> None:
    connection.execute(
        sa.update(messages)
        .where(messages.c.message_id.in_(message_ids))
        .values(state="claimed", claimed_by=worker, lease_until=lease_until, next_attempt_at=None)
    )


def _skip(connection: sa.Connection, reasons: Mapping[str, str], now: datetime) -> None:
    for reason, ids in _by_reason(reasons):
        connection.execute(
            sa.update(messages)
            .where(messages.c.message_id.in_(ids))
            .values(state="skipped", reason=reason, settled_at=now, is_written_back=False)
        )


def _hold(connection: sa.Connection, reasons: Mapping[str, str]) -> None:
    """Say why a message waits; its state stays what it is."""
    for reason, ids in _by_reason(reasons):
        connection.execute(
            sa.update(messages)
            .where(messages.c.message_id.in_(ids), messages.c.state.in_(CLAIMABLE))
            .values(reason=reason)
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
            .values(state="unknown", reason=reason, settled_at=now, is_written_back=False, **NEW_DOUBT)
            .returning(messages.c.message_id)
        )
    )


def _by_reason(reasons: Mapping[str, str]) -> Iterable[tuple[str, list[str]]]:
    for reason in sorted(set(reasons.values())):
        yield reason, [message_id for message_id, why in reasons.items() if why == reason]


def _reasons(verdicts: Mapping[str, Verdict], ruling: str) -> dict[str, str]:
    return {
        message_id: verdict.reason for message_id, verdict in verdicts.items() if verdict.ruling == ruling
    }
