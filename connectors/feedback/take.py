"""Taking feedback in: kept once, acted upon in the same transaction, told to landing afterwards.

A post is answered when the transaction is durable, so nothing that a vendor believes delivered is lost; a
process that dies before it has written to landing leaves rows that the next one writes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import sqlalchemy as sa

from connectors.delivery.told import believe
from connectors.feedback.effects import apply
from connectors.feedback.model import CONSENTS, Feedback
from connectors.feedback.written import write_feedback
from connectors.landing import Landing
from connectors.store import Store, insert, normal_address
from connectors.tables import feedback, messages

BATCH_SIZE = 500
KEPT_FOR = timedelta(days=35)
"""Longer than any vendor repeats a post, and than the window in which soft bounces add up."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What one call did.

    Attributes:
        events: new events by name.
        repeated: events that were known.
        suppressed: addresses that this feedback closed.
        lifted: addresses that it opened again.
        resolved: ledger rows whose outcome was unknown.
        written: events that went to landing.
    """

    events: Mapping[str, int] = field(default_factory=dict)
    repeated: int = 0
    suppressed: int = 0
    lifted: int = 0
    resolved: int = 0
    written: int = 0


@dataclass(frozen=True, slots=True)
class Sent:
    """What the ledger knows about the message that a piece of feedback is about."""

    message_id: str
    profile_id: str
    address: str
    attempted_at: datetime | None


def take_feedback(
    store: Store,
    landing: Landing,
    items: Iterable[Feedback],
    now: datetime,
    progress: Callable[[int], None] | None = None,
) -> Taken:
    """Take in what came back: suppress, withdraw consent, revoke tokens, resolve unknowns, tell landing.

    Telling the same thing again, or in another order, changes nothing.

    Args:
        store: the transactional store; what is decided here holds for the very next claim.
        landing: where the events go.
        items: feedback of verified posts.
        now: naive UTC.
        progress: called with the number of items just dealt with.
    """
    kept = keep_feedback(store, items, now, progress)
    return replace(kept, written=write_feedback(store, landing, now))


def keep_feedback(
    store: Store, items: Iterable[Feedback], now: datetime, progress: Callable[[int], None] | None = None
) -> Taken:
    """As `take_feedback`, but landing is told later, by the next `write_feedback`."""
    events: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    remaining = iter(items)
    while batch := list(islice(remaining, BATCH_SIZE)):
        with store.transaction() as connection:
            sent = _messages_of(connection, batch)
            known = [_completed(item, sent.get(item.event_id), now) for item in batch]
            new = _keep(connection, known, now)
            events.update(item.name for item in new)
            counts["repeated"] += len(batch) - len(new)
            counts.update(apply(connection, new, sent, now))
            counts["resolved"] += _believe(store, new, now)
        if progress:
            progress(len(batch))
    with store.transaction() as connection:
        _forget(connection, now)
    return Taken(dict(events), counts["repeated"], counts["suppressed"], counts["lifted"], counts["resolved"])


def _messages_of(connection: sa.Connection, batch: Sequence[Feedback]) -> dict[str, Sent]:
    """The ledger's messages by event id: by our id as echoed, the vendor's, or the mail's Message-ID."""
    columns = ("message_id", "profile_id", "address", "attempted_at", "provider_message_id")
    ours = {candidate for item in batch for candidate in _our_ids(item)}
    theirs = {item.provider_message_id for item in batch if item.provider_message_id}
    rows = connection.execute(
        sa.select(*(messages.c[column] for column in columns)).where(
            sa.or_(messages.c.message_id.in_(ours), messages.c.provider_message_id.in_(theirs))
        )
    ).all()
    by_id = {row.message_id: row for row in rows}
    by_provider = {row.provider_message_id: row for row in rows if row.provider_message_id}
    found = {}
    for item in batch:
        row = next((by_id[candidate] for candidate in _our_ids(item) if candidate in by_id), None)
        row = row or by_provider.get(item.provider_message_id)
        if row:
            found[item.event_id] = Sent(row.message_id, row.profile_id, row.address, row.attempted_at)
    return found


def _our_ids(item: Feedback) -> list[str]:
    """Our id, or what would be it in a Message-ID that we wrote."""
    in_mail = item.mail_id.partition("@")[0] if item.mail_id else None
    return [candidate for candidate in (item.message_id, in_mail) if candidate]


def _completed(item: Feedback, sent: Sent | None, now: datetime) -> Feedback:
    """With what the ledger adds, and a time that is not ahead of our clock: facts count from then on."""
    address = item.address or (sent.address if sent else "")
    return replace(
        item,
        occurred_at=min(item.occurred_at, now),
        message_id=sent.message_id if sent else item.message_id,
        # A push token is told to the warehouse, which knows it in its own spelling.
        address=address if item.channel == "push" else normal_address(address) or None,
    )


def _keep(connection: sa.Connection, items: Sequence[Feedback], now: datetime) -> list[Feedback]:
    """Keep what is new; only that has an effect.

    Two processes of PostgreSQL that take the same item at once both find it new: every effect of an item is
    the same the second time.
    """
    by_id = {item.event_id: item for item in items}
    known: set[str] = set(
        connection.scalars(sa.select(feedback.c.event_id).where(feedback.c.event_id.in_(by_id))).all()
    )
    # In one order for all, or two processes may wait for each other in PostgreSQL.
    new = [by_id[identifier] for identifier in sorted(by_id.keys() - known)]
    if new:
        rows = [_row(item, now) for item in new]
        connection.execute(insert(connection, feedback).on_conflict_do_nothing(), rows)
    return new


def _row(item: Feedback, now: datetime) -> dict[str, Any]:
    columns = (
        "event_id",
        "name",
        "channel",
        "address",
        "message_id",
        "provider",
        "provider_message_id",
        "outcome",
        "occurred_at",
    )
    return {column: getattr(item, column) for column in columns} | {
        "bounce_type": item.properties.get("bounce_type"),
        "properties": dict(item.properties),
        "taken_at": now,
        "is_written_back": False,
    }


def _believe(store: Store, new: Sequence[Feedback], now: datetime) -> int:
    """Messages that this feedback resolves."""
    about = {item.message_id for item in new if item.message_id}
    return believe(store, now, about).total() if about else 0


def _forget(connection: sa.Connection, now: datetime) -> None:
    """Drop what is old, but no consents: a START played back years later must not give one again."""
    connection.execute(
        sa.delete(feedback).where(
            feedback.c.is_written_back.is_(True),
            feedback.c.taken_at < now - KEPT_FOR,
            feedback.c.name.not_in(CONSENTS),
        )
    )
