"""Feedback as events in landing: each exactly once for the warehouse, whatever dies in between."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from connectors.feedback.model import CONSENTS
from connectors.landing import Landing
from connectors.model import IDENTIFIERS
from connectors.store import Store
from connectors.tables import feedback, messages

ROWS_PER_FILE = 20_000
LONGEST_WAIT = timedelta(hours=1)
"""For the receipt that names the message; a vendor's webhook may overtake its answer."""
ABOUT_ADDRESSES = (*CONSENTS, "Address Suppressed", "Email Marked as Spam")
OUTSTANDING = ("claimed", "attempted", "unknown")


def write_feedback(store: Store, landing: Landing, now: datetime) -> int:
    """Write the events that are not in landing yet, one NDJSON file per portion, and mark them.

    Event ids follow from what was said: when a crash falls between file and mark, the next run writes the
    same events again and the warehouse's gate drops them.

    Returns:
        the number of events written.
    """
    written = 0
    while rows := _unwritten(store, now):
        records = [record for row in rows for record in _records(row)]
        if records:
            landing.write(_file_name(rows), records)
        _mark(store, rows)
        written += len(records)
    return written


def _unwritten(store: Store, now: datetime) -> list[Mapping[str, Any]]:
    """Rows with their message, those apart whose receipt may still come and say which message it is."""
    by_ids = sa.or_(
        messages.c.message_id == feedback.c.message_id,
        sa.and_(
            feedback.c.message_id.is_(None),
            messages.c.provider_message_id == feedback.c.provider_message_id,
        ),
    )
    others = messages.alias("others")
    outstanding = (
        sa.select(others.c.message_id)
        .where(others.c.channel == feedback.c.channel, others.c.state.in_(OUTSTANDING))
        .exists()
    )
    must_wait = sa.and_(
        messages.c.message_id.is_(None),
        feedback.c.message_id.is_(None),
        feedback.c.provider_message_id.is_not(None),
        feedback.c.taken_at > now - LONGEST_WAIT,
        outstanding,
    )
    known = messages.c.message_id.label("known_message_id")
    with store.transaction() as connection:
        rows = connection.execute(
            sa.select(feedback, known, messages.c.profile_id)
            .join(messages, by_ids, isouter=True)
            .where(feedback.c.is_written_back.is_(False), sa.not_(must_wait))
            .order_by(feedback.c.taken_at, feedback.c.event_id)
            .limit(ROWS_PER_FILE)
        ).mappings()
        # A vendor's id may be on two ledger rows only by a vendor's mistake; one event stays one.
        return list({row["event_id"]: dict(row) for row in rows}.values())


def _mark(store: Store, rows: list[Mapping[str, Any]]) -> None:
    with store.transaction() as connection:
        connection.execute(
            sa.update(feedback)
            .where(feedback.c.event_id == sa.bindparam("id"))
            .values(is_written_back=True, message_id=sa.bindparam("message")),
            [{"id": row["event_id"], "message": _message_id(row)} for row in rows],
        )


def _file_name(rows: list[Mapping[str, Any]]) -> str:
    """By the latest arrival and what is inside, so that a repeated portion replaces itself."""
    latest = max(row["taken_at"] for row in rows)
    digest = hashlib.sha256("".join(row["event_id"] for row in rows).encode()).hexdigest()[:12]
    return f"feedback/{latest:%Y-%m-%dT%H%M%S}-{digest}.ndjson"


def _records(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The landing record (Segment `track`); a vendor's `Sent` adds nothing to our own receipt."""
    if row["name"].endswith(" Sent") and row["known_message_id"]:
        return
    given = row["properties"] or {}
    if row["name"] in CONSENTS:
        given = {"purpose": "marketing", "source": row["provider"], **given}
    properties = {
        **given,
        "message_id": _message_id(row),
        "profile_id": _profile_id(row),
        "channel": row["channel"],
        "provider": row["provider"],
        "provider_message_id": row["provider_message_id"],
        **_identity(row),
    }
    yield {
        "type": "track",
        "messageId": row["event_id"],
        "event": row["name"],
        "timestamp": row["occurred_at"].isoformat() + "Z",
        "receivedAt": row["taken_at"].isoformat() + "Z",
        "source": "delivery",
        "properties": {name: value for name, value in properties.items() if value is not None},
    }


def _message_id(row: Mapping[str, Any]) -> str | None:
    known: str | None = row["known_message_id"] or row["message_id"]
    return known


def _profile_id(row: Mapping[str, Any]) -> str | None:
    """Of the ledger's message, else as the person's own link said it."""
    known: str | None = row["profile_id"] or (row["properties"] or {}).get("profile_id")
    return known


def _identity(row: Mapping[str, Any]) -> dict[str, str]:
    """The address where the event is about it, or nothing else says whose it is."""
    address = row["address"]
    is_closing = row["name"] in ABOUT_ADDRESSES or row["bounce_type"] == "hard"
    if not address or not (is_closing or _profile_id(row) is None):
        return {}
    named = {"address": address}
    if _profile_id(row) is None and (row["name"] in CONSENTS or row["name"].endswith(" Replied")):
        named[IDENTIFIERS.get(row["channel"], "address")] = address
    return named
