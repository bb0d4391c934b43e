"""A collector in the test's own process, over ASGI; `end_to_end` has real ones."""

import asyncio
import base64
import json
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest

from connectors import tables
from connectors.collector.app import build_app
from connectors.collector.dependencies import Dependencies, Options
from connectors.collector.feedback_desk import FeedbackDesk
from connectors.collector.journal import Journal
from connectors.collector.keys import KeyRing, create_key
from connectors.collector.segments import SegmentFiles
from connectors.links import Links

PUBLIC_URL = "https://events.example"
LEDGER_COLUMNS = (
    *("message_id", "kind", "flow", "step", "entry_id", "profile_id", "channel", "address"),
    *("template", "message_class", "decided_at", "due_at"),
)


@pytest.fixture
def key(store, now):
    return create_key(store, "shop", now, "cli:test")[0]


@pytest.fixture
def make_app(store, landing, tmp_path, now):
    """`make_app(max_body_bytes=…)`: a collector that has not been started."""

    def make(**options):
        segments = SegmentFiles(landing, tmp_path / "landing" / "collector", lambda: now)
        return build_app(
            Dependencies(
                options=Options(public_url=PUBLIC_URL, **options),
                journal=Journal(segments),
                keys=KeyRing(store, lambda: now),
                store=store,
                feedback=FeedbackDesk(store, landing, lambda: now),
                landing=landing,
                links=Links("secret", PUBLIC_URL),
                clock=lambda: now,
            )
        )

    return make


@pytest.fixture
def collector(make_app):
    """`async with collector(max_body_bytes=…) as call: await call("/v1/track", {…}, key)`."""

    @asynccontextmanager
    async def running(**options):
        app = make_app(**options)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app, raise_app_exceptions=True)
            async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client:
                yield client

    return running


@pytest.fixture
def visit(collector):
    """`visit("get", path, headers={…}, …)`: the answer, after the collector has closed."""

    def call(method, path, *, options=None, **request):
        async def talk():
            async with collector(**(options or {})) as client:
                return await client.request(method, path, **request)

        return asyncio.run(talk())

    return call


@pytest.fixture
def sent(store, message, now):
    """`sent("ann")`: the ledger has handed a message over to Ann, an hour ago."""

    def keep(person, *, attempted_at=None, **changes):
        planned = message(person, **changes)
        attempted_at = attempted_at or now - timedelta(hours=1)
        row = {name: getattr(planned, name) for name in LEDGER_COLUMNS}
        state = {"state": "accepted", "attempt_count": 1, "is_written_back": True}
        times = {"planned_at": attempted_at, "attempted_at": attempted_at}
        with store.transaction() as connection:
            connection.execute(tables.messages.insert(), row | state | times)

    return keep


@pytest.fixture
def send(collector):
    """`send(key, ("/v1/track", {…}), …)`: the answers as (status, JSON), after the collector has closed."""

    def run(key, *calls, headers=None, **options):
        async def talk():
            async with collector(**options) as client:
                return [
                    await client.post(path, **_as_content(body), headers=_auth(key) | (headers or {}))
                    for path, body in calls
                ]

        return [(answer.status_code, answer.json()) for answer in asyncio.run(talk())]

    return run


def _as_content(body):
    return {"content": body if isinstance(body, bytes) else json.dumps(body).encode()}


def _auth(key):
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()} if key else {}
