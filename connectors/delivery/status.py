"""How providers are: health, pace, the last day's outcomes, and what waits for a person or for evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from connectors.delivery.breakers import Breaker, Health, State, read_health
from connectors.delivery.policies import Policies, WarmUp, sent_today
from connectors.delivery.sender import Sender
from connectors.delivery.states import OPEN_DOUBT
from connectors.store import Store
from connectors.tables import dead_letters, messages

WINDOW = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class ProviderStatus:
    """One provider on one channel.

    Attributes:
        breaker: closed (in use), open, half_open (the next message is a trial).
        reason: why it is not closed.
        open_until: naive UTC.
        per_second: messages per second that it is asked for now; none without a limit.
        declared_per_second: what it publishes, or `providers.yml` says.
        concurrent: calls at once.
        paused_until: naive UTC moment until which it asked to be left alone.
        accepted: messages of the last 24 hours, as rejected, waiting (for another attempt) and unknown.
        dead_letters: open ones of any age.
        doubts: open ones of any age: unknown, and neither resolved nor closed by a policy.
        warm_up: `day 3 of 6: 120 of 500`, for each plan that is not over.
    """

    channel: str
    provider: str
    breaker: State
    reason: str | None
    open_until: datetime | None
    per_second: float | None
    declared_per_second: float | None
    concurrent: int
    paused_until: datetime | None
    accepted: int
    rejected: int
    waiting: int
    unknown: int
    dead_letters: int
    doubts: int
    warm_up: str


def provider_status(
    store: Store, senders: Mapping[str, Sequence[Sender]], policies: Policies, now: datetime
) -> list[ProviderStatus]:
    """Every provider in use, by channel and in failover order."""
    with store.transaction() as connection:
        healths, dead, doubts = (
            read_health(connection),
            open_dead_letters(connection),
            open_doubts(connection),
        )
        return [
            _status(connection, sender, healths, dead, doubts, policies, now)
            for listed in senders.values()
            for sender in listed
        ]


def open_dead_letters(connection: sa.Connection) -> dict[tuple[str, str | None], int]:
    """Dead letters that nobody has replayed, by (channel, provider)."""
    rows = connection.execute(
        sa.select(messages.c.channel, messages.c.provider, sa.func.count())
        .join(dead_letters, dead_letters.c.message_id == messages.c.message_id)
        .where(dead_letters.c.replayed_at.is_(None))
        .group_by(messages.c.channel, messages.c.provider)
    )
    return {(row[0], row[1]): row[2] for row in rows}


def open_doubts(connection: sa.Connection) -> dict[tuple[str, str | None], int]:
    """Unknown outcomes that nothing has resolved and no policy has closed, by (channel, provider)."""
    rows = connection.execute(
        sa.select(messages.c.channel, messages.c.provider, sa.func.count())
        .where(OPEN_DOUBT)
        .group_by(messages.c.channel, messages.c.provider)
    )
    return {(row[0], row[1]): row[2] for row in rows}


def _status(
    connection: sa.Connection,
    sender: Sender,
    healths: Mapping[tuple[str, str], Health],
    dead: Mapping[tuple[str, str | None], int],
    doubts: Mapping[tuple[str, str | None], int],
    policies: Policies,
    now: datetime,
) -> ProviderStatus:
    place = (sender.channel, sender.provider)
    declared = sender.rate.per_second
    health = healths.get(place, Health(*place, Breaker(), declared))
    counts = _last_day(connection, place, now)
    return ProviderStatus(
        channel=sender.channel,
        provider=sender.provider,
        breaker=health.breaker.state(now),
        reason=health.breaker.reason,
        open_until=health.breaker.open_until,
        per_second=health.per_second if declared is None else min(health.per_second or declared, declared),
        declared_per_second=declared,
        concurrent=sender.rate.concurrent,
        paused_until=health.paused_until if health.paused_until and health.paused_until > now else None,
        accepted=counts.get("accepted", 0),
        rejected=counts.get("rejected", 0),
        waiting=counts.get("retry", 0),
        unknown=counts.get("unknown", 0),
        dead_letters=dead.get(place, 0),
        doubts=doubts.get(place, 0),
        warm_up="; ".join(_place(connection, plan, now) for plan in policies.warm_up.get(place, ())),
    )


def _last_day(connection: sa.Connection, place: tuple[str, str], now: datetime) -> dict[str, int]:
    channel, provider = place
    rows = connection.execute(
        sa.select(messages.c.state, sa.func.count())
        .where(messages.c.provider == provider, messages.c.channel == channel)
        .where(messages.c.settled_at > now - WINDOW)
        .group_by(messages.c.state)
    )
    return dict(rows.tuples().all())


def _place(connection: sa.Connection, plan: WarmUp, now: datetime) -> str:
    """Where a plan stands today."""
    limit = plan.limit(now)
    if limit is None:
        return f"{plan.name}: done"
    day = f"day {plan.place(now)} of {len(plan.per_day)}" if limit else f"starts {plan.starts_on}"
    return f"{plan.name}: {day}: {sent_today(connection, plan, now)} of {limit}"
