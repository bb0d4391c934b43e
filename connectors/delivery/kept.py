"""Messages that may come back: the outbox lists nothing that delivery has spoken of, so we keep them.

A dead letter that a person replays, and a doubt that turns out never to have left, are sent from here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from connectors.delivery.states import CLAIMABLE
from connectors.model import ExitSignal, Message
from connectors.store import Store, batches, insert
from connectors.tables import kept_messages, messages

KEPT_FOR = timedelta(days=30)
"""What nobody asked for in a month is forgotten: it holds personal data."""

QUIET_FOR = timedelta(hours=12)
"""Only the beginning of a person's quiet hours is kept; no night is longer than this."""

DAY = timedelta(days=1)
PAGE_SIZE = 500
IS_KEPT = sa.exists().where(kept_messages.c.message_id == messages.c.message_id)
"""Of a message of the ledger: it could be sent again."""

MOMENTS = ("decided_at", "due_at", "expires_at", "entered_at", "quiet_from")


def keep(connection: sa.Connection, wanted: Iterable[Message], now: datetime) -> None:
    """Keep messages, all that sending them takes; one that is kept stays as it is."""
    rows = [
        {"message_id": message.message_id, "message": _packed(message), "kept_at": now} for message in wanted
    ]
    for batch in batches(rows):
        connection.execute(insert(connection, kept_messages).on_conflict_do_nothing(), batch)


def prolong(connection: sa.Connection, message_ids: Collection[str], until: datetime) -> set[str]:
    """Move the expiry of kept messages to a moment, unless it is later already; the ids that are kept."""
    rows = connection.execute(
        sa.select(kept_messages).where(kept_messages.c.message_id.in_(message_ids))
    ).mappings()
    changed = [
        {"id": row["message_id"], "packed": _packed(_prolonged(_unpacked(row["message"]), until))}
        for row in rows
    ]
    if changed:
        connection.execute(
            sa.update(kept_messages)
            .where(kept_messages.c.message_id == sa.bindparam("id"))
            .values(message=sa.bindparam("packed", type_=sa.JSON)),
            changed,
        )
    return {row["id"] for row in changed}


def returned(store: Store, now: datetime) -> Iterator[Message]:
    """Kept messages that are planned again, or due for another attempt; a page at a time."""
    after = ""
    while page := _page(store, after, now):
        after = page[-1].message_id
        yield from (_with_todays_quiet_hours(message, now) for message in page)


def forget(store: Store, now: datetime) -> None:
    """Drop what has left after all, and what is older than a month."""
    gone = sa.select(messages.c.message_id).where(messages.c.state.in_(("accepted", "skipped")))
    with store.transaction() as connection:
        connection.execute(
            sa.delete(kept_messages).where(
                sa.or_(kept_messages.c.kept_at < now - KEPT_FOR, kept_messages.c.message_id.in_(gone))
            )
        )


def _page(store: Store, after: str, now: datetime) -> list[Message]:
    ledger = messages.c
    with store.transaction() as connection:
        found: Sequence[Mapping[str, Any]] = connection.scalars(
            sa.select(kept_messages.c.message)
            .join(messages, ledger.message_id == kept_messages.c.message_id)
            .where(ledger.state.in_(CLAIMABLE), ledger.message_id > after)
            .where(sa.or_(ledger.next_attempt_at.is_(None), ledger.next_attempt_at <= now))
            .order_by(ledger.message_id)
            .limit(PAGE_SIZE)
        ).all()
    return [_unpacked(packed) for packed in found]


def _prolonged(message: Message, until: datetime) -> Message:
    return replace(message, expires_at=max(message.expires_at, until)) if message.expires_at else message


def _with_todays_quiet_hours(message: Message, now: datetime) -> Message:
    """Quiet hours come every day: the ones that are on now, or the next ones."""
    if message.quiet_from is None or now < message.quiet_from:
        return message
    began = message.quiet_from + (now - message.quiet_from) // DAY * DAY
    return replace(message, quiet_from=began if now < began + QUIET_FOR else began + DAY)


def _packed(message: Message) -> dict[str, Any]:
    values = asdict(message) | {"exit_signals": [one.to_json() for one in message.exit_signals]}
    return values | {name: values[name].isoformat() for name in MOMENTS if values[name]}


def _unpacked(packed: Mapping[str, Any]) -> Message:
    values = dict(packed)
    values |= {name: datetime.fromisoformat(values[name]) for name in MOMENTS if values[name]}
    since = values["entered_at"] or values["decided_at"]
    values["exit_signals"] = tuple(
        # those kept before signals had times of their own are names
        ExitSignal(said, since) if isinstance(said, str) else ExitSignal.from_json(said)
        for said in values["exit_signals"]
    )
    values["identifiers"] = tuple((kind, value) for kind, value in values["identifiers"])
    return Message(**values)
