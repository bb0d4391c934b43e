"""What an acknowledged event costs: events a second and latency, beside the same server answering an empty 200.

    .venv/bin/python -m tests.bench.collector            # about a minute
    .venv/bin/python -m tests.bench.collector --seconds 30

One worker process serves, another process sends. Latency counts from when a request was due, so a server that
falls behind cannot hide it. Both servers run in one go, so the ratios hold on any machine.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import psutil
import uvicorn
import uvloop
from rich.console import Console
from rich.table import Table
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.end_to_end.collector import Collector, wait_until_it_listens

RATE = 1_000
CONNECTIONS = 64
BATCH = 100
LONGER = 3
"""Memory that grows with the number of events shows when the same load lasts longer."""
NOW = datetime.now(UTC).isoformat()
ACKNOWLEDGED = b"HTTP/1.1 200"


@dataclass(frozen=True)
class Load:
    """What one run reached: events a second, latencies in milliseconds; the server's memory before and after.

    `cpu_us` is the server's processor time per event in microseconds: it stays comparable on a busy machine.
    """

    server: str
    what: str
    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    memory_before_mib: float
    memory_after_mib: float


def main() -> None:
    """The table, or the empty server for it."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.collector", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each load")
    parser.add_argument("--serve-empty", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve_empty:
        serve_empty(options.serve_empty)
        return
    print_collector(Console(), options.seconds)


def print_collector(console: Console, seconds: float) -> None:
    """Both servers under each load, as one table."""
    table = Table(title="collector: one worker process", title_justify="left")
    for name in ("load", "server", "events/s", "p50 ms", "p99 ms", "CPU µs/event", "MiB before", "MiB after"):
        table.add_column(name, justify="left" if name in ("load", "server") else "right")
    for load in measure(seconds):
        table.add_row(
            load.what,
            load.server,
            f"{load.per_second:,.0f}",
            f"{load.p50_ms:.1f}",
            f"{load.p99_ms:.1f}",
            f"{load.cpu_us:,.0f}",
            f"{load.memory_before_mib:.0f}",
            f"{load.memory_after_mib:.0f}",
        )
    console.print(table)


def measure(seconds: float) -> Iterator[Load]:
    """Each load on the collector and on the empty server."""
    with tempfile.TemporaryDirectory() as home, running_servers(Path(home)) as servers:
        for what, batch, rate, times in (
            (f"{RATE:,}/s", 1, RATE, 1),
            ("saturated", 1, None, 1),
            (f"batches of {BATCH}", BATCH, None, 1),
            (f"{RATE:,}/s, {LONGER} times", 1, RATE, LONGER),
        ):
            for name, port, key, process in servers:
                before, cpu_before = process.memory_info().rss / 2**20, cpu_seconds(process)
                spent, latencies = uvloop.run(send(port, key, batch, rate, seconds * times))
                latencies.sort()
                yield Load(
                    name,
                    what,
                    len(latencies) * batch / spent,
                    latencies[len(latencies) // 2] * 1000,
                    latencies[len(latencies) * 99 // 100] * 1000,
                    (cpu_seconds(process) - cpu_before) / (len(latencies) * batch) * 1e6,
                    before,
                    process.memory_info().rss / 2**20,
                )


def cpu_seconds(process: psutil.Process) -> float:
    """Processor time that a process has used."""
    times = process.cpu_times()
    return times.user + times.system


@contextmanager
def running_servers(home: Path) -> Iterator[list[tuple[str, int, str, psutil.Process]]]:
    """The collector and the empty server: name, port, write key, process."""
    collector = Collector(home, MILLRACE_EVENTS_PER_SECOND="1000000", MILLRACE_SEGMENT_SECONDS="5")
    collector.start()
    port = collector.port + 1
    empty = subprocess.Popen([sys.executable, "-m", "tests.bench.collector", "--serve-empty", str(port)])
    wait_until_it_listens(port)
    try:
        yield [
            ("empty 200", port, "none", psutil.Process(empty.pid)),
            ("collector", collector.port, collector.key, psutil.Process(collector.process.pid)),
        ]
    finally:
        collector.stop()
        empty.send_signal(signal.SIGTERM)
        empty.wait(10)


async def send(
    port: int, key: str, batch: int, rate: float | None, seconds: float
) -> tuple[float, list[float]]:
    """Requests over kept connections, at a rate or as fast as they are answered: seconds, and latencies."""
    latencies: list[float] = []
    numbers, started = count(), time.perf_counter()

    async def one_connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while True:
            number = next(numbers)
            due = started + number / rate if rate else time.perf_counter()
            if due - started > seconds:
                break
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            writer.write(request(key, batch, number))
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(ACKNOWLEDGED), head
            await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
            latencies.append(time.perf_counter() - due)
        writer.close()

    await asyncio.gather(*(one_connection() for _ in range(CONNECTIONS)))
    return time.perf_counter() - started, latencies


def request(key: str, batch: int, number: int) -> bytes:
    """One call of 0.4 kB per event, as an SDK writes it."""
    events = [
        {
            "type": "track",
            "messageId": f"bench-{number}-{place}",
            "userId": f"user-{number % 5000}",
            "event": "Product Viewed",
            "timestamp": NOW,
            "context": {"library": {"name": "bench", "version": "1.0.0"}, "locale": "de-AT"},
            "properties": {
                "product_id": f"p{number % 300}",
                "name": "Oolong",
                "price": 12.5,
                "currency": "EUR",
            },
        }
        for place in range(batch)
    ]
    body = json.dumps(events[0] if batch == 1 else {"batch": events}).encode()
    path = "/v1/track" if batch == 1 else "/v1/batch"
    credentials = base64.b64encode(f"{key}:".encode()).decode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Basic {credentials}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def serve_empty(port: int) -> None:
    """The same server and framework, reading the body and answering nothing."""

    async def answer(request: Request) -> Response:
        await request.body()
        return Response()

    routes = [Route(path, answer, methods=["POST"]) for path in ("/v1/track", "/v1/batch")]
    uvicorn.run(Starlette(routes=routes), port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
