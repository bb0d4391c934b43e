"""Doubts: messages of which nobody knows whether they left; resolved by evidence or a declared policy.

unknown ─► accepted | rejected   the vendor's log or a webhook shows it
unknown ─► planned               the vendor's log is sure to show what arrived by now, and does not
unknown ─► planned | unknown     nobody could say within the horizon: the policy of its message class
(planned only when it is still wanted: listed or kept, and not expired; otherwise skipped)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from connectors.delivery.kept import IS_KEPT
from connectors.delivery.policies import Policies, UnknownPolicy
from connectors.delivery.sender import ReadsBack, Sender
from connectors.delivery.states import OPEN_DOUBT
from connectors.errors import StopSync, TryAgain
from connectors.model import Doubt, Receipt
from connectors.store import Store, add_suppressions, suppression
from connectors.tables import messages

Resolver = Literal["read_back", "webhook", "policy"]

LONGEST_MEMORY = timedelta(days=3)
"""Vendors keep their logs for days to years; what an older log does not show may have been there."""

ASKED_AT_ONCE = 500


def reconcile(
    store: Store,
    message_id: str,
    outcome: Literal["accepted", "rejected"],
    resolved_by: Resolver,
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


@dataclass(frozen=True, slots=True)
class OpenDoubt:
    """One message of unknown outcome, and what will become of it if no evidence comes: policy and when."""

    message_id: str
    channel: str
    provider: str | None
    message_class: str
    flow: str
    reason: str | None
    attempted_at: datetime
    policy: UnknownPolicy
    policy_at: datetime


def find_doubts(store: Store, policies: Policies, limit: int | None = None) -> list[OpenDoubt]:
    """Doubts that are open, oldest first."""
    names = ("message_id", "channel", "provider", "message_class", "flow", "reason", "attempted_at")
    with store.transaction() as connection:
        rows = connection.execute(
            sa.select(*(messages.c[name] for name in names))
            .where(OPEN_DOUBT)
            .order_by(messages.c.attempted_at, messages.c.message_id)
            .limit(limit)
        ).mappings()
        return [
            OpenDoubt(
                **row,
                policy=policies.unknown.get(row["message_class"], "never_resend"),
                policy_at=row["attempted_at"] + policies.unknown_horizon,
            )
            for row in rows
        ]


async def read_back(
    store: Store, sender: Sender, now: datetime, wall_clock: datetime | None = None
) -> Counter[str]:
    """Ask a vendor's log about the messages in doubt, if it has one.

    A log that cannot be asked proves nothing: everything stays as it is.

    Args:
        store: the ledger.
        sender: the vendor.
        now: naive UTC, the moment of the run.
        wall_clock: naive UTC, by which doubts grow old; the same as `now` unless this is a replay.

    Returns:
        resolved messages by what they became: accepted, rejected, planned, skipped.
    """
    resolved: Counter[str] = Counter()
    if not isinstance(sender, ReadsBack):
        return resolved
    wall_clock = wall_clock or now
    doubts = _open_doubts(store, sender, wall_clock)
    for start in range(0, len(doubts), ASKED_AT_ONCE):
        asked = doubts[start : start + ASKED_AT_ONCE]
        try:
            shown = await sender.read_back(asked)
        except (TryAgain, StopSync):
            return resolved
        old = wall_clock - sender.read_back_horizon
        resolved += _learn(store, asked, shown, old, now)
    return resolved


def apply_policies(
    store: Store, policies: Policies, now: datetime, wall_clock: datetime | None = None
) -> Counter[str]:
    """Close the doubts that nobody resolved within the horizon, as declared for their message class.

    The clocks are those of `read_back`.

    Returns:
        closed messages by what they became: planned, skipped, unknown (for good).
    """
    ledger = messages.c
    with store.transaction() as connection:
        rows = connection.execute(
            sa.select(ledger.message_id, ledger.message_class)
            .where(OPEN_DOUBT, ledger.attempted_at <= (wall_clock or now) - policies.unknown_horizon)
            .order_by(ledger.message_id)
            .with_for_update()
        ).all()
        again = [row.message_id for row in rows if _is_sent_again(policies, row.message_class)]
        never = [row.message_id for row in rows if not _is_sent_again(policies, row.message_class)]
        if never:
            connection.execute(
                sa.update(messages)
                .where(ledger.message_id.in_(never))
                .values(resolved_by="policy", reconciled_at=now)
            )
        return _send_again(connection, again, "policy", now) + Counter({"unknown": len(never)})


def _is_sent_again(policies: Policies, message_class: str) -> bool:
    return policies.unknown.get(message_class, "never_resend") == "resend_after_horizon"


def _open_doubts(store: Store, sender: Sender, wall_clock: datetime) -> list[Doubt]:
    ledger = messages.c
    with store.transaction() as connection:
        rows = connection.execute(
            sa.select(ledger.message_id, ledger.address, ledger.attempted_at, ledger.provider_message_id)
            .where(ledger.state == "unknown", ledger.provider == sender.provider)
            .where(ledger.channel == sender.channel, ledger.attempted_at > wall_clock - LONGEST_MEMORY)
            .order_by(ledger.attempted_at, ledger.message_id)
        ).mappings()
        return [Doubt(**row) for row in rows]


def _learn(
    store: Store, asked: Sequence[Doubt], shown: Iterable[Receipt], old: datetime, now: datetime
) -> Counter[str]:
    """What the log shows is resolved; what was attempted before `old` and is not there was never sent.

    The answer is about the attempts that were asked about. Another run may have made a new one meanwhile,
    which the log cannot show yet: such a doubt is asked about again.
    """
    told = {receipt.message_id: receipt for receipt in shown}
    # An entry that may be the message, and may not, leaves the doubt as it is.
    found = {key: receipt for key, receipt in told.items() if receipt.outcome in ("accepted", "rejected")}
    absent = [
        doubt.message_id for doubt in asked if doubt.message_id not in told and doubt.attempted_at <= old
    ]
    with store.transaction() as connection:
        still = _still_open(connection, [doubt for doubt in asked if doubt.message_id in {*found, *absent}])
        learned = [receipt for message_id, receipt in found.items() if message_id in still]
        _record(connection, learned, now)
        closed = [(still[receipt.message_id], receipt.suppress) for receipt in learned]
        add_suppressions(
            connection,
            [suppression(row["channel"], row["address"], reason, now) for row, reason in closed if reason],
        )
        unsent = [message_id for message_id in absent if message_id in still]
        return _send_again(connection, unsent, "read_back", now) + Counter(
            receipt.outcome for receipt in learned
        )


def _still_open(connection: sa.Connection, asked: Iterable[Doubt]) -> dict[str, Mapping[Any, Any]]:
    """Locked rows, by id, of doubts that are still about the attempt that was asked about."""
    attempts = {doubt.message_id: doubt.attempted_at for doubt in asked}
    rows = connection.execute(
        sa.select(*(messages.c[name] for name in ("message_id", "channel", "address", "attempted_at")))
        .where(messages.c.message_id.in_(attempts), messages.c.state == "unknown")
        .order_by(messages.c.message_id)
        .with_for_update()
    ).mappings()
    return {row["message_id"]: row for row in rows if row["attempted_at"] == attempts[row["message_id"]]}


def _record(connection: sa.Connection, learned: Sequence[Receipt], now: datetime) -> None:
    for receipt in learned:
        connection.execute(
            sa.update(messages)
            .where(messages.c.message_id == receipt.message_id)
            .values(
                state=receipt.outcome,
                reason=receipt.reason,
                provider_message_id=receipt.provider_message_id,
                suppression=receipt.suppress,
                resolved_by="read_back",
                reconciled_at=now,
                is_written_back=False,
            )
        )


def _send_again(
    connection: sa.Connection, ids: Sequence[str], resolved_by: Resolver, now: datetime
) -> Counter[str]:
    """Plan what is still wanted, skip the rest; the caller has locked the rows."""
    ledger = messages.c
    # What landing does not know yet is still on the outbox: a worker died with it a moment ago.
    has_content = sa.or_(IS_KEPT, ledger.is_written_back.is_(False))
    in_time = sa.or_(ledger.expires_at.is_(None), ledger.expires_at > now)
    known = {"resolved_by": resolved_by, "reconciled_at": now, "claimed_by": None, "lease_until": None}
    planned = connection.execute(
        sa.update(messages)
        .where(ledger.message_id.in_(ids), ledger.state == "unknown", has_content, in_time)
        .values(state="planned", reason=f"not_sent: {resolved_by}", next_attempt_at=None, **known)
    ).rowcount
    skipped = connection.execute(
        sa.update(messages)
        .where(ledger.message_id.in_(ids), ledger.state == "unknown")
        .values(state="skipped", reason="too_late", is_written_back=False, **known)
    ).rowcount
    return +Counter({"planned": planned, "skipped": skipped})
