"""An answer belongs to one attempt: what another run does meanwhile is neither believed away nor sent again."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta

import pytest

from connectors.delivery import ledger
from connectors.delivery.calls import Calls
from connectors.delivery.clerk import Clerk
from connectors.delivery.lanes import Lane, Router
from connectors.delivery.sender import Rate
from connectors.delivery.tally import Tally
from connectors.model import Content, Envelope, Receipt
from connectors.store import open_store
from tests.connectors.delivery.vendor import Vendor

HORIZON = timedelta(minutes=30)
both_stores = pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)


class SlowLog(Vendor):
    """Its log shows nothing yet, and while it is asked something else happens, once."""

    read_back_horizon = HORIZON

    def __init__(self, meanwhile=lambda: None):
        super().__init__()
        self.meanwhile = meanwhile

    async def read_back(self, _asked):
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        await asyncio.to_thread(meanwhile)
        return []


def lost(vendor, *people):
    """From now on the vendor takes their messages, and its answers do not arrive."""
    for person in people:
        key = f"message-{person}"
        vendor.answers[key] = Receipt(key, "unknown", vendor.provider, reason="no_answer")


@both_stores
def test_a_log_that_was_asked_before_another_run_sent_the_message_again_says_nothing_about_that(
    run_over, receipt_for, now, ledger_rows
):
    """Two runs ask about an old doubt; the quick one sends again, without an answer, while the slow one waits."""
    vendor = SlowLog()
    lost(vendor, "ann", "bob")
    run_over([receipt_for("ann"), receipt_for("bob")], vendor)
    vendor.calls.clear()
    vendor.answers.pop("message-bob")
    vendor.meanwhile = lambda: run_over([], vendor, at=now + HORIZON)
    result = run_over([], vendor, at=now + HORIZON)
    assert sorted(key for call in vendor.calls for key in call) == ["message-ann", "message-bob"]
    assert result.resolved == {}
    assert ledger_rows("state") == {"message-ann": "unknown", "message-bob": "accepted"}


@both_stores
def test_a_message_that_one_worker_holds_twice_is_handed_over_once(store, receipt_for, renderer, now):
    """Listed twice; another worker thought this one dead and gave it back, and this one claimed it again."""
    vendor = Vendor(batch_size=2, rate=Rate(concurrent=2))
    ann, bob = receipt_for("ann"), receipt_for("bob")
    ledger.claim(store, [ann, bob], "here:1:a", now, now + HORIZON)

    def envelopes(*people):
        return [Envelope(message, Content("Hello"), now) for message in people]

    async def send():
        clerk = Clerk(store, "here:1:a", lambda: now, lambda: now)
        lane, tally = Lane(vendor), Tally()
        calls = Calls(clerk, Router({"email": [lane]}), tally, is_live=False)
        tally.begin(4)
        await asyncio.gather(calls.send(lane, envelopes(ann, bob, bob)), calls.send(lane, envelopes(ann)))
        clerk.close()
        return tally.counts

    assert asyncio.run(send()) == {"accepted": 2, "not_due": 2}
    assert vendor.calls == [["message-ann", "message-bob"]]


@both_stores
def test_giving_a_claim_up_does_not_take_back_what_is_on_its_way(store, receipt_for, now, ledger_rows):
    ledger.claim(store, [receipt_for("ann"), receipt_for("bob")], "here:1:a", now, now + HORIZON)
    ledger.attempt(store, ["message-ann"], "here:1:a", now)
    ledger.free(store, ["message-ann", "message-bob"], "here:1:a", "claimed")
    assert ledger_rows("state") == {"message-ann": "attempted", "message-bob": "planned"}


def test_a_replay_that_slept_between_attempt_and_sending_does_not_send(
    run_over, receipt_for, now, ledger_rows, monkeypatch
):
    """Its own time stands still; the others' went on."""
    clock, attempt, vendor = [now], ledger.attempt, Vendor()

    def slow(*arguments):
        clock[0] += timedelta(hours=1)
        return attempt(*arguments)

    monkeypatch.setattr(ledger, "attempt", slow)
    result = run_over([receipt_for("ann")], vendor, at=now, wall_clock=lambda: clock[0])
    assert result.counts == {"retry": 1}
    assert vendor.calls == []
    assert ledger_rows("reason") == {"message-ann": "attempt_out_of_date"}


@both_stores
def test_a_doubt_of_a_replay_of_the_past_is_as_young_as_it_is(run_over, receipt_for, now, ledger_rows):
    """What a run as of this morning has sent a minute ago, the vendor's log need not show yet."""
    vendor, morning = SlowLog(), now - timedelta(hours=6)
    lost(vendor, "ann")
    run_over([receipt_for("ann")], vendor, at=morning, wall_clock=lambda: now)
    vendor.answers.clear()
    for minutes, as_of in ((1, None), (29, morning + timedelta(hours=1)), (29, now + timedelta(hours=1))):
        later = now + timedelta(minutes=minutes)
        assert run_over([], vendor, at=as_of, wall_clock=lambda later=later: later).counts == {}
    assert ledger_rows("state") == {"message-ann": "unknown"}
    assert run_over([], vendor, at=None, wall_clock=lambda: now + HORIZON).counts == {"accepted": 1}


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_what_another_run_is_claiming_at_this_moment_does_not_expire_under_its_hands(
    store, store_url, receipt_for, now, ledger_rows
):
    ann = receipt_for("ann", expires_at=now + HORIZON)
    ledger.claim(store, [ann], "here:1:a", now, now + HORIZON)
    ledger.free(store, ["message-ann"], "here:1:a", "claimed")
    with closing(open_store(store_url)) as other, ThreadPoolExecutor(1) as pool, store.transaction():
        ledger.claim(store, [ann], "here:1:a", now, now + HORIZON)
        assert pool.submit(ledger.expire, other, now + HORIZON).result(timeout=20) == {}
    assert ledger_rows("state") == {"message-ann": "claimed"}
