"""The clerk: writes the ledger for all lanes of a run, in one thread; what waits together commits together.

A commit that is durable costs milliseconds, and a provider that takes one message per call would need two of
them per message. So attempts and outcomes are collected while the last commit is under way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from connectors.delivery import ledger
from connectors.delivery.policies import WarmUp, give_back_places
from connectors.model import Message, Receipt
from connectors.store import Store

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class _Step:
    """Something to write, and who waits for it. Attempts and outcomes of many calls become one statement."""

    work: Callable[[], Any] | None
    answer: asyncio.Future[Any]
    ids: Sequence[str] = ()
    provider: str = ""
    plans: tuple[WarmUp, ...] = ()
    receipts: Sequence[Receipt] = ()
    sent: Mapping[str, Message] | None = None


class Clerk:
    """Ledger writes of one worker.

    Args:
        store: the ledger.
        worker: its name.
        now: naive UTC, the moment of the run.
        wall_clock: naive UTC; it runs on in a replay, whose `now` stands still.
    """

    def __init__(
        self, store: Store, worker: str, now: Callable[[], datetime], wall_clock: Callable[[], datetime]
    ) -> None:
        self.store = store
        self.worker = worker
        self.now = now
        self.wall_clock = wall_clock
        self._waiting: list[_Step] = []
        self._writing: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "ledger")

    async def do(self, work: Callable[[], Answer]) -> Answer:
        """Any piece of work on the store; it may share its transaction with others and must repeat well."""
        answer: Answer = await self._wait(_Step(work, _future()))
        return answer

    async def aside(self, work: Callable[[], object]) -> None:
        """Work that opens its own transactions and may take long (a listing): nobody waits for its locks."""
        await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def attempt(self, ids: Sequence[str], provider: str, plans: tuple[WarmUp, ...]) -> ledger.Attempt:
        """As `ledger.attempt`."""
        answer: ledger.Attempt = await self._wait(_Step(None, _future(), ids, provider, plans))
        return answer

    async def settle(
        self, receipts: Sequence[Receipt], sent: Mapping[str, Message], plans: tuple[WarmUp, ...] = ()
    ) -> Mapping[str, datetime]:
        """As `ledger.settle`; what did not leave gives its place in the warm-up plan back."""
        step = _Step(None, _future(), plans=plans, receipts=receipts, sent=sent)
        answer: Mapping[str, datetime] = await self._wait(step)
        return answer

    def close(self) -> None:
        """End the thread; what it is writing is written."""
        self._thread.shutdown()

    async def _wait(self, step: _Step) -> Any:  # noqa: ANN401  (whatever the step answers)
        self._waiting.append(step)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        return await step.answer

    async def _write(self) -> None:
        while self._waiting:
            await asyncio.sleep(0)  # whoever is about to ask joins this commit
            steps, self._waiting = self._waiting, []
            try:
                answers = await asyncio.get_running_loop().run_in_executor(self._thread, self._commit, steps)
            except asyncio.CancelledError:
                raise
            except BaseException as error:  # noqa: BLE001  (each who waits hears of it)
                answers = [error] * len(steps)
            for step, answer in zip(steps, answers, strict=True):
                if step.answer.done():
                    continue
                if isinstance(answer, BaseException):
                    step.answer.set_exception(answer)
                else:
                    step.answer.set_result(answer)

    def _commit(self, steps: Sequence[_Step]) -> list[Any]:
        """All steps in one transaction; if that fails, each in its own, so that one harms no other."""
        try:
            with self.store.transaction():
                return self._take_down(steps)
        except Exception as error:  # noqa: BLE001  (goes to whoever asked)
            if len(steps) == 1:
                return [error]
        return [self._commit([step])[0] for step in steps]

    def _take_down(self, steps: Sequence[_Step]) -> list[Any]:
        """Outcomes first, then attempts, then the rest; the answers in the order of the steps."""
        answers: dict[int, Any] = {}
        self._settle([step for step in steps if step.sent is not None], answers)
        for provider, plans in dict.fromkeys((step.provider, step.plans) for step in steps if step.provider):
            same = [step for step in steps if step.provider == provider and step.plans == plans]
            self._attempt(provider, plans, same, answers)
        answers |= {id(step): step.work() for step in steps if step.work is not None}
        return [answers[id(step)] for step in steps]

    def _settle(self, steps: Sequence[_Step], answers: dict[int, Any]) -> None:
        if not steps:
            return
        now = self.now()
        receipts = [receipt for step in steps for receipt in step.receipts]
        sent = {key: message for step in steps for key, message in (step.sent or {}).items()}
        waits = ledger.settle(self.store, receipts, self.worker, now, sent)
        for step in steps:
            ids = [receipt.message_id for receipt in step.receipts]
            answers[id(step)] = {key: waits[key] for key in ids if key in waits}
            back = sum(receipt.outcome == "retry" for receipt in step.receipts) if step.plans else 0
            if back:
                with self.store.transaction() as connection:
                    give_back_places(connection, step.plans, back, now)

    def _attempt(
        self, provider: str, plans: tuple[WarmUp, ...], steps: Sequence[_Step], answers: dict[int, Any]
    ) -> None:
        ids = [message_id for step in steps for message_id in step.ids]
        now, wall_clock = self.now(), self.wall_clock()
        got = ledger.attempt(self.store, ids, self.worker, now, provider, plans, wall_clock)
        for step in steps:
            share = frozenset(step.ids)
            answers[id(step)] = ledger.Attempt(got.mine & share, got.over_plan & share)


def _future() -> asyncio.Future[Any]:
    return asyncio.get_running_loop().create_future()
