"""What the tests of the outside world share: a store, a landing, messages, a real mail server."""

import asyncio
import json
import socket
from collections import defaultdict
from contextlib import contextmanager
from datetime import datetime, timedelta

import psycopg
import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import select

from connectors import tables
from connectors.landing import open_landing
from connectors.model import Content, ExitSignal, Message
from connectors.store import open_store, sync_consents, sync_suppressions
from tests.connectors.postgres import create_database, start_postgres

NOW = datetime(2026, 3, 2, 10)


@pytest.fixture
def now():
    return NOW


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory):
    """A real server that lives as long as the tests."""
    with start_postgres(tmp_path_factory.mktemp("postgres")) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_ledger(postgres_url):
    """A migrated ledger on the server; `store_url` empties it for each test, which is quicker than a new one."""
    url = create_database(postgres_url, "ledger")
    open_store(url).close()
    return url


@pytest.fixture
def store_url(request, tmp_path):
    """An empty store: a file, unless a test asks for PostgreSQL as well."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    url = request.getfixturevalue("postgres_ledger")
    names = ", ".join(table.name for table in tables.metadata.sorted_tables)
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute(f"truncate {names}")
    return url


@pytest.fixture
def store(store_url):
    opened = open_store(store_url)
    yield opened
    opened.close()


@pytest.fixture
def landing(tmp_path):
    return open_landing(str(tmp_path / "landing"))


@pytest.fixture
def message():
    """`message("ann")` is a marketing mail to Ann that was decided ten minutes ago."""

    def build(person="ann", **changes):
        values = {
            "message_id": f"message-{person}",
            "kind": "flow",
            "flow": "flow_cart_recovery",
            "step": "reminder",
            "entry_id": f"entry-{person}",
            "profile_id": f"profile-{person}",
            "channel": "email",
            "address": f"{person}@example.com",
            "template": "email/cart_reminder",
            "variant": None,
            "message_class": "marketing",
            "priority": 80,
            "decided_at": NOW - timedelta(minutes=10),
            "due_at": NOW - timedelta(minutes=10),
            "expires_at": NOW + timedelta(days=1),
            "identifiers": (("user_id", person), ("email", f"{person}@example.com")),
            "context": {"profile": {"profile_id": f"profile-{person}"}},
        }
        values |= changes
        since = values.get("entered_at") or values["decided_at"]
        exits = tuple(ExitSignal(signal, counts_after=since) for signal in ("ordered", "cart_emptied"))
        return Message(**({"exit_signals": exits} | values))

    return build


@pytest.fixture
def agree(store):
    """`agree("ann", "bob")`: the warehouse says that they subscribed, a month ago."""

    def sync(*people, status="subscribed", since=NOW - timedelta(days=30), as_of=NOW, channel="email"):
        rows = [
            {
                "profile_id": f"profile-{person}",
                "channel": channel,
                "purpose": "marketing",
                "status": status,
                "since": since,
            }
            for person in people
        ]
        sync_consents(store, rows, as_of)
        sync_suppressions(store, [], as_of)

    return sync


@pytest.fixture
def ledger_rows(store):
    """`ledger_rows("state", "reason")`: the ledger as {message_id: (state, reason)}, or the one column asked for."""

    def read(*columns):
        with store.transaction() as connection:
            picked = [tables.messages.c[column] for column in columns]
            rows = connection.execute(select(tables.messages.c.message_id, *picked)).all()
        return {row[0]: row[1] if len(columns) == 1 else tuple(row[1:]) for row in rows}

    return read


@pytest.fixture
def landed(landing):
    """All records in landing, oldest file first."""

    def read():
        return [
            json.loads(line)
            for file in landing.files()
            for line in landing.read(file.name).read().splitlines()
        ]

    return read


class PlainRenderer:
    """Content without a template, so that delivery is tested alone."""

    def render(self, message):
        return Content(text=f"for {message.profile_id}", subject="Hello", html="<p>Hello</p>")


@pytest.fixture
def renderer():
    return PlainRenderer()


class MailServer:
    """A real SMTP server; `answers` maps an address to its replies to RCPT or to DATA, in turn, then it accepts."""

    def __init__(self):
        self.received = []
        self.connections = 0
        self.answers = defaultdict(list)
        self.closes_in_data_of = set()
        self.silent_after_data_of = set()
        self.closes_at_recipient = set()

    @property
    def url(self):
        return f"smtp://127.0.0.1:{self.controller.port}"

    def ids(self):
        return sorted(mail.split(b"Message-ID: <")[1].split(b"@")[0].decode() for mail in self.received)

    async def handle_EHLO(self, server, session, envelope, hostname, responses):  # noqa: N802
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if address in self.closes_at_recipient:
            server.transport.close()
        if self.answers[address]:
            return self.answers[address].pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        address = envelope.rcpt_tos[0]
        if address in self.closes_in_data_of:
            server.transport.close()
        self.received.append(envelope.content)
        if address in self.silent_after_data_of:
            await asyncio.sleep(30)
        return "250 2.0.0 Ok: queued as 4F1A2"


class _Listener(Controller):
    def _create_server(self):
        listening = socket.create_server(("127.0.0.1", 0))
        self.port = listening.getsockname()[1]
        return self.loop.create_server(self._factory_invoker, sock=listening)


@contextmanager
def running_mail_server(**options):
    server = MailServer()
    server.controller = _Listener(server, hostname="127.0.0.1", **options)
    server.controller.start()
    try:
        yield server
    finally:
        server.controller.stop()


@pytest.fixture
def mail_server():
    with running_mail_server() as server:
        yield server


@pytest.fixture
def mail_server_with():
    """`with mail_server_with(auth_required=True, …) as server`."""
    return running_mail_server
