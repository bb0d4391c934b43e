"""Circuit breakers: a provider that fails is left alone for a while, then asked with one message.

    closed ─► open (failures in a row, or a person must act) ─► half_open (after a cool-down: one message)
       ▲                          ▲                                    │
       └────────── it answers ────┼────────────────────────────────────┤
                                  └──────────── it fails again ────────┘

The state is durable (table `providers`): the next run does not learn again what this one has learnt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from connectors.store import insert
from connectors.tables import providers

State = Literal["closed", "open", "half_open"]

FAILURES_IN_A_ROW = 5
FIRST_COOL_DOWN = timedelta(minutes=1)
LONGEST_COOL_DOWN = timedelta(minutes=30)


@dataclass(slots=True)
class Breaker:
    """What is known of one provider's health.

    Attributes:
        failure_count: whole calls in a row that failed.
        trip_count: how often it opened since it last answered; each time the cool-down doubles.
        open_until: naive UTC moment from which it may be asked again; none while closed.
        reason: why it opened, without addresses or tokens.
    """

    failure_count: int = 0
    trip_count: int = 0
    open_until: datetime | None = None
    reason: str | None = None

    def state(self, now: datetime) -> State:
        """What it is at a moment."""
        if self.open_until is None:
            return "closed"
        return "open" if now < self.open_until else "half_open"

    def succeeded(self) -> bool:
        """The provider answered; true when that closes an open breaker."""
        was_open = self.open_until is not None
        self.failure_count, self.trip_count, self.open_until, self.reason = 0, 0, None, None
        return was_open

    def failed(self, now: datetime, reason: str) -> bool:
        """A whole call failed or timed out; true when that opens the breaker."""
        self.failure_count += 1
        is_probe = self.state(now) == "half_open"
        if not is_probe and (self.open_until is not None or self.failure_count < FAILURES_IN_A_ROW):
            return False
        return self.trip(now, reason)

    def trip(self, now: datetime, reason: str) -> bool:
        """Open at once: nothing will work until a person acts, or the probe failed."""
        self.open_until = now + min(FIRST_COOL_DOWN * 2 ** min(self.trip_count, 10), LONGEST_COOL_DOWN)
        self.trip_count += 1
        self.reason = reason
        return True


@dataclass(frozen=True, slots=True)
class Health:
    """One provider as the store remembers it: breaker, learnt rate (messages per second), pause."""

    channel: str
    provider: str
    breaker: Breaker
    per_second: float | None = None
    paused_until: datetime | None = None


def read_health(connection: sa.Connection) -> dict[tuple[str, str], Health]:
    """Every provider that was ever used, by (channel, provider)."""
    rows = connection.execute(sa.select(providers)).mappings()
    return {(row["channel"], row["provider"]): _health(row) for row in rows}


def write_health(connection: sa.Connection, healths: Iterable[Health], now: datetime) -> None:
    """Remember; of two runs at once, the last word counts."""
    statement = insert(connection, providers)
    changed = {
        column.name: statement.excluded[column.name] for column in providers.c if not column.primary_key
    }
    statement = statement.on_conflict_do_update(index_elements=["channel", "provider"], set_=changed)
    rows = [_row(health, now) for health in sorted(healths, key=lambda each: (each.channel, each.provider))]
    if rows:
        connection.execute(statement, rows)


def _health(row: Mapping[Any, Any]) -> Health:
    breaker = Breaker(row["failure_count"], row["trip_count"], row["open_until"], row["reason"])
    return Health(row["channel"], row["provider"], breaker, row["per_second"], row["paused_until"])


def _row(health: Health, now: datetime) -> dict[str, Any]:
    breaker = health.breaker
    return {
        "channel": health.channel,
        "provider": health.provider,
        "breaker": breaker.state(now),
        "failure_count": breaker.failure_count,
        "trip_count": breaker.trip_count,
        "open_until": breaker.open_until,
        "reason": breaker.reason,
        "per_second": health.per_second,
        "paused_until": health.paused_until,
        "changed_at": now,
    }
