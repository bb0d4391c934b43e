"""What feedback does to the store: facts for the last look, addresses closed and opened again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import sqlalchemy as sa

from connectors.delivery.facts import SIGNALS
from connectors.feedback.model import CONSENTS, Feedback, event_id
from connectors.model import IDENTIFIERS
from connectors.store import (
    CAN_BE_LIFTED,
    add_suppressions,
    batches,
    insert,
    lift_suppression,
    suppression,
)
from connectors.tables import facts, feedback

SOFT_BOUNCES = 5
SOFT_BOUNCE_WINDOW = timedelta(days=14)
"""Five messages to an address that came back softly within two weeks close it. Vendors have by then tried
each of them for up to three days. (Klaviyo closes after 7 in a row, Mailchimp after 7 to 15, dotdigital
after 3 to 20.)"""

IMPLIED = {
    "hard_bounced": ("Email Bounced", "SMS Failed", "WhatsApp Message Failed"),
    "complained": ("Email Marked as Spam",),
    "stop": ("Unsubscribed",),
}
"""Events from which the warehouse itself concludes that an address is closed; others need telling."""


class Sent(Protocol):
    """The ledger's message that a piece of feedback is about."""

    @property
    def profile_id(self) -> str: ...  # noqa: D102
    @property
    def attempted_at(self) -> datetime | None: ...  # noqa: D102


def apply(
    connection: sa.Connection, new: Sequence[Feedback], sent: Mapping[str, Sent], now: datetime
) -> Counter[str]:
    """Act on feedback that has just been kept; counts of addresses `suppressed` and `lifted`."""
    rows = [row for item in new for row in _facts(item, sent.get(item.event_id))]
    for batch in batches(rows):
        connection.execute(insert(connection, facts).on_conflict_do_nothing(), batch)
    closing: dict[tuple[str, str, str], dict[str, Any]] = {}
    for item in new:
        if item.suppress and item.address:
            closed = _suppression(item, sent.get(item.event_id))
            key = (item.channel, item.address, item.suppress)
            if key not in closing or closing[key]["since"] < closed["since"]:
                closing[key] = closed
            if item.name not in IMPLIED.get(item.suppress, ()):
                _tell(connection, item, closed, now)
    for item, since in _worn_out(connection, new):
        closed = suppression(item.channel, item.address or "", "hard_bounced", since)
        closing.setdefault((item.channel, item.address or "", "hard_bounced"), closed)
        _tell(connection, item, closed, now, cause="soft_bounces")
    add_suppressions(connection, [closing[key] for key in sorted(closing)])
    lifting = [item for item in new if item.lifts and item.address]
    for item in lifting:
        lift_suppression(connection, item.channel, item.address or "", str(item.lifts), item.occurred_at)
    return Counter(suppressed=len(closing), lifted=len(lifting))


def _facts(item: Feedback, sent: Sent | None) -> Iterator[dict[str, Any]]:
    """One row per identifier under which the last look may find the person."""
    signal = SIGNALS.get(item.name)
    if signal is None:
        return
    about = {
        "event_id": item.event_id,
        "signal": signal,
        "channel": item.channel,
        "purpose": item.properties.get("purpose", "marketing") if item.name in CONSENTS else None,
        "occurred_at": item.occurred_at,
    }
    named = (sent.profile_id if sent else None, item.properties.get("profile_id"))
    for profile_id in sorted({str(profile_id) for profile_id in named if profile_id}):
        yield about | {"identifier_type": "profile_id", "identifier": profile_id}
    kind = IDENTIFIERS.get(item.channel)
    if kind and item.address:
        yield about | {"identifier_type": kind, "identifier": item.address}


def _suppression(item: Feedback, sent: Sent | None) -> dict[str, Any]:
    """What a message has learnt is as old as its attempt: a START since then has lifted it."""
    since = item.occurred_at
    if sent and sent.attempted_at and item.suppress in CAN_BE_LIFTED and item.name != "Unsubscribed":
        since = min(since, sent.attempted_at)
    return suppression(item.channel, item.address or "", str(item.suppress), since)


def _worn_out(connection: sa.Connection, new: Sequence[Feedback]) -> Iterator[tuple[Feedback, datetime]]:
    """Addresses of new soft bounces to which too many messages came back, and since when."""
    soft = {
        (item.channel, item.address): item
        for item in new
        if item.address and item.channel == "email" and item.properties.get("bounce_type") == "soft"
    }
    for channel, address in sorted(soft):
        rows = connection.execute(
            sa.select(
                sa.func.coalesce(
                    feedback.c.message_id, feedback.c.provider_message_id, feedback.c.event_id
                ).label("message"),
                sa.func.min(feedback.c.occurred_at).label("occurred_at"),
            )
            .where(feedback.c.address == address, feedback.c.channel == channel)
            .where(feedback.c.bounce_type == "soft")
            .group_by("message")
        ).all()
        times = sorted(row.occurred_at for row in rows)
        for first, last in zip(times, times[SOFT_BOUNCES - 1 :], strict=False):
            if last - first <= SOFT_BOUNCE_WINDOW:
                yield soft[channel, address], last
                break


def _tell(
    connection: sa.Connection,
    item: Feedback,
    closed: Mapping[str, Any],
    now: datetime,
    cause: str | None = None,
) -> None:
    """Keep an event for landing that says so; once per address, unless it can be opened again."""
    reason = closed["reason"]
    is_token = reason == "invalid_token"
    properties = {"reason": reason} | ({"token": item.address} if is_token else {})
    about = (item.channel, item.address, reason, item.event_id if reason in CAN_BE_LIFTED else None)
    row = {
        "event_id": event_id("suppressed", *about),
        "name": "Device Revoked" if is_token else "Address Suppressed",
        "channel": item.channel,
        "address": item.address,
        "provider": item.provider,
        "occurred_at": closed["since"],
        "taken_at": now,
        "properties": properties | ({"cause": cause} if cause else {}),
        # Whose token it is, only the message tells.
        "message_id": item.message_id if is_token else None,
        "is_written_back": False,
    }
    connection.execute(insert(connection, feedback).on_conflict_do_nothing(), row)
