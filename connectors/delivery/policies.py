"""What an installation has declared about messages that are late or in doubt, and about new domains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal

import sqlalchemy as sa

from connectors.store import insert
from connectors.tables import warm_up_days

UnknownPolicy = Literal["never_resend", "resend_after_horizon"]


@dataclass(frozen=True, slots=True)
class Late:
    """What happens to a message that leaves later than it was due.

    Attributes:
        then: `send` it all the same, `skip` it, or `ask` a person (it is held until released).
        after: how late is late.
    """

    then: Literal["send", "skip", "ask"] = "send"
    after: timedelta = timedelta(hours=24)

    def applies(self, due_at: datetime, now: datetime) -> bool:
        """Whether the message needs a decision."""
        return self.then != "send" and now - due_at > self.after


@dataclass(frozen=True, slots=True)
class WarmUp:
    """A plan for a new sending domain or provider: on its n-th day at most so many messages.

    Attributes:
        name: what is warmed up; counted under this name in the ledger.
        starts_on: the first day, UTC; before it nothing leaves.
        per_day: messages by day; after the last one there is no limit.
    """

    name: str
    starts_on: date
    per_day: tuple[int, ...]

    def place(self, now: datetime) -> int:
        """Which day of the plan it is: 1 is the first, 0 or less lies before it."""
        return (now.date() - self.starts_on).days + 1

    def limit(self, now: datetime) -> int | None:
        """How many messages may leave this day; none when the plan is over."""
        place = self.place(now)
        if place < 1:
            return 0
        return self.per_day[place - 1] if place <= len(self.per_day) else None


@dataclass(frozen=True, slots=True)
class Policies:
    """All that is declared.

    Attributes:
        late: by message class; a class that is not named is sent however late.
        unknown: by message class; a class that is not named is never sent again.
        unknown_horizon: after which a doubt that nobody resolved falls under its policy.
        warm_up: plans by (channel, provider); the tightest one counts.
    """

    late: Mapping[str, Late] = field(default_factory=dict)
    unknown: Mapping[str, UnknownPolicy] = field(default_factory=dict)
    unknown_horizon: timedelta = timedelta(hours=12)
    warm_up: Mapping[tuple[str, str], Sequence[WarmUp]] = field(default_factory=dict)


def sent_today(connection: sa.Connection, plan: WarmUp, now: datetime) -> int:
    """How many messages have left under a plan on this UTC day."""
    count: int | None = connection.scalar(
        sa.select(warm_up_days.c.message_count).where(_today(plan, now)).with_for_update()
    )
    return count or 0


def left_today(connection: sa.Connection, plans: Sequence[WarmUp], now: datetime) -> int | None:
    """How many messages may still leave today; none when no plan limits them."""
    limits = [(plan, limit) for plan in plans if (limit := plan.limit(now)) is not None]
    return min((max(limit - sent_today(connection, plan, now), 0) for plan, limit in limits), default=None)


def take_places(connection: sa.Connection, plans: Sequence[WarmUp], wanted: int, now: datetime) -> int:
    """Count messages that are about to leave; as many as all plans allow, in the caller's transaction."""
    limited = sorted((plan for plan in plans if plan.limit(now) is not None), key=lambda plan: plan.name)
    for plan in limited:
        connection.execute(
            insert(connection, warm_up_days).on_conflict_do_nothing(),
            {"plan": plan.name, "day": now.date(), "message_count": 0},
        )
    left = left_today(connection, limited, now)
    granted = wanted if left is None else min(wanted, left)
    give_back_places(connection, limited, -granted, now)
    return granted


def give_back_places(connection: sa.Connection, plans: Sequence[WarmUp], count: int, now: datetime) -> None:
    """Uncount messages that did not leave after all."""
    for plan in plans if count else ():
        connection.execute(
            sa.update(warm_up_days)
            .where(_today(plan, now))
            .values(message_count=warm_up_days.c.message_count - count)
        )


def _today(plan: WarmUp, now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(warm_up_days.c.plan == plan.name, warm_up_days.c.day == now.date())
