"""What sending costs: mails a second beside the usual way and the wire's limit, memory, HTTP fan-out.

    .venv/bin/python -m tests.bench --only delivery             # about a minute
    .venv/bin/python -m tests.bench --only delivery --million   # and a send list of a million

Every figure comes from a process of its own, all in one go, so the ratios hold on any machine. Processor seconds
are those of the sending process and stay comparable on a machine that others use too.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import uvloop
from rich.console import Console
from rich.table import Table

from connectors.delivery import deliver
from connectors.delivery.sender import Rate
from connectors.email.mime import compose
from connectors.email.sendgrid import SendGridSender
from connectors.email.smtp import SmtpSender
from connectors.landing import open_landing
from connectors.model import Content, Envelope, Receipt
from connectors.store import open_store, sync_consents, sync_suppressions
from tests.bench.campaign import MAIL_FROM, consents, open_bench_renderer, outbox, suppressions
from tests.bench.far_ends import HTTP_LATENCY_SECONDS, far_end
from tests.bench.measure import peak_memory_gib
from tests.bench.peers import CONNECTIONS, send_bare, send_with_aiosmtplib

CALLS_AT_ONCE = 2_000
LISTS = [10_000, 100_000]
MILLION = [100_000, 1_000_000]
USUAL_SHARE = 10
"""A tenth of the mails is enough to see how fast the usual way is."""

HTTP_SHARE = 2
"""Twice as many messages, so that opening 2,000 connections is not what is measured."""


@dataclass(frozen=True)
class Cost:
    """What a number of messages cost the sending process."""

    messages: int
    seconds: float
    cpu_seconds: float
    peak_gib: float

    @property
    def per_second(self) -> float:
        return self.messages / self.seconds

    @property
    def per_cpu_second(self) -> float:
        return self.messages / self.cpu_seconds


def print_delivery(console: Console, messages: int, lists: list[int]) -> None:
    """Measure everything and print a table for each question."""
    console.print(mail_table(*(run(case, messages, "smtp") for case in ("wire", "usual", "millrace"))))
    console.print(http_table(*(run(case, messages * HTTP_SHARE, "http") for case in ("calls", "fan_out"))))
    console.print(memory_table([run("memory", size) for size in lists]))


def mail_table(wire: Cost, usual: Cost, ours: Cost) -> Table:
    table = Table("mails of 22 kB, over SMTP, to another process", "per second", "per processor second",
                  "times the usual way", "of the wire's limit", title="Sending (in brackets: by processor seconds)")  # fmt: skip
    for label, cost in (
        ("the wire's limit: one mail, prepared, no checks", wire),
        ("the usual way: aiosmtplib and EmailMessage", usual),
        ("Millrace: last look, rendering, ledger, landing", ours),
    ):
        table.add_row(
            label,
            f"{cost.per_second:,.0f}",
            f"{cost.per_cpu_second:,.0f}",
            f"{cost.per_second / usual.per_second:.1f} ({cost.per_cpu_second / usual.per_cpu_second:.1f})",
            f"{cost.per_second / wire.per_second:.0%} ({cost.per_cpu_second / wire.per_cpu_second:.0%})",
        )
    return table


def http_table(calls: Cost, fan_out: Cost) -> Table:
    limit = CALLS_AT_ONCE / HTTP_LATENCY_SECONDS
    table = Table("2 kB, answered after 0.2 s, 2,000 calls at once", "per second",
                  "per processor second", f"of {limit:,.0f}/s", title="HTTP vendor")  # fmt: skip
    for label, cost in (("calls only", calls), ("through the ledger", fan_out)):
        table.add_row(
            label, f"{cost.per_second:,.0f}", f"{cost.per_cpu_second:,.0f}", f"{cost.per_second / limit:.0%}"
        )
    return table


def memory_table(costs: list[Cost]) -> Table:
    table = Table("recipients on one send list", "seconds", "messages/s", "peak memory, MiB", title="Memory")
    for cost in costs:
        table.add_row(
            f"{cost.messages:,}",
            f"{cost.seconds:.1f}",
            f"{cost.per_second:,.0f}",
            f"{cost.peak_gib * 1024:,.0f}",
        )
    return table


def run(case: str, messages: int, far: str | None = None) -> Cost:
    """One case in a fresh process, against a provider in another one."""
    command = [sys.executable, "-m", "tests.bench.delivery", case, str(messages)]
    if far is None:
        return finished(command)
    with far_end(far) as end:
        cost = finished([*command, str(end.port)])
    assert end.taken["messages"] == cost.messages, f"{case}: the provider has {end.taken}"
    return cost


def finished(command: list[str]) -> Cost:
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


class Taker:
    """A provider inside this process that takes everything at once."""

    channel, provider, batch_size, is_repeatable, rate = "email", "taker", 500, False, Rate()

    def serves(self, _message) -> bool:
        return True

    async def send(self, batch) -> list[Receipt]:
        return [Receipt(envelope.message.message_id, "accepted", self.provider) for envelope in batch]

    async def close(self) -> None:
        pass


class Short:
    """Contents of about 2 kB."""

    def render(self, message) -> Content:
        return Content(f"for {message.profile_id} " + "x" * 500, subject="Hello", html="<p>Hello</p>" * 110)


@contextmanager
def clock(messages: int) -> Iterator[Callable[[], Cost]]:
    """What passes between entering the block and calling what it gives."""
    started, cpu = time.perf_counter(), time.process_time()
    yield lambda: Cost(messages, time.perf_counter() - started, time.process_time() - cpu, peak_memory_gib())


def case_wire(messages: int, port: int) -> Cost:
    with clock(messages) as cost:
        uvloop.run(send_bare(port, compose(rendered(1)[0], MAIL_FROM), messages))
        return cost()


def case_usual(messages: int, port: int) -> Cost:
    envelopes = rendered(max(1, messages // USUAL_SHARE))
    with clock(len(envelopes)) as cost:
        asyncio.run(send_with_aiosmtplib(port, envelopes, MAIL_FROM))
        return cost()


def case_millrace(messages: int, port: int) -> Cost:
    return delivered(messages, SmtpSender(f"smtp://127.0.0.1:{port}", MAIL_FROM, connections=CONNECTIONS))


def case_memory(messages: int) -> Cost:
    return delivered(messages, Taker(), Short())


def case_calls(messages: int, port: int) -> Cost:
    renderer, sent_at = Short(), wall_clock()
    envelopes = [
        Envelope(message, renderer.render(message), sent_at) for message in outbox(messages, sent_at)
    ]

    async def send() -> None:
        sender, queue = sendgrid(port), deque(envelopes)

        async def call() -> None:
            while queue:
                (receipt,) = await sender.send([queue.popleft()])
                assert receipt.outcome == "accepted", receipt

        await asyncio.gather(*(call() for _ in range(CALLS_AT_ONCE)))
        await sender.close()

    with clock(messages) as cost:
        uvloop.run(send())
        return cost()


def case_fan_out(messages: int, port: int) -> Cost:
    return delivered(messages, sendgrid(port), Short())


def sendgrid(port: int) -> SendGridSender:
    return SendGridSender(
        "a key",
        mail_from=MAIL_FROM,
        base_url=f"http://127.0.0.1:{port}",
        connections=CALLS_AT_ONCE,
        timeout_seconds=120,
    )


def delivered(messages: int, sender, renderer=None) -> Cost:
    """The whole way: rows of the outbox, last look, content, ledger, provider, outcomes in landing."""
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as folder:
        store = open_store(f"sqlite:///{folder}/ledger.sqlite")
        landing, now = open_landing(f"{folder}/landing"), wall_clock()
        renderer = renderer or open_bench_renderer(Path(folder))
        renderer.render(next(outbox(1, now)))  # templates are compiled once
        sync_suppressions(store, suppressions(now), now)
        sync_consents(store, consents(messages, now), now)
        with clock(messages) as cost:
            result = deliver(store, landing, outbox(messages, now), {"email": sender}, renderer)
            found = cost()
        store.close()
    assert result.counts["accepted"] == result.written_back == messages, result
    return found


def rendered(messages: int) -> list[Envelope]:
    """Envelopes that are ready to go."""
    now = wall_clock()
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as folder:
        renderer = open_bench_renderer(Path(folder))
        return [Envelope(message, renderer.render(message), now) for message in outbox(messages, now)]


def wall_clock() -> datetime:
    """Naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


CASES = {
    "wire": case_wire,
    "usual": case_usual,
    "millrace": case_millrace,
    "memory": case_memory,
    "calls": case_calls,
    "fan_out": case_fan_out,
}

if __name__ == "__main__":
    print(json.dumps(asdict(CASES[sys.argv[1]](*map(int, sys.argv[2:])))))
