"""A far end that may be nasty, and a forwarder whose clock the test turns."""

import asyncio
import base64
import json
from datetime import timedelta

import pytest

from connectors.collector.sources import standard
from connectors.delivery.loop import wall_clock
from connectors.feedback.model import Post
from connectors.forwarding.forwarder import Forwarder
from connectors.forwarding.registry import Webhook
from tests.connectors.conformance.vendor import Vendor

SECRET = "whsec_" + base64.b64encode(b"a key of thirty-two bytes, really").decode()


@pytest.fixture
def far_end():
    with Vendor().running() as running:
        yield running


@pytest.fixture
def other_end():
    with Vendor().running() as running:
        yield running


@pytest.fixture
def webhook():
    """`webhook(far_end)`: it is told of orders."""

    def declare(end, name="erp", **changes):
        values = {"events": frozenset({"Order Completed"}), "key": base64.b64decode(SECRET[6:])}
        return Webhook(name, f"{end.url}/hooks", **values, allow_private=True, **changes)

    return declare


@pytest.fixture
def clock(now):
    class Clock:
        at = now

        def __call__(self):
            return self.at

        def forward(self, **delta):
            self.at += timedelta(**delta)

    return Clock()


@pytest.fixture
def happens(landing, clock):
    """`happens("o1", …)`: these orders landed in one file."""
    count = 0

    def land(*orders, event="Order Completed", **more):
        nonlocal count
        count += 1
        at = f"{clock().isoformat()}Z"
        records = [
            {
                "type": "track",
                "messageId": order,
                "event": event,
                "userId": "ann",
                "timestamp": at,
                "properties": {"order_id": order, "revenue": 10},
                **more,
            }
            for order in orders
        ]
        landing.write(f"shop/{count:03d}.ndjson", records)

    return land


@pytest.fixture
def forwards(store, landing, clock):
    """`forwards(hooks, until=…)`: run a forwarder until something holds, or for a moment."""

    def run(*webhooks, until=None, longest=5.0):
        async def work():
            stop = asyncio.Event()
            forwarder = Forwarder(store, landing, {hook.name: hook for hook in webhooks}, clock)
            task = asyncio.create_task(forwarder.run(stop))
            deadline = asyncio.get_running_loop().time() + longest
            while not (until and until()) and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            stop.set()
            await task
            assert until is None or until()

        asyncio.run(work())

    return run


@pytest.fixture
def told():
    """What a far end was told, each post truly signed now: [(webhook-id, type)]."""

    def read(end):
        for request in end.requests:
            standard.verify(Post(request.body, wall_clock(), request.headers), SECRET)
        return [(request.headers["webhook-id"], json.loads(request.body)["type"]) for request in end.requests]

    return read
