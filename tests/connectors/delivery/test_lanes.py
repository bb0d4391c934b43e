"""Lanes: a slow provider delays nobody, a long list needs no memory, a short wait is waited for."""

import itertools
import time
import tracemalloc
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.delivery import lanes, loop, receipts
from connectors.delivery.lanes import Backlog
from connectors.delivery.sender import Rate
from connectors.errors import TryAgain
from connectors.model import Receipt
from tests.connectors.delivery.vendor import Vendor


@given(
    st.lists(
        st.one_of(st.integers(1, 40).map(lambda n: ("add", n)), st.integers(1, 40).map(lambda n: ("take", n)))
    )
)
def test_a_backlog_gives_everything_back_once_and_in_order_however_little_fits_into_memory(steps):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lanes, "NEAR", 7)
        backlog, numbers, added, taken = Backlog(), itertools.count(), [], []
        for step, count in [*steps, ("take", 10_000), *[("take", 7)] * 400]:
            if step == "add":
                fresh = list(itertools.islice(numbers, count))
                added += fresh
                for number in fresh:
                    backlog.append(number)
            else:
                taken += backlog.take(count)
            assert len(backlog) == len(added) - len(taken)
        assert taken == added


@pytest.mark.parametrize("is_one_list", [True, False])
def test_a_slow_provider_delays_neither_another_channel_nor_another_provider_of_its_own(
    run_over, receipt_for, is_one_list, monkeypatch
):
    monkeypatch.setattr(lanes, "NEAR", 20)
    monkeypatch.setattr(loop, "READ_SIZE", 20)
    monkeypatch.setattr(loop, "WAIT_FOR_ROOM_SECONDS", 0.01)
    done_at = {}

    class Timed(Vendor):
        async def send(self, batch):
            receipts = await super().send(batch)
            done_at[self.provider] = time.monotonic()
            return receipts

    slow, other, mail = Timed("fcm", "push", seconds=0.8), Timed("apns", "push"), Timed("smtp", "email")
    slow.batch_size = other.batch_size = mail.batch_size = 20
    pushes = [receipt_for(f"p{number:03d}", channel="push") for number in range(200)]
    mails = [receipt_for(f"m{number:03d}") for number in range(100)]
    slow.serves_only = {message.message_id for message in pushes[:160]}
    due = [*pushes, *mails] if is_one_list else {"push": pushes, "email": mails}
    began = time.monotonic()
    assert run_over(due, slow, other, mail).counts == {"accepted": 300}
    assert max(done_at["apns"], done_at["smtp"]) - began < (done_at["fcm"] - began) / 2


def test_a_paused_provider_delays_nobody(run_over, receipt_for):
    first, second = Vendor("first", "push"), Vendor("second", "email")
    first.errors = [TryAgain("http 429", 3600)]
    due = [
        *(receipt_for(f"p{n}", channel="push") for n in range(9)),
        *(receipt_for(f"m{n}") for n in range(9)),
    ]
    began = time.monotonic()
    result = run_over(due, first, second)
    assert result.counts == {"accepted": 9, "retry": 2, "held": 7}
    assert (len(first.calls), result.reasons["provider_paused"]) == (1, 7)
    assert time.monotonic() - began < lanes.PATIENCE_SECONDS / 2


def test_a_long_pause_is_kept_by_the_next_run_and_over_when_it_is_over(run_over, receipt_for, now):
    vendor = Vendor()
    vendor.errors = [TryAgain("http 429", 3600)]
    run_over([receipt_for("ann")], vendor)
    assert run_over([receipt_for("bob")], vendor, at=now + timedelta(minutes=59)).counts == {"held": 1}
    assert run_over([receipt_for("bob")], vendor, at=now + timedelta(minutes=61)).counts == {"accepted": 1}


def test_what_a_long_pause_holds_goes_to_the_next_provider(run_over, receipt_for):
    first, second = Vendor("first"), Vendor("second")
    first.errors = [TryAgain("http 429", 3600)]
    due = [receipt_for(f"p{number}") for number in range(9)]
    assert run_over(due, first, second).counts == {"accepted": 9}
    assert (len(first.calls), len(second.taken)) == (1, 9)


