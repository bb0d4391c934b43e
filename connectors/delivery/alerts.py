"""Which alerts are raised: remembered, so that each is told once when it appears and once when it is gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from connectors.delivery.breakers import read_health
from connectors.delivery.status import open_dead_letters, open_doubts
from connectors.store import Store, insert
from connectors.tables import alerts


@dataclass(frozen=True, slots=True)
class News:
    """What has to be told now: texts of alerts that are new, and of those that are gone."""

    raised: tuple[str, ...] = ()
    resolved: tuple[str, ...] = ()


def conditions(store: Store, now: datetime) -> dict[str, str]:
    """What needs a person at the moment: text by name."""
    with store.transaction() as connection:
        found = {
            f"breaker {channel}/{provider}": f"{channel}/{provider} is not used: {health.breaker.reason}"
            for (channel, provider), health in read_health(connection).items()
            if health.breaker.state(now) != "closed"
        }
        dead, doubts = sum(open_dead_letters(connection).values()), sum(open_doubts(connection).values())
    if dead:
        found["dead letters"] = f"{dead} messages were given up: `millrace deadletters list`"
    if doubts:
        found["doubts"] = f"nobody knows whether {doubts} messages left: `millrace providers unknown`"
    return found


def news(store: Store, current: Mapping[str, str], now: datetime) -> News:
    """Compare with what was told before, and remember; of processes that compare at once, one tells."""
    with store.transaction() as connection:
        raised = [name for name, text in sorted(current.items()) if _raise(connection, name, text, now)]
        gone = connection.execute(
            sa.delete(alerts).where(alerts.c.name.not_in(current)).returning(alerts.c.name, alerts.c.text)
        ).all()
    return News(tuple(current[name] for name in raised), tuple(row.text for row in sorted(gone)))


def _raise(connection: sa.Connection, name: str, text: str, now: datetime) -> bool:
    """Whether nobody has told of it yet."""
    row = {"name": name, "text": text, "raised_at": now}
    statement = insert(connection, alerts).on_conflict_do_nothing().returning(alerts.c.name)
    return connection.execute(statement, row).first() is not None
