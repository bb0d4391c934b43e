"""The dry run: what a run would do with a list now, by the same rules, claiming and sending nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa

from connectors.delivery.lanes import Lane, Router, open_lanes
from connectors.delivery.last_look import Verdict, last_look
from connectors.delivery.lists import portions
from connectors.delivery.policies import Policies, left_today
from connectors.delivery.sender import Sender
from connectors.delivery.states import CLAIMABLE
from connectors.model import Message
from connectors.store import Store
from connectors.tables import messages

PORTION = 500
Fate = Literal["goes", "held", "skipped", "not_due"]


@dataclass(frozen=True, slots=True)
class Share:
    """Messages of a list with the same fate; `provider` is who would get them."""

    channel: str
    provider: str
    fate: Fate
    reason: str
    messages: int


def preview(
    store: Store,
    lists: Mapping[str, Iterable[Message]],
    senders: Mapping[str, Sequence[Sender]],
    policies: Policies,
    now: datetime,
) -> list[Share]:
    """What would happen to each message of the lists, counted.

    Failures of providers cannot be foreseen: everything is taken to be accepted.
    """
    lanes = open_lanes(store, senders, policies, now)
    foresight = _Foresight(store, Router(lanes), policies, now)
    for listed in lists.values():
        for portion in portions(listed, PORTION):
            foresight.look(portion)
    return [Share(*key, count) for key, count in sorted(foresight.counts.items())]


class _Foresight:
    """Counts by (channel, provider, fate, reason), and the places that are left in warm-up plans."""

    def __init__(self, store: Store, router: Router, policies: Policies, now: datetime) -> None:
        self.counts: Counter[tuple[str, str, Fate, str]] = Counter()
        self._store = store
        self._router = router
        self._policies = policies
        self._now = now
        self._places: dict[Lane, int | None] = {}

    def look(self, portion: Sequence[Message]) -> None:
        with self._store.transaction() as connection:
            known = {row.message_id: row for row in _known(connection, portion)}
            late = {message_id for message_id, row in known.items() if row.released_by}
            verdicts = last_look(connection, portion, self._now, self._policies.late, late)
            for message in portion:
                provider, fate, reason = self._fate(
                    connection, message, known.get(message.message_id), verdicts.get(message.message_id)
                )
                self.counts[message.channel, provider, fate, reason] += 1

    def _fate(
        self,
        connection: sa.Connection,
        message: Message,
        row: sa.Row[tuple[str, str, datetime | None, str | None]] | None,
        verdict: Verdict | None,
    ) -> tuple[str, Fate, str]:
        if row and row.state not in CLAIMABLE:
            return "", "not_due", row.state
        if row and row.next_attempt_at and row.next_attempt_at > self._now:
            return "", "not_due", "waits_for_its_next_attempt"
        if verdict:
            return "", "skipped" if verdict.ruling == "skip" else "held", verdict.reason
        lane = self._router.choose(message, self._now)
        if isinstance(lane, str):
            return "", "held", lane
        if lane not in self._places:
            self._places[lane] = left_today(connection, lane.plans, self._now)
        places = self._places[lane]
        if places == 0:
            return lane.sender.provider, "held", "warm_up"
        self._places[lane] = None if places is None else places - 1
        return lane.sender.provider, "goes", ""


def _known(
    connection: sa.Connection, portion: Sequence[Message]
) -> Sequence[sa.Row[tuple[str, str, datetime | None, str | None]]]:
    ledger = messages.c
    return connection.execute(
        sa.select(ledger.message_id, ledger.state, ledger.next_attempt_at, ledger.released_by).where(
            ledger.message_id.in_([message.message_id for message in portion])
        )
    ).all()