@pytest.fixture
def live(run_over):
    """A run in which the clock runs."""
    return lambda due, *vendors: run_over(due, *vendors, at=None)


def test_a_short_wait_that_the_provider_asks_for_is_waited_for_in_the_same_run(live, receipt_for):
    vendor = Vendor()
    vendor.errors = [TryAgain("http 429", 0.3)]
    vendor.answers = {
        "message-p3": Receipt("message-p3", "retry", "first", reason="http 429", retry_after_seconds=0.2)
    }

    class Forgets(dict):
        def get(self, key, default=None):
            return self.pop(key, default)

    vendor.answers = Forgets(vendor.answers)
    began = time.monotonic()
    result = live([receipt_for(f"p{number}") for number in range(4)], vendor)
    assert (result.counts, sorted(vendor.taken)) == ({"accepted": 4}, [f"message-p{n}" for n in range(4)])
    assert 0.3 < time.monotonic() - began < lanes.PATIENCE_SECONDS


def test_a_wait_beyond_patience_is_left_to_the_next_run(live, receipt_for):
    vendor = Vendor()
    vendor.error = TryAgain("no connection")
    began = time.monotonic()
    assert live([receipt_for("ann")], vendor).counts == {"retry": 1}
    assert time.monotonic() - began < lanes.PATIENCE_SECONDS


def test_no_more_calls_at_once_than_the_provider_takes_and_as_many_as_it_takes(run_over, receipt_for):
    vendor = Vendor(batch_size=1, rate=Rate(concurrent=4), seconds=0.05)
    run_over([receipt_for(f"p{number}") for number in range(16)], vendor)
    assert vendor.most_at_once == 4


def test_the_rate_of_a_provider_is_kept(run_over, receipt_for):
    vendor = Vendor(batch_size=5, rate=Rate(per_second=50, concurrent=4))
    began = time.monotonic()
    run_over([receipt_for(f"p{number:02d}") for number in range(75)], vendor)
    assert time.monotonic() - began >= 0.5


def test_a_lease_is_renewed_while_a_slow_call_lasts(store, run_over, receipt_for, monkeypatch, ledger_rows):
    monkeypatch.setattr(loop, "LEASE", timedelta(seconds=0.3))
    vendor = Vendor(seconds=1)
    ends = []

    class Watched(Vendor):
        async def send(self, batch):
            receipts = await super().send(batch)
            ends.append(next(iter(ledger_rows("lease_until").values())) - loop.wall_clock())
            return receipts

    vendor = Watched(seconds=1)
    assert run_over([receipt_for("ann")], vendor).counts == {"accepted": 1}
    assert ends[0] > timedelta(seconds=0)


def test_the_length_of_a_list_does_not_show_in_memory(run_over, receipt_for, monkeypatch):
    monkeypatch.setattr(lanes, "NEAR", 100)
    monkeypatch.setattr(loop, "CLAIM_SIZE", 100)
    monkeypatch.setattr(loop, "READ_SIZE", 100)
    monkeypatch.setattr(receipts, "ROWS_PER_FILE", 100)

    def peak(size, start):
        class Counts(Vendor):
            async def send(self, batch):
                return [Receipt(envelope.message.message_id, "accepted", self.provider) for envelope in batch]

        text = "x" * 5_000
        due = (
            receipt_for(f"{start}-{n}", context={"profile": {}, "text": f"{text}{n}"}) for n in range(size)
        )
        tracemalloc.start()
        assert run_over(due, Counts(batch_size=100), refresh=lambda: None).counts == {"accepted": size}
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(200, "warm")
    short, long = peak(300, "short"), peak(2_000, "long")
    assert long - short < 1_700 * 5_000 / 4


def test_many_calls_share_a_commit(store, run_over, receipt_for):
    vendor = Vendor(batch_size=1, rate=Rate(concurrent=50), seconds=0.02)
    commits = []
    original = store.engine.dialect.do_commit
    store.engine.dialect.do_commit = lambda connection: (commits.append(1), original(connection))[1]
    run_over([receipt_for(f"p{number:03d}") for number in range(300)], vendor)
    assert len(commits) < 150
