"""Dead letters: messages that no retry will help, each with its reason, until a person replays them.

What is rejected becomes one when its address is not at fault: retries that lasted a day, a template that does
not render, a row that spoils its batch, a vendor that objects to content or configuration. An address that
is dead, and everything that was accepted or is in doubt, is never one: replaying it would help nobody, or
might send it twice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from connectors.delivery.kept import prolong
from connectors.store import Store, insert
from connectors.tables import dead_letters, messages

REPLAYED_WITHIN = timedelta(hours=24)
"""A message that a person wants after all has this long to leave, whatever it had before."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One of them; `replayed_at` is set while a replay is under way or has succeeded."""

    message_id: str
    channel: str
    provider: str | None
    flow: str
    template: str | None
    reason: str
    died_at: datetime
    replayed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Replay:
    """Ids that the next run sends, and those that it does not, with the reason."""

    planned: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def bury(connection: sa.Connection, dead: Mapping[str, tuple[str, str | None]], now: datetime) -> None:
    """Add dead letters: (channel, reason) by message id. One that dies again after a replay is open again."""
    statement = insert(connection, dead_letters)
    statement = statement.on_conflict_do_update(
        index_elements=["message_id"],
        set_={"reason": statement.excluded.reason, "died_at": now, "replayed_at": None},
    )
    rows = [
        {"message_id": message_id, "channel": channel, "reason": reason or "rejected", "died_at": now}
        for message_id, (channel, reason) in dead.items()
    ]
    if rows:
        connection.execute(statement, rows)


def find_dead_letters(
    store: Store,
    *,
    ids: Collection[str] = (),
    reason: str | None = None,
    channel: str | None = None,
    since: datetime | None = None,
    include_replayed: bool = False,
    limit: int | None = None,
) -> list[DeadLetter]:
    """Dead letters, latest first; `reason` is any part of one."""
    wanted = [
        dead_letters.c.message_id.in_(ids) if ids else None,
        dead_letters.c.reason.contains(reason, autoescape=True) if reason else None,
        dead_letters.c.channel == channel if channel else None,
        dead_letters.c.died_at >= since if since else None,
        None if include_replayed else dead_letters.c.replayed_at.is_(None),
    ]
    with store.transaction() as connection:
        rows = connection.execute(
            sa.select(dead_letters, messages.c.provider, messages.c.flow, messages.c.template)
            .join(messages, messages.c.message_id == dead_letters.c.message_id)
            .where(*(condition for condition in wanted if condition is not None))
            .order_by(dead_letters.c.died_at.desc(), dead_letters.c.message_id)
            .limit(limit)
        ).mappings()
        return [DeadLetter(**row) for row in rows]


def replay(store: Store, ids: Sequence[str], now: datetime) -> Replay:
    """Plan dead letters again; only what is known not to have left, and is kept, has a second life.

    Retries begin anew, and a message that would have expired gets a day.
    """
    done = Replay()
    with store.transaction() as connection:
        rows = {row["message_id"]: row for row in _read(connection, ids)}
        sendable = [key for key, row in rows.items() if _objection(row) is None]
        kept = prolong(connection, sendable, now + REPLAYED_WITHIN)
        for message_id in dict.fromkeys(ids):
            row = rows.get(message_id)
            objection = "not_a_dead_letter" if row is None else _objection(row)
            if objection is None and message_id not in kept:
                objection = "content_not_kept"
            if objection is None:
                done.planned.append(message_id)
            else:
                done.refused[message_id] = objection
        _plan_again(connection, done.planned, now)
    return done


def _read(connection: sa.Connection, ids: Collection[str]) -> Sequence[Mapping[Any, Any]]:
    return (
        connection.execute(
            sa.select(messages.c.message_id, messages.c.state, messages.c.suppression)
            .join(dead_letters, dead_letters.c.message_id == messages.c.message_id)
            .where(messages.c.message_id.in_(ids))
            .order_by(messages.c.message_id)
            .with_for_update()
        )
        .mappings()
        .all()
    )


def _objection(row: Mapping[Any, Any]) -> str | None:
    """Why a message must not be sent again; none when it is known not to have left."""
    if row["state"] != "rejected":
        return f"is_{row['state']}"
    return "address_is_closed" if row["suppression"] else None


def _plan_again(connection: sa.Connection, ids: Sequence[str], now: datetime) -> None:
    latest = now + REPLAYED_WITHIN
    later = sa.case((messages.c.expires_at < latest, latest), else_=messages.c.expires_at)
    connection.execute(
        sa.update(messages)
        .where(messages.c.message_id.in_(ids))
        .values(
            state="planned",
            reason="replayed",
            attempt_count=0,
            planned_at=now,
            expires_at=later,
            next_attempt_at=None,
            claimed_by=None,
            lease_until=None,
        )
    )
    connection.execute(
        sa.update(dead_letters).where(dead_letters.c.message_id.in_(ids)).values(replayed_at=now)
    )
