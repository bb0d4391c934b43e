"""Write back: what became of each message goes to landing as events, each exactly once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from connectors.delivery.kept import IS_KEPT
from connectors.delivery.states import FINAL, OPEN_DOUBT
from connectors.landing import Landing
from connectors.many import Many
from connectors.model import MessageEvent
from connectors.store import Store
from connectors.tables import messages

EVENT_NAMES = {
    "email": {"accepted": "Email Sent", "rejected": "Email Rejected", "closed": "Email Bounced"},
    "sms": {"accepted": "SMS Sent", "rejected": "SMS Rejected", "closed": "SMS Failed"},
    "push": {
        "accepted": "Push Notification Sent",
        "rejected": "Push Notification Rejected",
        "closed": "Push Notification Failed",
    },
    "whatsapp": {
        "accepted": "WhatsApp Message Sent",
        "rejected": "WhatsApp Message Rejected",
        "closed": "WhatsApp Message Failed",
    },
    "profile": {"accepted": "Profile Updated", "rejected": "Profile Update Rejected"},
    "webhook": {"accepted": "Webhook Sent", "rejected": "Webhook Rejected"},
}
"""Words of the seed `event_kinds`; `closed`: rejected, and nobody may write to the address again."""

READ = (
    *("message_id", "profile_id", "channel", "address", "state", "reason", "provider", "provider_message_id"),
    *("suppression", "resolved_by", "settled_at", "reconciled_at", "events"),
)
_MARK = Many(
    lambda _: (
        sa.update(messages)
        .where(messages.c.message_id == sa.bindparam("id"), messages.c.state == sa.bindparam("written"))
        .values(is_written_back=sa.true())
    )
)
ON_EVERY_CHANNEL = {"skipped": "Message Skipped", "unknown": "Message Unknown"}
ROWS_PER_FILE = 20_000


def write_receipts(store: Store, landing: Landing) -> int:
    """Write the outcomes that are not in landing yet, one NDJSON file per portion, and mark them.

    Event ids are hashes of message and event: when a crash falls between file and mark, the next run writes
    the same events again and the warehouse's gate drops them.

    Returns:
        the number of messages written back.
    """
    written = 0
    while rows := _unwritten(store):
        records = [record for row in rows for record in _records(row)]
        landing.write(_file_name(rows), records)
        _mark(store, rows)
        written += len(rows)
    return written


def event_id(message_id: str, name: str) -> str:
    """The id of an event of which a message has at most one."""
    return hashlib.sha256(f"{message_id}|{name}".encode()).hexdigest()[:32]


def _unwritten(store: Store) -> list[Mapping[str, Any]]:
    with store.transaction() as connection:
        return [
            dict(row)
            for row in connection.execute(
                sa.select(*(messages.c[column] for column in READ))
                .where(messages.c.is_written_back.is_(False), messages.c.state.in_(FINAL), _can_be_told())
                .order_by(messages.c.settled_at, messages.c.message_id)
                .limit(ROWS_PER_FILE)
            ).mappings()
        ]


def _can_be_told() -> sa.ColumnElement[bool]:
    """What landing knows leaves the outbox, so a doubt that may be sent again waits until it is kept."""
    return sa.or_(sa.not_(OPEN_DOUBT), IS_KEPT)


def _mark(store: Store, rows: list[Mapping[str, Any]]) -> None:
    """Mark what was written; an outcome that changed meanwhile is written again, as what it is now."""
    with store.transaction() as connection:
        _MARK.execute(connection, [{"id": row["message_id"], "written": row["state"]} for row in rows])


def _file_name(rows: list[Mapping[str, Any]]) -> str:
    """By the latest outcome's time, and what is inside, so that a repeated portion replaces itself."""
    latest = max(_occurred_at(row) for row in rows)
    content = "".join(row["message_id"] + row["state"] for row in rows)
    digest = hashlib.sha256(content.encode()).hexdigest()[:12]
    return f"delivery/{latest:%Y-%m-%dT%H%M%S}-{digest}.ndjson"


def _records(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    name, more = _event(row)
    yield MessageEvent(
        event_id=event_id(row["message_id"], name),
        name=name,
        message_id=row["message_id"],
        profile_id=row["profile_id"],
        channel=row["channel"],
        occurred_at=_occurred_at(row),
        properties={
            "provider": row["provider"],
            "provider_message_id": row["provider_message_id"],
            "reason": row["reason"],
            "resolved_by": row["resolved_by"],
            **more,
        },
    ).record()
    yield from _closings(row)
    yield from row["events"] or ()


def _closings(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Why an address is closed that is not simply dead: a token is revoked, a STOP can be taken back."""
    if row["suppression"] in (None, "hard_bounced"):
        return
    is_token = row["suppression"] == "invalid_token"
    name = "Device Revoked" if is_token else "Address Suppressed"
    about = {"token": row["address"]} if is_token else {"address": row["address"]}
    yield MessageEvent(
        event_id=event_id(row["message_id"], name),
        name=name,
        message_id=row["message_id"],
        profile_id=row["profile_id"],
        channel=row["channel"],
        occurred_at=_occurred_at(row),
        properties=about | {"reason": row["suppression"]},
    ).record()


def _occurred_at(row: Mapping[str, Any]) -> datetime:
    moment: datetime = row["reconciled_at"] or row["settled_at"]
    return moment


def _event(row: Mapping[str, Any]) -> tuple[str, dict[str, str | None]]:
    """The event's name, and what only this kind of event says."""
    if row["state"] in ON_EVERY_CHANNEL:
        return ON_EVERY_CHANNEL[row["state"]], {}
    if row["suppression"]:
        is_dead = row["suppression"] == "hard_bounced"
        return EVENT_NAMES[row["channel"]]["closed"], {
            "bounce_type": "hard" if is_dead else None,
            "address": row["address"] if is_dead else None,
        }
    return EVENT_NAMES[row["channel"]][row["state"]], {}
