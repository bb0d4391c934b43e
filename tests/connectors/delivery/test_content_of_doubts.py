"""A message in doubt that never left is sent after all: from the list that still has it, or from what is kept."""

from datetime import timedelta

import pytest

from connectors.delivery import calls, ledger, loop
from connectors.delivery.doubts import find_doubts
from connectors.delivery.policies import Policies
from connectors.errors import StopSync
from connectors.model import Receipt
from tests.connectors.delivery.vendor import Vendor

HORIZON = timedelta(minutes=30)
both_stores = pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)


class Forgetful(Vendor):
    """Its log shows nothing that was not taken."""

    read_back_horizon = HORIZON

    async def read_back(self, doubts):
        return []


@pytest.fixture
def vendor():
    return Forgetful()


@pytest.fixture
def dies_with(store, receipt_for):
    """`dies_with("ann", at)`: a worker of another host says that Ann's bytes are about to leave, and is gone."""

    def attempt(person, at):
        worker = "elsewhere:1:dead"
        ledger.claim(store, [receipt_for(person)], worker, at, at + timedelta(seconds=30))
        ledger.attempt(store, [f"message-{person}"], worker, at, "first")

    return attempt


@both_stores
def test_a_message_of_a_dead_worker_that_never_left_is_sent_by_the_run_that_learns_it(
    dies_with, run_over, receipt_for, vendor, now, ledger_rows
):
    """Runs are an hour apart: who died and that nothing arrived is learned at once, before the list is read."""
    dies_with("ann", now)
    result = run_over([receipt_for("ann")], vendor, at=now + timedelta(hours=1))
    assert (result.resolved, vendor.taken) == ({"planned": 1}, ["message-ann"])
    assert ledger_rows("state", "resolved_by") == {"message-ann": ("accepted", "read_back")}


@both_stores
def test_a_doubt_is_told_when_its_content_is_kept_because_then_the_list_forgets_it(
    dies_with, run_over, receipt_for, vendor, now, landed
):
    """The provider is away, so the run that finds the dead worker's message does not come to claim it."""
    vendor.error = StopSync("no credit")
    run_over([receipt_for("bob")], vendor, at=now)
    dies_with("ann", now)
    run_over([receipt_for("ann")], vendor, at=now + timedelta(seconds=10))
    vendor.error = None
    told = {record["properties"]["message_id"] for record in landed()}
    still_listed = [receipt_for(person) for person in ("ann", "bob") if f"message-{person}" not in told]
    run_over(still_listed, vendor, at=now + timedelta(hours=1))
    run_over([], vendor, at=now + timedelta(hours=2))
    assert sorted(vendor.taken) == ["message-ann", "message-bob"]


@both_stores
@pytest.mark.parametrize("ends", ["dies", "gets_no_answer"])
def test_a_message_that_is_in_doubt_again_is_an_open_doubt_again(
    ends, dies_with, run_over, receipt_for, vendor, now, store, ledger_rows
):
    """The log said that it never left, so it was sent again, and that attempt had no answer either."""
    dies_with("ann", now)
    later = now + timedelta(hours=1)
    vendor.answers["message-ann"] = Receipt("message-ann", "retry", "first", reason="busy")
    run_over([receipt_for("ann")], vendor, at=later)
    vendor.answers["message-ann"] = Receipt("message-ann", "unknown", "first", reason="no_answer")
    again = later + timedelta(minutes=5)
    if ends == "dies":
        dies_with("ann", again)
    else:
        run_over([receipt_for("ann")], vendor, at=again)
    run_over([], vendor, at=again + timedelta(minutes=1))
    assert ledger_rows("state", "resolved_by") == {"message-ann": ("unknown", None)}
    assert [doubt.message_id for doubt in find_doubts(store, Policies())] == ["message-ann"]
    run_over([], Vendor(), at=again + Policies().unknown_horizon)
    assert ledger_rows("state", "resolved_by") == {"message-ann": ("unknown", "policy")}


def test_a_process_that_slept_between_attempt_and_sending_does_not_send(
    run_over, receipt_for, vendor, now, ledger_rows, monkeypatch
):
    """A machine was suspended for an hour; another one may have learned that nothing left, and sent it."""
    clock = {"now": now}
    monkeypatch.setattr(loop, "wall_clock", lambda: clock["now"])
    attempt = ledger.attempt

    def slow(*arguments):
        got = attempt(*arguments)
        clock["now"] += timedelta(hours=1)
        return got

    monkeypatch.setattr(ledger, "attempt", slow)
    assert run_over([receipt_for("ann")], vendor, at=None).counts == {"retry": 1}
    assert vendor.calls == []
    assert ledger_rows("state") == {"message-ann": "retry"}
    assert calls.LONGEST_PREPARATION < HORIZON
