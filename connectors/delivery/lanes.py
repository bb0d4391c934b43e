"""Lanes: one per provider and channel, each with its own pace, health and queue; and who gets a message.

A message goes to the first provider, in declared order, that serves its address and is healthy. Lanes know
nothing of each other: what one provider cannot take waits on disk, not in the way of the others.
"""

from __future__ import annotations

import asyncio
import math
import pickle
import tempfile
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import IO, Literal

from connectors.delivery.breakers import Breaker, Health, read_health
from connectors.delivery.limits import Limiter
from connectors.delivery.policies import Policies, WarmUp
from connectors.delivery.sender import Sender
from connectors.model import Message
from connectors.store import Store

NEAR = 1_000
"""Messages of one lane that wait in memory; the others wait in a temporary file."""

PATIENCE_SECONDS = 30.0
"""A provider that asks for a longer pause is passed over, and a retry that is due sooner waits in the run."""

Readiness = Literal["ready", "probe", "away"]


class Backlog:
    """First in, first out, at constant memory."""

    def __init__(self) -> None:
        self._near: deque[Message] = deque()
        self._far: IO[bytes] | None = None
        self._far_count = self._read_at = self._written_at = 0

    def __len__(self) -> int:
        return len(self._near) + self._far_count

    @property
    def is_full(self) -> bool:
        """Whether another message would go to the file."""
        return bool(self._far_count) or len(self._near) >= NEAR

    def append(self, message: Message) -> None:
        """Add one at the end."""
        if not self.is_full:
            self._near.append(message)
            return
        if self._far is None:
            self._far = tempfile.TemporaryFile()  # noqa: SIM115  (open as long as the lane)
        self._far.seek(self._written_at)
        pickle.dump(message, self._far, pickle.HIGHEST_PROTOCOL)
        self._written_at = self._far.tell()
        self._far_count += 1

    def take(self, count: int) -> list[Message]:
        """Remove up to so many from the front."""
        taken = [self._near.popleft() for _ in range(min(count, len(self._near)))]
        if not self._near:
            self._fetch()
        return taken

    def _fetch(self) -> None:
        """Bring the next ones into memory; an emptied file begins anew."""
        if self._far is None or not self._far_count:
            return
        self._far.seek(self._read_at)
        for _ in range(min(NEAR, self._far_count)):
            self._near.append(pickle.load(self._far))  # noqa: S301  (our own, unnamed file)
            self._far_count -= 1
        self._read_at = self._far.tell()
        if not self._far_count:
            self._far.truncate(0)
            self._read_at = self._written_at = 0


class Lane:
    """One provider on one channel, during one run.

    Attributes:
        backlog: messages that nobody has claimed yet.
        ready: messages that this run has claimed.
        calls: how many calls are under way.
        broken: the error of a sender that failed in a way that no sender may; it is not asked again in this
            run.
        turn: one worker at a time claims and renders.
        slots: calls at once.
        changed: something to do, or to stop doing.
        room: the backlog is not full.
    """

    def __init__(
        self,
        sender: Sender,
        plans: Sequence[WarmUp] = (),
        health: Health | None = None,
        now: datetime | None = None,
    ) -> None:
        self.sender = sender
        self.plans = tuple(plans)
        self.limiter = Limiter(sender.rate)
        self.breaker = health.breaker if health else Breaker()
        if health and now:
            pause = (health.paused_until - now).total_seconds() if health.paused_until else 0.0
            self.limiter.resume(health.per_second, pause)
        self.backlog = Backlog()
        self.ready: deque[Message] = deque()
        self.calls = 0
        self.broken: Exception | None = None
        self.turn = asyncio.Lock()
        self.slots = asyncio.Semaphore(sender.rate.concurrent)
        self.changed = asyncio.Event()
        self.room = asyncio.Event()

    @property
    def name(self) -> str:
        """`channel/provider`."""
        return f"{self.sender.channel}/{self.sender.provider}"

    def readiness(self, now: datetime) -> Readiness:
        """`ready` for messages, `away`, or to be tried with one (`probe`)."""
        if self.broken or self.limiter.paused_seconds > PATIENCE_SECONDS:
            return "away"
        state = self.breaker.state(now)
        return "probe" if state == "half_open" else "away" if state == "open" else "ready"

    @property
    def is_idle(self) -> bool:
        """Whether no message waits for it or is with it."""
        return not self.backlog and not self.ready and not self.calls

    def add(self, message: Message) -> None:
        """Queue a message."""
        self.backlog.append(message)
        self.changed.set()

    def take_backlog(self, at_most: int) -> list[Message]:
        """The next messages to claim: at most half a minute's worth, so that claims are fresh."""
        pace = self.limiter.per_second
        worth = max(int(pace * PATIENCE_SECONDS), self.sender.batch_size) if pace else at_most
        taken = self.backlog.take(min(at_most, worth))
        if not self.backlog.is_full:
            self.room.set()
        return taken

    def take_ready(self, at_most: int) -> list[Message]:
        """The next claimed messages."""
        return [self.ready.popleft() for _ in range(min(at_most, len(self.ready)))]

    async def wait_for_room(self, patience_seconds: float) -> None:
        """Wait until the backlog fits into memory, or until patience is at its end."""
        if not self.backlog.is_full:
            return
        self.room.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(
                self.room.wait(), None if math.isinf(patience_seconds) else patience_seconds
            )

    def absence(self) -> str:
        """Why it takes nothing, as the reason of a message that is held for it."""
        if self.breaker.open_until is not None:
            return "provider_down"
        return "provider_failed" if self.broken else "provider_paused"

    def health(self, now: datetime) -> Health:
        """What the next run should know."""
        pause = self.limiter.paused_seconds
        paused_until = now + timedelta(seconds=pause) if pause else None
        return Health(
            self.sender.channel, self.sender.provider, self.breaker, self.limiter.per_second, paused_until
        )


def open_lanes(
    store: Store, senders: Mapping[str, Sequence[Sender]], policies: Policies, now: datetime
) -> dict[str, list[Lane]]:
    """Lanes by channel, in failover order, with what the store remembers of the providers."""
    with store.transaction() as connection:
        healths = read_health(connection)
    return {
        channel: [
            Lane(
                sender,
                policies.warm_up.get((channel, sender.provider), ()),
                healths.get((channel, sender.provider)),
                now,
            )
            for sender in listed
        ]
        for channel, listed in senders.items()
    }


class Router:
    """Who gets a message: lanes by channel, in failover order."""

    def __init__(self, lanes: Mapping[str, Sequence[Lane]]) -> None:
        self._lanes = lanes

    def choose(self, message: Message, now: datetime, tried: Collection[Lane] = ()) -> Lane | str:
        """The lane, or the reason why the message is held.

        A provider whose cool-down is over is tried with one message while the others go to the next one; when
        there is no next one, they wait for what the trial brings.
        """
        serving = [lane for lane in self._lanes.get(message.channel, ()) if lane.sender.serves(message)]
        lanes = [lane for lane in serving if lane not in tried]
        states = [(lane, lane.readiness(now)) for lane in lanes]
        for lane, state in states:
            if state == "ready" or (state == "probe" and lane.is_idle):
                return lane
        for lane, state in states:
            if state == "probe":
                return lane
        return serving[0].absence() if serving else "no_sender"
