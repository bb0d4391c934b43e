"""The delivery loop: claim, render, attempt, send, settle, write back; the same for every vendor."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Protocol, TypeVar

from connectors.delivery import ledger
from connectors.delivery.facts import forget_old_facts
from connectors.delivery.receipts import write_receipts
from connectors.delivery.sender import Sender
from connectors.errors import Rejected, StopSync, TryAgain
from connectors.landing import Landing
from connectors.model import Content, Envelope, Message, Receipt
from connectors.store import Store

CLAIM_SIZE = 200
LEASE = timedelta(minutes=5)

Item = TypeVar("Item")
Progress = Callable[[int], None]
"""Called with the number of messages that have just been dealt with."""


class MessageRenderer(Protocol):
    """Whatever turns a message into what its recipient sees."""

    def render(self, message: Message) -> Content:
        """The content, or `Rejected` when this message cannot be rendered."""
        ...


@dataclass(frozen=True)
class DeliveryResult:
    """What became of the messages of one run.

    Attributes:
        counts: messages by outcome: accepted, rejected, retry, unknown, skipped, held, not_due (already
            settled, not due again, or another worker's).
        reasons: messages by reason, for all that were not accepted.
        written_back: outcomes that went to landing.
        stopped: channel → why its vendor could not be used at all.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    written_back: int = 0
    stopped: Mapping[str, str] = field(default_factory=dict)


def deliver(
    store: Store,
    landing: Landing,
    messages: Iterable[Message],
    senders: Mapping[str, Sender],
    renderer: MessageRenderer,
    now: datetime | None = None,
    progress: Progress | None = None,
    *,
    refresh: Callable[[], object] | None = None,
) -> DeliveryResult:
    """Send what is due, at most once each, and write every outcome to landing.

    Args:
        store: the ledger; whoever uses the same one never sends the same message.
        landing: where outcomes go.
        messages: rows of the outbox as `Message`, any number, in order of priority.
        senders: the vendor of each channel.
        renderer: makes the content.
        now: naive UTC; fixes the time of the whole run (replays, the demo). Without it, the clock runs.
        progress: told after each batch.
        refresh: called before every claim; brings fresh facts into the store (`take_fresh_facts`).

    Returns:
        counts by outcome; never raises for the sake of one message.
    """
    run = _Run(store, senders, renderer, now, refresh or (lambda: None), progress or (lambda _count: None))
    asyncio.run(run.deliver(messages))
    written = write_receipts(store, landing)
    return DeliveryResult(dict(run.counts), dict(run.reasons), written, dict(run.stopped))


class _Run:
    """One call of `deliver`: a worker with its own name in the ledger."""

    def __init__(
        self,
        store: Store,
        senders: Mapping[str, Sender],
        renderer: MessageRenderer,
        now: datetime | None,
        refresh: Callable[[], object],
        progress: Progress,
    ) -> None:
        self._store = store
        self._senders = senders
        self._renderer = renderer
        self._fixed_now = now
        self._refresh = refresh
        self._progress = progress
        self._worker = ledger.new_worker()
        self.counts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.stopped: dict[str, str] = {}

    def _now(self) -> datetime:
        return self._fixed_now or wall_clock()

    async def deliver(self, messages: Iterable[Message]) -> None:
        """Recover what others left, then batch by batch."""
        repeatable = [channel for channel, sender in self._senders.items() if sender.is_repeatable]
        doubtful = ledger.recover(self._store, self._now(), wall_clock(), repeatable)
        self._count("unknown", dict.fromkeys(doubtful, "worker_died"))
        self._count("skipped", ledger.expire(self._store, self._now()))
        forget_old_facts(self._store, self._now())
        try:
            for batch in portions(messages, CLAIM_SIZE):
                await self._deliver_batch(batch)
                self._progress(len(batch))
        finally:
            ledger.release(self._store, self._worker, self._now())
            await asyncio.gather(*(sender.close() for sender in self._senders.values()))

    async def _deliver_batch(self, batch: list[Message]) -> None:
        served = self._senders.keys() - self.stopped.keys()
        usable = [message for message in batch if message.channel in served]
        self._count("held", {due.message_id: "no_sender" for due in batch if due.channel not in served})
        self._refresh()
        got = ledger.claim(self._store, usable, self._worker, self._now(), wall_clock() + LEASE)
        self._count("skipped", got.skipped)
        self._count("held", got.held)
        self.counts["not_due"] += len(usable) - len(got.mine) - len(got.skipped) - len(got.held)
        by_channel = defaultdict(list)
        for message in got.mine:
            by_channel[message.channel].append(message)
        await asyncio.gather(
            *(self._deliver_channel(self._senders[channel], mine) for channel, mine in by_channel.items())
        )

    async def _deliver_channel(self, sender: Sender, mine: list[Message]) -> None:
        """One channel's share of a claim: a slow vendor holds up its own messages only."""
        envelopes = self._render(mine, sender)
        for batch in portions(envelopes, sender.batch_size):
            if sender.channel in self.stopped:
                self._count("held", {envelope.message.message_id: "provider_stopped" for envelope in batch})
                continue
            try:
                await self._send(sender, batch)
            except StopSync as stop:
                self.stopped[sender.channel] = str(stop)

    def _render(self, mine: Sequence[Message], sender: Sender) -> list[Envelope]:
        """Contents of the messages; one that does not render is rejected alone."""
        envelopes, failed = [], []
        for message in mine:
            try:
                envelopes.append(Envelope(message, self._renderer.render(message), self._now()))
            except Rejected as error:
                failed.append(Receipt(message.message_id, "rejected", sender.provider, reason=str(error)))
        self._settle(failed)
        return envelopes

    async def _send(self, sender: Sender, batch: Sequence[Envelope]) -> None:
        """Attempt, send, settle. What a vendor does not answer for stays attempted, and ends as unknown."""
        ids = [envelope.message.message_id for envelope in batch]
        mine = ledger.attempt(self._store, ids, self._worker, self._now())
        batch = [envelope for envelope in batch if envelope.message.message_id in mine]
        if not batch:
            return
        try:
            receipts = await sender.send(batch)
        except TryAgain as error:
            receipts = [_again(envelope, sender, error) for envelope in batch]
        except StopSync:
            self._settle([_again(envelope, sender, TryAgain("stopped")) for envelope in batch])
            raise
        self._settle(receipts)

    def _settle(self, receipts: Sequence[Receipt]) -> None:
        if not receipts:
            return
        ledger.settle(self._store, receipts, self._worker, self._now())
        for receipt in receipts:
            self.counts[receipt.outcome] += 1
            if receipt.outcome != "accepted":
                self.reasons[receipt.reason or receipt.outcome] += 1

    def _count(self, outcome: str, reasons: Mapping[str, str]) -> None:
        if reasons:
            self.counts[outcome] += len(reasons)
            self.reasons.update(reasons.values())


def _again(envelope: Envelope, sender: Sender, error: TryAgain) -> Receipt:
    return Receipt(
        envelope.message.message_id,
        "retry",
        sender.provider,
        reason=str(error),
        retry_after_seconds=error.retry_after_seconds,
    )


def portions(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """The items in lists of at most `size`, without holding more than one."""
    iterator = iter(items)
    while portion := list(islice(iterator, size)):
        yield portion


def wall_clock() -> datetime:
    """Now, as the operating system says, naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None)
