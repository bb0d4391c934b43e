"""One call to a provider: its pace, its attempt, its outcome, and where what was not taken goes next."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from connectors.delivery import ledger
from connectors.delivery.breakers import write_health
from connectors.delivery.clerk import Clerk
from connectors.delivery.lanes import PATIENCE_SECONDS, Lane, Router
from connectors.delivery.policies import give_back_places
from connectors.delivery.splitting import isolate
from connectors.delivery.tally import Tally
from connectors.errors import Indivisible, StopSync, TryAgain
from connectors.leaving import leaving_while
from connectors.model import Envelope, Message, Outcome, Receipt

LONGEST_CALL_SECONDS = 600.0
"""Vendors time out by themselves; this is for one that forgets to."""

LONGEST_PREPARATION = timedelta(minutes=3)
"""From the attempt to the call, by the wall clock; shorter than a lease. A machine that was suspended in
between does not send: others may have learned from the vendor's log that it had not left, and send it."""

TOO_MANY = "429"
"""In the reason of an answer that names no wait: the provider is alive and asks for a slower pace."""


class Calls:
    """What happens between a rendered batch and its outcomes in the ledger.

    Args:
        clerk: writes to the ledger in this run's name.
        router: knows who else could take a message.
        tally: counts outcomes.
        is_live: the clock runs, so a short wait can be waited for within the run.
    """

    def __init__(
        self,
        clerk: Clerk,
        router: Router,
        tally: Tally,
        *,
        is_live: bool,
    ) -> None:
        self._clerk = clerk
        self._router = router
        self._tally = tally
        self._now = clerk.now
        self._wall_clock = clerk.wall_clock
        self._is_live = is_live
        self._tried: dict[str, set[Lane]] = {}
        self._under_way: set[str] = set()

    def route(self, message: Message) -> Lane | None:
        """Queue a message for the first provider that can take it, or count it as held."""
        chosen = self._router.choose(message, self._now(), self._tried.get(message.message_id, ()))
        if isinstance(chosen, str):
            self._tally.end("held", 1, chosen)
            return None
        chosen.add(message)
        return chosen

    async def send(self, lane: Lane, batch: Sequence[Envelope]) -> None:
        """Attempt, send, settle. Only what is known not to have left goes to another provider."""
        if not await self._is_admitted(lane, len(batch)):
            await self.give_up_claims([envelope.message for envelope in batch])
            return
        attempted_at = self._wall_clock()
        mine = await self._attempt(lane, batch)
        if mine:
            is_paid = True

            async def call(part: Sequence[Envelope]) -> None:
                nonlocal is_paid
                if is_paid or await self._is_admitted(lane, len(part)):
                    is_paid = False
                    await self._ask(lane, part, attempted_at)
                else:
                    await self._not_taken(lane, part, TryAgain(lane.absence()))

            await isolate(mine, call, partial(self._refuse, lane))

    async def give_up_claims(self, mine: Sequence[Message]) -> None:
        """Claimed messages that this provider will not be asked to take: to the next one, or held."""
        ids = [message.message_id for message in mine]
        await self._clerk.do(partial(ledger.free, self._clerk.store, ids, self._clerk.worker, "claimed"))
        for message in mine:
            self.route(message)

    async def record(self, lane: Lane, receipts: Sequence[Receipt], batch: Sequence[Envelope]) -> None:
        """Settle outcomes; what is due again within moments is queued again."""
        sent = {envelope.message.message_id: envelope.message for envelope in batch}
        waits = await self._clerk.settle(receipts, sent, lane.plans)
        self._under_way -= sent.keys()
        now = self._now()
        for receipt in receipts:
            self._tried.pop(receipt.message_id, None)
            due = waits.get(receipt.message_id)
            wait = (due - now).total_seconds() if due else None
            if self._is_live and wait is not None and wait <= PATIENCE_SECONDS:
                # A hair later than the ledger says: it compares moments, and clocks are coarse.
                loop = asyncio.get_running_loop()
                loop.call_later(max(wait, 0.0) + 0.01, self.route, sent[receipt.message_id])
            else:
                reason = None if receipt.outcome == "accepted" else receipt.reason or receipt.outcome
                self._tally.end(receipt.outcome, 1, reason)

    async def _record_each(
        self,
        lane: Lane,
        part: Sequence[Envelope],
        outcome: Outcome,
        reason: str,
        retry_after_seconds: float | None = None,
    ) -> None:
        """Settle the same outcome for each of several messages."""
        receipts = [
            Receipt(
                envelope.message.message_id,
                outcome,
                lane.sender.provider,
                reason=reason,
                retry_after_seconds=retry_after_seconds,
            )
            for envelope in part
        ]
        await self.record(lane, receipts, part)

    async def _is_admitted(self, lane: Lane, messages: int) -> bool:
        """Whether another call may be made, after waiting for its turn."""
        return lane.readiness(self._now()) != "away" and await lane.limiter.acquire(
            messages, PATIENCE_SECONDS
        )

    async def _attempt(self, lane: Lane, batch: Sequence[Envelope]) -> list[Envelope]:
        """The envelopes that are ours to send.

        A message may be in our hands twice: it was listed twice, and another worker that thought us dead gave
        it back in between. The claim names only the worker, so it is here that the second one ends.
        """
        by_id = {envelope.message.message_id: envelope for envelope in batch}
        ids = [message_id for message_id in by_id if message_id not in self._under_way]
        self._under_way.update(ids)
        got = await self._clerk.attempt(ids, lane.sender.provider, lane.plans)
        self._under_way -= set(ids) - got.mine
        self._tally.end("held", len(got.over_plan), "warm_up")
        self._tally.end("not_due", len(batch) - len(got.mine) - len(got.over_plan))
        return [envelope for message_id, envelope in by_id.items() if message_id in got.mine]

    async def _ask(self, lane: Lane, part: Sequence[Envelope], attempted_at: datetime) -> None:
        """One call. What the provider does not answer for is in doubt."""

        def is_fresh() -> bool:
            return self._wall_clock() - attempted_at <= LONGEST_PREPARATION

        if not is_fresh():
            await self._record_each(lane, part, "retry", "attempt_out_of_date")
            return
        try:
            with leaving_while(is_fresh):
                async with asyncio.timeout(LONGEST_CALL_SECONDS):
                    answers = {receipt.message_id: receipt for receipt in await lane.sender.send(part)}
        except Indivisible:
            raise
        except (TryAgain, StopSync) as error:
            await self._not_taken(lane, part, error)
            return
        except TimeoutError:
            answers = {}
        except Exception as error:  # noqa: BLE001  (a fault of ours: raised when all others are done)
            lane.broken, answers = error, {}
        receipts = [
            answers.get(envelope.message.message_id) or self._silence(lane, envelope) for envelope in part
        ]
        await self._learn(lane, receipts)
        await self.record(lane, receipts, part)

    def _silence(self, lane: Lane, envelope: Envelope) -> Receipt:
        reason = f"sender_failed: {type(lane.broken).__name__}" if lane.broken else "no_answer"
        return Receipt(envelope.message.message_id, "unknown", lane.sender.provider, reason=reason)

    async def _not_taken(self, lane: Lane, part: Sequence[Envelope], error: TryAgain | StopSync) -> None:
        """Nothing left: to the next provider, or later to this one."""
        wait = error.retry_after_seconds if isinstance(error, TryAgain) else None
        reason = str(error) if isinstance(error, TryAgain) else "provider_stopped"
        is_throttle = wait is not None or TOO_MANY in reason
        if is_throttle:
            lane.limiter.throttled(wait)
        elif isinstance(error, StopSync):
            self._tally.stopped[lane.name] = str(error)
            await self._changed(lane, lane.breaker.trip(self._now(), str(error)))
        else:
            await self._changed(lane, lane.breaker.failed(self._now(), reason))
        later: list[Envelope] = []
        moved: list[Envelope] = []
        for envelope in part:
            self._tried.setdefault(envelope.message.message_id, set()).add(lane)
            is_moved = not (is_throttle and lane.readiness(self._now()) == "ready") and self._has_other(
                envelope
            )
            (moved if is_moved else later).append(envelope)
        if moved:
            await self._clerk.do(partial(self._give_back, lane, moved))
            self._under_way -= {envelope.message.message_id for envelope in moved}
            for envelope in moved:
                self.route(envelope.message)
        if later:
            await self._record_each(lane, later, "retry", reason, wait)

    def _give_back(self, lane: Lane, moved: Sequence[Envelope]) -> None:
        """Attempted, known not to have left, and not ours any more: nor is its place in the warm-up plan."""
        with self._clerk.store.transaction() as connection:
            ids = [envelope.message.message_id for envelope in moved]
            ledger.free(self._clerk.store, ids, self._clerk.worker, "attempted")
            give_back_places(connection, lane.plans, len(moved), self._now())

    def _has_other(self, envelope: Envelope) -> bool:
        message = envelope.message
        other = self._router.choose(message, self._now(), self._tried[message.message_id])
        return isinstance(other, Lane)

    async def _refuse(self, lane: Lane, envelope: Envelope, fault: Indivisible) -> None:
        """The row that spoiled its batch, alone."""
        await self._record_each(lane, [envelope], "rejected", f"poison: {fault}")

    async def _learn(self, lane: Lane, receipts: Sequence[Receipt]) -> None:
        """What the answers say about the provider itself."""
        outcomes = {receipt.outcome for receipt in receipts}
        throttles = [receipt for receipt in receipts if _is_throttle(receipt)]
        if throttles:
            lane.limiter.throttled(
                max((r.retry_after_seconds or 0.0 for r in throttles), default=0.0) or None
            )
        elif "accepted" in outcomes:
            lane.limiter.succeeded()
        if outcomes & {"accepted", "rejected"}:
            await self._changed(lane, lane.breaker.succeeded())
        elif outcomes == {"unknown"}:
            await self._changed(lane, lane.breaker.failed(self._now(), receipts[0].reason or "no_answer"))

    async def _changed(self, lane: Lane, is_news: bool) -> None:  # noqa: FBT001  (what the breaker answered)
        """The next run, and people who look, hear of a breaker at once."""
        if is_news:
            await self._clerk.do(partial(self._remember, lane))

    def _remember(self, lane: Lane) -> None:
        with self._clerk.store.transaction() as connection:
            write_health(connection, [lane.health(self._now())], self._now())


def _is_throttle(receipt: Receipt) -> bool:
    return receipt.outcome == "retry" and (
        receipt.retry_after_seconds is not None or TOO_MANY in (receipt.reason or "")
    )
