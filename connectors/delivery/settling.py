"""What a vendor said becomes what the ledger says: the outcome of a call, for all its messages at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from connectors.delivery.dead_letters import bury
from connectors.delivery.kept import keep
from connectors.many import Many
from connectors.model import Message, Receipt
from connectors.store import Store, add_suppressions, suppression
from connectors.tables import messages

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=4)
GIVE_UP_AFTER = timedelta(hours=24)
LONGEST_SPREAD_SECONDS = 30.0
TRUSTED_ATTEMPTS = 5
"""So often a vendor's own, shorter wait is believed; then ours counts as well."""

NO_MESSAGES: Mapping[str, Message] = MappingProxyType({})
NEW_DOUBT = {"resolved_by": None, "reconciled_at": None}
"""A message may be in doubt twice; how the first doubt ended says nothing about the second."""

READ = ("message_id", "state", "channel", "address", "attempt_count", "planned_at", "resolved_by")
WRITTEN = (
    *("state", "reason", "provider", "provider_message_id", "suppression", "settled_at", "events"),
    *("is_written_back", "resolved_by", "reconciled_at", "next_attempt_at", "claimed_by"),
)


def settle(
    store: Store,
    receipts: Iterable[Receipt],
    worker: str,
    now: datetime,
    sent: Mapping[str, Message] = NO_MESSAGES,
) -> dict[str, datetime]:
    """Record what the vendor said; if the lease ran out meanwhile, the answer still is the answer.

    Args:
        store: the ledger.
        receipts: at most one per message.
        worker: who asked the vendor.
        now: naive UTC.
        sent: the messages themselves, by id: what is in doubt or rejected is kept, to be sent again if a
            person or the vendor's log says so.

    Returns:
        when each message that waits for another attempt is due, by id.
    """
    by_id = {receipt.message_id: receipt for receipt in receipts}
    with store.transaction() as connection:
        rows = _lock(connection, by_id, worker)
        values = {row["message_id"]: _outcome(row, by_id[row["message_id"]], worker, now) for row in rows}
        _UPDATE.execute(connection, [{"id": key, **value} for key, value in values.items()])
        closed = [(row, reason) for row in rows if (reason := by_id[row["message_id"]].suppress)]
        add_suppressions(
            connection, [suppression(row["channel"], row["address"], reason, now) for row, reason in closed]
        )
        dead = {
            row["message_id"]: (row["channel"], by_id[row["message_id"]].reason)
            for row in rows
            if _is_dead_letter(values[row["message_id"]])
        }
        bury(connection, dead, now)
        doubtful = {key for key, value in values.items() if value["state"] == "unknown"}
        keep(connection, [sent[key] for key in sorted(dead.keys() | doubtful) if key in sent], now)
    return {key: value["next_attempt_at"] for key, value in values.items() if value["next_attempt_at"]}


def backoff(message_id: str, attempt_count: int) -> timedelta:
    """Wait before the next attempt: doubles from a minute to four hours, ± 20 % by the hash of the id."""
    wait = min(FIRST_WAIT * float(2 ** min(attempt_count - 1, 12)), LONGEST_WAIT)
    return wait * (0.8 + 0.4 * _share(message_id, attempt_count))


def next_wait(message_id: str, attempt_count: int, asked_seconds: float | None) -> timedelta:
    """The vendor's wait (and a little more, so that not all come back at once), or ours."""
    if asked_seconds is None:
        return backoff(message_id, attempt_count)
    spread = min(asked_seconds / 10, LONGEST_SPREAD_SECONDS)
    asked = timedelta(seconds=asked_seconds + spread * _share(message_id, attempt_count))
    return asked if attempt_count <= TRUSTED_ATTEMPTS else max(asked, backoff(message_id, attempt_count))


def _share(message_id: str, attempt_count: int) -> float:
    """A number from 0 to 1 that is the same for the same attempt."""
    return int(hashlib.sha256(f"{message_id}:{attempt_count}".encode()).hexdigest()[:8], 16) / 2**32


def _lock(connection: sa.Connection, by_id: Mapping[str, Receipt], worker: str) -> list[Mapping[Any, Any]]:
    states = ("claimed", "attempted", "unknown")
    rows = connection.execute(
        sa.select(*(messages.c[column] for column in READ))
        .where(messages.c.message_id.in_(by_id))
        .where(messages.c.claimed_by == worker, messages.c.state.in_(states))
        .order_by(messages.c.message_id)
        .with_for_update()
    )
    return list(rows.mappings())


_UPDATE = Many(
    lambda _: (
        sa.update(messages)
        .where(messages.c.message_id == sa.bindparam("id"))
        .values({column: sa.bindparam(column, type_=messages.c[column].type) for column in WRITTEN})
    )
)


def _outcome(row: Mapping[Any, Any], receipt: Receipt, worker: str, now: datetime) -> dict[str, Any]:
    """The new values of a ledger row, all columns, so that one statement serves all rows."""
    is_late_reply = row["state"] == "unknown" and receipt.outcome != "unknown"
    values: dict[str, Any] = {
        "state": receipt.outcome,
        "reason": receipt.reason,
        "provider": receipt.provider,
        "provider_message_id": receipt.provider_message_id,
        "suppression": receipt.suppress,
        "settled_at": now,
        "events": [dict(event) for event in receipt.events] or None,
        "is_written_back": False,
        "resolved_by": "reply" if is_late_reply else row["resolved_by"],
        "reconciled_at": now if is_late_reply else None,
        "next_attempt_at": None,
        "claimed_by": worker,
    }
    if receipt.outcome == "unknown" and row["state"] != "unknown":
        return values | NEW_DOUBT
    if receipt.outcome != "retry":
        return values
    if now - row["planned_at"] >= GIVE_UP_AFTER:
        return values | {"state": "rejected", "reason": f"gave_up: {receipt.reason}"}
    wait = next_wait(row["message_id"], row["attempt_count"], receipt.retry_after_seconds)
    return values | {"next_attempt_at": now + wait, "claimed_by": None}


def _is_dead_letter(values: Mapping[str, Any]) -> bool:
    """Whatever is rejected without its address being at fault: retries used up, content, configuration."""
    return values["state"] == "rejected" and values["suppression"] is None
