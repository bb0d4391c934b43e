"""Nothing twice, nothing lost: whatever breaks, at whatever moment, for however many senders."""

import asyncio
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from connectors.delivery import deliver, ledger, loop, receipts
from connectors.delivery.sender import Rate
from connectors.email.smtp import SmtpSender
from connectors.landing import open_landing
from connectors.model import Receipt
from connectors.store import open_store
from connectors.tables import messages


class Killed(BaseException):
    """The process is gone: no handler of ours runs after it (only Python's own `finally`, which we switch off)."""


class Provider:
    """Counts what arrives; may die before, in the middle of, or after a call."""

    channel = "email"
    provider = "stub"
    batch_size = 3
    is_repeatable = False
    rate = Rate()

    def __init__(self, dies=lambda: None):
        self.arrived = []
        self.dies = dies

    async def send(self, batch):
        self.dies()
        answers = []
        for envelope in batch:
            self.arrived.append(envelope.message.message_id)
            answers.append(Receipt(envelope.message.message_id, "accepted", self.provider))
            self.dies()
            await asyncio.sleep(0)
        return answers

    def serves(self, message):
        return True

    async def close(self):
        """Nothing is open."""


POINTS = [
    (ledger, "recover"),
    (ledger, "claim"),
    (ledger, "attempt"),
    (ledger, "settle"),
    (receipts, "_unwritten"),
    (receipts, "_mark"),
]


class Death:
    """Kills at the n-th point passed, before or after the step that the point names."""

    def __init__(self, at):
        self.at, self.passed = at, count()

    def __call__(self):
        if next(self.passed) == self.at:
            raise Killed

    def around(self, step):
        def wrapped(*args, **options):
            self()
            result = step(*args, **options)
            self()
            return result

        return wrapped


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deaths=st.lists(st.integers(0, 60), max_size=5), size=st.integers(1, 10))
def test_a_process_that_dies_anywhere_sends_nothing_twice_and_loses_nothing(
    deaths, size, tmp_path_factory, message, renderer, now
):
    folder = tmp_path_factory.mktemp("home")
    url, landing = f"sqlite:///{folder / 'ledger.sqlite'}", open_landing(str(folder / "landing"))
    due = [message(f"p{number}", message_class="transactional") for number in range(size)]
    provider, at = Provider(), now
    for death in [*deaths, None]:
        with pytest.MonkeyPatch.context() as patch:
            if death is not None:
                die = Death(death)
                provider.dies = die
                for module, name in POINTS:
                    patch.setattr(module, name, die.around(getattr(module, name)))
                patch.setattr(ledger, "release", lambda *_: None)  # the dead release nothing
            else:
                provider.dies = lambda: None
            # Each run is another process, and the lease of the one before has run out.
            at += timedelta(minutes=1)
            patch.setattr(loop, "wall_clock", lambda at=at: at + timedelta(hours=(at - now).seconds // 60))
            store = open_store(url)
            try:
                deliver(store, landing, due, {"email": provider}, renderer, at)
            except Killed:
                pass
            finally:
                store.close()
    assert len(provider.arrived) == len(set(provider.arrived))
    assert_nothing_lost(url, landing, {m.message_id for m in due}, set(provider.arrived))


def assert_nothing_lost(url, landing, due, arrived):
    """Every message is accepted and arrived, or openly unknown; landing says of each what the ledger says."""
    store = open_store(url)
    with store.transaction() as connection:
        states = dict(connection.execute(select(messages.c.message_id, messages.c.state)).tuples().all())
    store.close()
    accepted = {message_id for message_id, state in states.items() if state == "accepted"}
    assert set(states) == due
    assert set(states.values()) <= {"accepted", "unknown"}
    assert accepted <= arrived
    records = [
        json.loads(line) for file in landing.files() for line in landing.read(file.name).read().splitlines()
    ]
    told = {record["messageId"]: record for record in records}
    words = {"accepted": "Email Sent", "unknown": "Message Unknown"}
    assert sorted((r["properties"]["message_id"], r["event"]) for r in told.values()) == sorted(
        (message_id, words[state]) for message_id, state in states.items()
    )


@pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)
def test_two_senders_on_one_ledger_share_the_list(store_url, tmp_path, message, renderer, now):
    url, landing = store_url, open_landing(str(tmp_path / "landing"))
    due = [message(f"p{number}", message_class="transactional") for number in range(300)]
    provider = Provider()

    def work(_):
        store = open_store(url)
        try:
            return deliver(store, landing, due, {"email": provider}, renderer, now).counts.get("accepted", 0)
        finally:
            store.close()

    with ThreadPoolExecutor(3) as pool:
        shares = list(pool.map(work, range(3)))
    assert (sum(shares), sorted(provider.arrived)) == (300, sorted(m.message_id for m in due))


def test_a_sender_killed_again_and_again_sends_nothing_twice_and_loses_nothing(tmp_path, mail_server):
    """SIGKILL at random moments, a real SMTP server that counts, and a last run that finishes."""
    url, folder, kills, size = f"sqlite:///{tmp_path / 'ledger.sqlite'}", tmp_path / "landing", 25, 1000
    worker = Path(__file__).with_name("killed_sender.py")
    subprocess.run(
        [sys.executable, worker, url, str(folder), mail_server.url, str(size), str(kills)],
        check=True,
        timeout=240,
    )
    arrived = mail_server.ids()
    assert len(arrived) == len(set(arrived))
    assert_nothing_lost(
        url, open_landing(str(folder)), {f"m{number:031d}" for number in range(size)}, set(arrived)
    )
    # What is in doubt after a kill is at most the batch that was on its way.
    assert size - len(arrived) <= kills * SmtpSender(mail_server.url, "a@b.example").batch_size
