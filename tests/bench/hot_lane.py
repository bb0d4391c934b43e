"""From the HTTP request of a sign-up to its welcome mail, and to another system, with everything running.

    .venv/bin/python -m tests.bench --only hot_lane               # collector, hot lane, Dagster; about four minutes
    .venv/bin/python -m tests.bench.hot_lane --sign-ups 100 --alone

People sign up at random moments while others browse. The clock starts before the request is written and stops when
the mail server has the whole mail (SMTP DATA), or the other system the whole event (a webhook). Every process is
real; only these two ends are ours.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
from aiosmtpd.controller import Controller
from rich.console import Console
from rich.table import Table

from tests.end_to_end.collector import START, Collector

START_SECONDS = 300
LONGEST_WAIT_SECONDS = 120
MEAN_GAP_SECONDS = 3.0
BROWSING_PER_SECOND = 20


@dataclass
class Mailboxes:
    """A mail server's handler: when each address got its first mail, by `time.monotonic`."""

    arrived: dict[str, float] = field(default_factory=dict)

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802  (aiosmtpd's name)
        """The mail is here with its last byte."""
        self.arrived.setdefault(envelope.rcpt_tos[0], time.monotonic())
        return "250 2.0.0 Ok: queued as 4F1A2"


@contextmanager
def other_system(told: dict[str, float]) -> Iterator[str]:
    """The URL of a system that notes when it first heard of each sign-up, by `time.monotonic`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # (http.server's name)
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.setdefault(body["data"]["userId"], time.monotonic())
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Addresses are in no log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def main() -> None:
    """Print the figures of one run."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.hot_lane", description=__doc__)
    parser.add_argument("--sign-ups", type=int, default=60)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--alone", action="store_true", help="without Dagster beside it")
    options = parser.parse_args()
    print_hot_lane(Console(), options.sign_ups, options.seed, with_dagster=not options.alone)


def print_hot_lane(console: Console, sign_ups: int = 60, seed: int = 7, *, with_dagster: bool = True) -> None:
    """Measure and print one table."""
    beside = "collector, hot lane, webhooks, Dagster" if with_dagster else "collector, hot lane"
    table = Table(title=f"from a sign-up's request, seconds ({beside})", title_justify="left")
    for name in ("to", "sign-ups", "p50", "p95", "p99", "worst"):
        table.add_column(name, justify="left" if name == "to" else "right")
    for name, waits in measure(sign_ups, seed, with_dagster=with_dagster).items():
        cuts = statistics.quantiles(waits, n=100, method="inclusive")
        figures = (cuts[49], cuts[94], cuts[98], max(waits))
        table.add_row(name, str(len(waits)), *(f"{figure:.1f}" for figure in figures))
    console.print(table)


def measure(sign_ups: int, seed: int, *, with_dagster: bool) -> dict[str, list[float]]:
    """Seconds from each request to its mail, and with Dagster's companions to another system."""
    mailboxes, told = Mailboxes(), {}
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home,
        other_system(told) as url,
        running(Path(home), mailboxes, url, with_dagster=with_dagster) as collector,
        httpx.Client(base_url=collector.url, auth=(collector.key, "")) as client,
    ):
        sign_up(client, "first@example.com")
        wait_for(mailboxes.arrived, ["first@example.com"], START_SECONDS)
        with browsing(client):
            asked = dict(keep_signing_up(client, sign_ups, random.Random(seed)))
        wait_for(mailboxes.arrived, list(asked), LONGEST_WAIT_SECONDS)
        if with_dagster:
            wait_for(told, list(asked), LONGEST_WAIT_SECONDS)
    ends = {"SMTP DATA": mailboxes.arrived} | ({"webhook": told} if with_dagster else {})
    return {name: [at[address] - begun for address, begun in asked.items()] for name, at in ends.items()}


@contextmanager
def running(home: Path, mailboxes: Mailboxes, url: str, *, with_dagster: bool) -> Iterator[Collector]:
    """A collector, a hot lane (in Dagster's and the webhooks' company) and the mail server to which they lead."""
    server = Controller(mailboxes, hostname="127.0.0.1", port=free_port())
    server.start()
    system = {"url": url, "events": ["Subscribed"], "secret": "BENCH_SECRET", "allow_private": True}
    (home / "webhooks.yml").write_text(json.dumps({"webhooks": {"bench": system}}))
    ours = {
        "MILLRACE_HOME": str(home),
        "MILLRACE_SMTP": f"smtp://127.0.0.1:{server.port}",
        "MILLRACE_WEBHOOKS": str(home / "webhooks.yml"),
        "MILLRACE_BENCH_SECRET": "whsec_" + "c2VjcmV0" * 4,
    }
    collector = Collector(home, **ours, MILLRACE_SEGMENT_SECONDS="5")
    collector.start()
    words = ["dev", "--port", str(free_port())] if with_dagster else ["hot-lane"]
    with (home / "worker.log").open("w") as log:
        worker = subprocess.Popen(
            [sys.executable, "-c", START, *words],
            env=os.environ | ours,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield collector
        except TimeoutError:
            sys.stderr.write((home / "worker.log").read_text()[-3_000:])
            raise
        finally:
            os.killpg(worker.pid, signal.SIGINT)  # as Ctrl-C does: Dagster ends its own processes
            worker.wait(60)
            collector.stop()
            server.stop()


def free_port() -> int:
    """A port that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def keep_signing_up(client: httpx.Client, count: int, dice: random.Random) -> Iterator[tuple[str, float]]:
    """Each address, and when its request began."""
    for number in range(count):
        time.sleep(dice.expovariate(1 / MEAN_GAP_SECONDS))
        address = f"person-{number}@example.com"
        asked_at = time.monotonic()
        sign_up(client, address)
        yield address, asked_at


def sign_up(client: httpx.Client, address: str) -> None:
    """Somebody new asks for the newsletter, as a shop's server tells it."""
    about = {"userId": address, "timestamp": datetime.now(UTC).isoformat()}
    consent = {"channel": "email", "purpose": "marketing", "source": "form"}
    calls = [
        {"type": "identify", "traits": {"email": address}, **about},
        {"type": "track", "event": "Subscribed", "properties": consent, **about},
    ]
    client.post("/v1/batch", json={"batch": calls}).raise_for_status()


@contextmanager
def browsing(client: httpx.Client) -> Iterator[None]:
    """Others look at products meanwhile."""
    stop = threading.Event()

    def look() -> None:
        number = 0
        while not stop.wait(1):
            views = [view(number + each) for each in range(BROWSING_PER_SECOND)]
            number += BROWSING_PER_SECOND
            client.post("/v1/batch", json={"batch": views}).raise_for_status()

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def view(number: int) -> dict[str, object]:
    """One of 500 visitors at one of 100 products."""
    product = {"product_id": f"p{number % 100}", "name": "Oolong", "price": 12.5, "currency": "EUR"}
    who = {"anonymousId": f"visitor-{number % 500}", "timestamp": datetime.now(UTC).isoformat()}
    return {"type": "track", "event": "Product Viewed", "properties": product, **who}


def wait_for(arrived: dict[str, float], addresses: list[str], longest_seconds: float) -> None:
    """Until each has arrived."""
    deadline = time.monotonic() + longest_seconds
    while missing := [address for address in addresses if address not in arrived]:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(missing)} of {len(addresses)} are not there after {longest_seconds} s")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
