"""The delivery loop: claim, render, attempt, send, settle, write back; the same for every vendor.

list ─► reader ─► lane (one per provider) ─► workers: claim ─ last look ─ render ─ attempt ─► vendor
                    ▲    waits on disk                                                          │
                    └─ not taken: next provider, or later (Retry-After) ◄── outcome ─► ledger ◄─┘
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol

from connectors.delivery import doubts, ledger
from connectors.delivery.breakers import write_health
from connectors.delivery.calls import Calls
from connectors.delivery.clerk import Clerk
from connectors.delivery.collecting import few_collections
from connectors.delivery.facts import forget_old_facts
from connectors.delivery.kept import forget, returned
from connectors.delivery.lanes import Lane, Router, open_lanes
from connectors.delivery.lists import Lists, Senders, in_order, portions
from connectors.delivery.policies import Policies
from connectors.delivery.receipts import write_receipts
from connectors.delivery.tally import DeliveryResult, Progress, Tally
from connectors.delivery.told import believe
from connectors.errors import Rejected
from connectors.landing import Landing
from connectors.model import Content, Envelope, Message, Receipt
from connectors.store import Store

CLAIM_SIZE = 500
READ_SIZE = 500
LEASE = timedelta(minutes=5)
WAIT_FOR_ROOM_SECONDS = 0.2
"""So long one provider may keep the list from being read on for the others; then its share goes to disk."""


class MessageRenderer(Protocol):
    """Whatever turns a message into what its recipient sees."""

    def render(self, message: Message) -> Content:
        """The content, or `Rejected` when this message cannot be rendered."""
        ...


def deliver(
    store: Store,
    landing: Landing,
    messages: Lists,
    senders: Senders,
    renderer: MessageRenderer,
    now: datetime | None = None,
    progress: Progress | None = None,
    *,
    refresh: Callable[[], object] | None = None,
    policies: Policies | None = None,
) -> DeliveryResult:
    """Send what is due, at most once each, and write every outcome to landing.

    Args:
        store: the ledger; whoever uses the same one never sends the same message.
        landing: where outcomes go.
        messages: what is due, most important first: one list, or one by channel. It is read as it is sent.
        senders: vendors by channel, one or several in the order of failover.
        renderer: makes contents.
        now: naive UTC moment at which time stands still (a replay); none lets the clock run.
        progress: called with the number of messages that have just been dealt with.
        refresh: called before each claim, to take in facts that landed meanwhile.
        policies: what is declared of late and doubtful messages and of new domains.

    Raises:
        Exception: what a sender raised that no sender may raise; its messages are in doubt, all others have
            been dealt with.
    """
    run = _Run(
        store, senders, renderer, now, refresh or (lambda: None), Tally(progress), policies or Policies()
    )
    with few_collections():
        asyncio.run(run.deliver(messages))
    result = run.tally.result(write_receipts(store, landing))
    for lane in run.lanes:
        if lane.broken:
            raise lane.broken
    return result


class _Run:
    """One call of `deliver`: a worker with its own name in the ledger."""

    def __init__(
        self,
        store: Store,
        senders: Senders,
        renderer: MessageRenderer,
        now: datetime | None,
        refresh: Callable[[], object],
        tally: Tally,
        policies: Policies,
    ) -> None:
        self._store = store
        self._senders = {channel: in_order(listed) for channel, listed in senders.items()}
        self._fixed_now = now
        self._refresh = refresh
        self._policies = policies
        self._renderer = renderer
        self._worker = ledger.new_worker()
        self._lanes: dict[str, list[Lane]] = {}
        self._router = Router(self._lanes)
        self._readers = 0
        self.tally = tally

    @property
    def lanes(self) -> list[Lane]:
        """Every lane, by channel and in failover order."""
        return [lane for lanes in self._lanes.values() for lane in lanes]

    def _now(self) -> datetime:
        return self._fixed_now or wall_clock()

    async def deliver(self, lists: Lists) -> None:
        """Recover what others left, resolve doubts, then work until every list is at its end."""
        self._clerk = Clerk(self._store, self._worker, self._now, wall_clock)
        is_live = self._fixed_now is None
        self._calls = Calls(self._clerk, self._router, self.tally, is_live=is_live)
        self.tally.on_end = self._wake_when_over
        tasks: list[asyncio.Task[None]] = []
        try:
            await self._clerk.do(self._begin)
            for lane in self.lanes:  # evidence first, policies last
                told = await doubts.read_back(self._store, lane.sender, self._now(), wall_clock())
                self.tally.resolved.update(told)
            clocks = (self._now(), wall_clock())
            closed = partial(doubts.apply_policies, self._store, self._policies, *clocks)
            self.tally.resolved.update(await self._clerk.do(closed))
            tasks = [asyncio.create_task(work) for work in self._work(lists)]
            heart = asyncio.create_task(self._keep_leases())
            try:
                await asyncio.gather(*tasks)
            finally:
                heart.cancel()
        finally:
            await self._end(tasks)

    def _begin(self) -> None:
        """Take over from the dead, drop what is late or old, remember how the providers were."""
        store, now = self._store, self._now()
        repeatable = [
            channel
            for channel, senders in self._senders.items()
            if all(sender.is_repeatable for sender in senders)
        ]
        self.tally.count("unknown", len(ledger.recover(store, now, wall_clock(), repeatable)), "worker_died")
        self.tally.resolved.update(believe(store, now))
        self.tally.count("skipped", len(ledger.expire(store, now)), "too_late")
        forget_old_facts(store, now)
        forget(store, now)
        self._lanes |= open_lanes(store, self._senders, self._policies, now)

    def _work(self, lists: Lists) -> list[Coroutine[None, None, None]]:
        """A reader per list, and for each lane as many workers as it takes calls, and one that prepares."""
        by_channel = dict(lists) if isinstance(lists, Mapping) else {"*": lists}
        sources = [(returned(self._store, self._now()), 0.0)]
        for channel, messages in by_channel.items():
            lanes = self.lanes if channel == "*" else self._lanes.get(channel, [])
            sources.append((messages, math.inf if len(lanes) == 1 else WAIT_FOR_ROOM_SECONDS))
        self._readers = len(sources)
        return [
            *(self._read(messages, patience) for messages, patience in sources),
            *(self._serve(lane) for lane in self.lanes for _ in range(lane.sender.rate.concurrent + 1)),
        ]

    async def _end(self, tasks: Iterable[asyncio.Task[None]]) -> None:
        """Stop, give back what is ours, remember how the providers are."""
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            await self._clerk.do(self._leave)
        finally:
            self._clerk.close()
            senders = [sender for listed in self._senders.values() for sender in listed]
            await asyncio.gather(*(sender.close() for sender in senders))

    def _leave(self) -> None:
        now = self._now()
        ledger.release(self._store, self._worker, now)
        with self._store.transaction() as connection:
            write_health(connection, [lane.health(now) for lane in self.lanes], now)

    async def _read(self, messages: Iterable[Message], patience: float) -> None:
        """Route a list; wait while its providers have enough to do, so that memory stays constant."""
        for portion in portions(messages, READ_SIZE):
            self.tally.begin(len(portion))
            lanes = {lane for message in portion if (lane := self._calls.route(message))}
            for lane in lanes:
                await lane.wait_for_room(patience)
            await asyncio.sleep(0)
        self._readers -= 1
        self._wake_when_over()

    async def _serve(self, lane: Lane) -> None:
        """Work for one provider until the run is over."""
        while True:
            async with lane.turn:
                batch = await self._prepare(lane)
            if batch is None:
                return
            try:
                async with lane.slots:
                    await self._calls.send(lane, batch)
            finally:
                lane.calls -= 1
                lane.changed.set()

    async def _prepare(self, lane: Lane) -> list[Envelope] | None:
        """The next batch, claimed and rendered; none when the run is over."""
        while not self._is_over:
            state = lane.readiness(self._now())
            if state == "away":
                await self._evacuate(lane)
            elif state == "probe" and lane.calls:
                pass  # one message is on trial; the others wait for what it brings
            elif lane.ready:
                size = 1 if state == "probe" else lane.sender.batch_size
                if batch := await self._render(lane, lane.take_ready(size)):
                    lane.calls += 1
                    return batch
                continue
            elif lane.backlog:
                await self._claim(lane)
                continue
            if not self._is_over:
                lane.changed.clear()
                await lane.changed.wait()
        return None

    async def _claim(self, lane: Lane) -> None:
        """Make the next messages ours; whatever the last look refuses is dealt with here."""
        batch = lane.take_backlog(CLAIM_SIZE)
        await self._clerk.aside(self._refresh)
        got = await self._clerk.do(partial(self._claim_now, lane, batch))
        lane.ready.extend(got.mine)
        self.tally.end_each("skipped", got.skipped)
        self.tally.end_each("held", got.held)
        self.tally.end("not_due", len(batch) - len(got.mine) - len(got.skipped) - len(got.held))

    def _claim_now(self, lane: Lane, batch: Sequence[Message]) -> ledger.Claim:
        return ledger.claim(
            self._store,
            batch,
            self._worker,
            self._now(),
            wall_clock() + LEASE,
            late=self._policies.late,
            warm_up=lane.plans,
        )

    async def _evacuate(self, lane: Lane) -> None:
        """A provider that is away keeps no messages: they go to the next one, or wait for a later run."""
        if claimed := lane.take_ready(len(lane.ready)):
            await self._calls.give_up_claims(claimed)
        while unclaimed := lane.take_backlog(CLAIM_SIZE):
            for message in unclaimed:
                self._calls.route(message)

    async def _render(self, lane: Lane, mine: Sequence[Message]) -> list[Envelope]:
        """Contents of the messages; one that does not render is rejected alone."""
        envelopes: list[Envelope] = []
        for message in mine:
            try:
                envelopes.append(Envelope(message, self._renderer.render(message), self._now()))
            except Rejected as error:
                receipt = Receipt(message.message_id, "rejected", lane.sender.provider, reason=str(error))
                await self._calls.record(lane, [receipt], [Envelope(message, Content(""), self._now())])
        return envelopes

    async def _keep_leases(self) -> None:
        """As long as this process lives, what it holds stays its own, however slow a provider is."""
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            await self._clerk.do(lambda: ledger.renew(self._store, self._worker, wall_clock() + LEASE))

    @property
    def _is_over(self) -> bool:
        return not self._readers and not self.tally.under_way

    def _wake_when_over(self) -> None:
        if self._is_over:
            for lane in self.lanes:
                lane.changed.set()


def wall_clock() -> datetime:
    """Now, as the operating system says, naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None)
