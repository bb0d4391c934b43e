"""The ledger: who may send a message, and what is known about it afterwards."""

import os
import subprocess
import sys
from datetime import timedelta

import pytest
from sqlalchemy import select

from connectors import tables
from connectors.delivery import ledger
from connectors.model import Receipt

pytestmark = pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)
LEASE = timedelta(minutes=5)
HERE, THERE = f"elsewhere:{os.getpid()}:a", f"elsewhere:{os.getpid()}:b"


@pytest.fixture
def take(store, now):
    def claim(worker, *due, at=now):
        return [m.message_id for m in ledger.claim(store, due, worker, at, at + LEASE).mine]

    return claim


@pytest.fixture(autouse=True)
def everybody_agrees(agree):
    agree("ann", "bob")


def test_a_message_is_claimed_by_one_worker(take, message):
    assert take(HERE, message("ann")) == ["message-ann"]
    assert take(THERE, message("ann")) == []


def test_a_message_that_is_named_twice_is_claimed_once(take, message):
    assert take(HERE, message("ann"), message("ann")) == ["message-ann"]


def test_only_the_holder_of_the_claim_may_attempt(store, take, message, now):
    take(HERE, message("ann"))
    assert ledger.attempt(store, ["message-ann"], THERE, now).mine == set()
    assert ledger.attempt(store, ["message-ann"], HERE, now).mine == {"message-ann"}


def test_an_attempt_is_made_once(store, take, message, now):
    take(HERE, message("ann"))
    attempts = [ledger.attempt(store, ["message-ann"], HERE, now).mine for _ in range(2)]
    assert attempts == [{"message-ann"}, set()]


def test_a_claim_whose_lease_ran_out_is_free_again(store, take, message, now):
    take(HERE, message("ann"))
    ledger.recover(store, now, now + LEASE + timedelta(seconds=1))
    assert take(THERE, message("ann")) == ["message-ann"]
    assert ledger.attempt(store, ["message-ann"], HERE, now).mine == set()


def test_an_attempt_whose_lease_ran_out_is_unknown_and_nobody_sends_it_again(
    store, take, message, now, ledger_rows
):
    take(HERE, message("ann"))
    ledger.attempt(store, ["message-ann"], HERE, now)
    assert ledger.recover(store, now, now + LEASE + timedelta(seconds=1)) == ["message-ann"]
    assert ledger_rows("state", "reason") == {"message-ann": ("unknown", "worker_died")}
    assert take(THERE, message("ann")) == []


def test_a_lease_that_runs_is_respected(store, take, message, now):
    take(HERE, message("ann"))
    ledger.recover(store, now, now + LEASE - timedelta(seconds=1))
    assert take(THERE, message("ann")) == []


def test_a_worker_of_this_host_that_is_gone_holds_nothing(store, take, message, now):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    gone = ledger.new_worker().replace(f":{os.getpid()}:", f":{process.pid}:")
    take(gone, message("ann"))
    ledger.recover(store, now, now)
    assert take(HERE, message("ann")) == ["message-ann"]


def test_a_channel_that_may_be_repeated_is_simply_done_again(store, take, message, now):
    update = message("ann", channel="profile")
    take(HERE, update)
    ledger.attempt(store, ["message-ann"], HERE, now)
    assert ledger.recover(store, now, now + 2 * LEASE, ["profile"]) == []
    assert take(THERE, update) == ["message-ann"]


def test_a_late_answer_resolves_the_doubt(store, take, message, now, ledger_rows):
    take(HERE, message("ann"))
    ledger.attempt(store, ["message-ann"], HERE, now)
    ledger.recover(store, now, now + 2 * LEASE)
    ledger.settle(store, [Receipt("message-ann", "accepted", "smtp")], HERE, now)
    assert ledger_rows("state", "resolved_by") == {"message-ann": ("accepted", "reply")}


def test_a_webhook_resolves_the_doubt_once(store, take, message, now, ledger_rows):
    take(HERE, message("ann"))
    ledger.attempt(store, ["message-ann"], HERE, now)
    ledger.recover(store, now, now + 2 * LEASE)
    resolved = [ledger.reconcile(store, "message-ann", "accepted", "webhook", now) for _ in range(2)]
    assert (resolved, ledger_rows("state", "resolved_by")) == (
        [True, False],
        {"message-ann": ("accepted", "webhook")},
    )


def test_a_retry_waits_longer_each_time(store, take, message, now):
    waits, at = [], now
    for _ in range(4):
        assert take(HERE, message("ann"), at=at) == ["message-ann"]
        ledger.attempt(store, ["message-ann"], HERE, at)
        ledger.settle(store, [Receipt("message-ann", "retry", "smtp", reason="smtp 451")], HERE, at)
        with store.transaction() as connection:
            due = connection.scalar(select(tables.messages.c.next_attempt_at))
        assert take(HERE, message("ann"), at=due - timedelta(seconds=1)) == []
        waits.append(round((due - at).total_seconds() / 60, 1))
        at = due
    assert waits == sorted(waits)
    assert all(0.8 * 2**n <= wait <= 1.2 * 2**n for n, wait in enumerate(waits))


def test_a_vendor_may_ask_for_a_longer_wait(store, take, message, now):
    take(HERE, message("ann"))
    ledger.attempt(store, ["message-ann"], HERE, now)
    ledger.settle(store, [Receipt("message-ann", "retry", "smtp", retry_after_seconds=3600)], HERE, now)
    assert take(HERE, message("ann"), at=now + timedelta(minutes=59)) == []
    assert take(HERE, message("ann"), at=now + timedelta(minutes=61)) == ["message-ann"]


def test_after_a_day_of_retries_the_message_goes_to_the_dead_letters(store, take, message, now, ledger_rows):
    take(HERE, message("ann", expires_at=None))
    ledger.attempt(store, ["message-ann"], HERE, now)
    later = now + ledger.GIVE_UP_AFTER
    ledger.settle(store, [Receipt("message-ann", "retry", "smtp", reason="smtp 451")], HERE, later)
    with store.transaction() as connection:
        dead = connection.execute(select(tables.dead_letters)).all()
    assert [tuple(row) for row in dead] == [("message-ann", "email", "smtp 451", later, None)]
    assert ledger_rows("state", "reason") == {"message-ann": ("rejected", "gave_up: smtp 451")}


def test_a_message_that_expires_while_it_waits_is_skipped(store, take, message, now, ledger_rows):
    take(HERE, message("ann"))
    ledger.attempt(store, ["message-ann"], HERE, now)
    ledger.settle(store, [Receipt("message-ann", "retry", "smtp")], HERE, now)
    ledger.expire(store, now + timedelta(days=2))
    assert ledger_rows("state", "reason") == {"message-ann": ("skipped", "too_late")}


def test_a_dead_address_is_closed_in_the_same_transaction(store, take, message, now):
    take(HERE, message("ann"))
    ledger.attempt(store, ["message-ann"], HERE, now)
    ledger.settle(store, [Receipt("message-ann", "rejected", "smtp", suppress="hard_bounced")], HERE, now)
    assert ledger.claim(store, [message("ann", message_id="next")], HERE, now, now + LEASE).skipped == {
        "next": "suppressed"
    }


def test_who_leaves_in_the_middle_leaves_the_unsent_free_and_the_rest_unknown(
    store, take, message, now, ledger_rows
):
    take(HERE, message("ann"), message("bob"))
    ledger.attempt(store, ["message-ann"], HERE, now)
    ledger.release(store, HERE, now)
    assert ledger_rows("state") == {"message-ann": "unknown", "message-bob": "planned"}
