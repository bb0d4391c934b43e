"""Doubts: resolved by the vendor's log, by a webhook, or by the declared policy; never by a blind second try."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.delivery import deliver, doubts, ledger, loop
from connectors.delivery.ledger import reconcile
from connectors.delivery.policies import Policies
from connectors.errors import StopSync, TryAgain
from connectors.landing import open_landing
from connectors.model import Receipt
from connectors.store import open_store
from tests.connectors.delivery.vendor import Vendor

HORIZON = timedelta(minutes=5)
RESEND = Policies(unknown={"transactional": "resend_after_horizon"}, unknown_horizon=timedelta(hours=2))
both_stores = pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)


class Remembers(Vendor):
    """Times out after it has (or has not) taken a message, and can be asked later."""

    read_back_horizon = HORIZON

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.log = {}
        self.silent_about = {}
        self.log_error = None
        self.asked = []

    async def send(self, batch):
        receipts = await super().send(batch)
        answers = []
        for receipt in receipts:
            has_arrived = self.silent_about.get(receipt.message_id)
            if has_arrived is not False:
                self.log[receipt.message_id] = receipt
            answers.append(
                receipt
                if has_arrived is None
                else Receipt(receipt.message_id, "unknown", self.provider, reason="no_answer")
            )
        self.arrived = sorted(self.log)
        return answers

    async def read_back(self, asked):
        self.asked.append([doubt.message_id for doubt in asked])
        if self.log_error:
            raise self.log_error
        return [self.log[doubt.message_id] for doubt in asked if doubt.message_id in self.log]


@pytest.fixture
def vendor():
    return Remembers(batch_size=10)


@both_stores
def test_the_vendors_log_says_that_a_message_arrived(run_over, receipt_for, vendor, now, ledger_rows):
    vendor.silent_about = {"message-ann": True}
    assert run_over([receipt_for("ann")], vendor).counts == {"unknown": 1}
    result = run_over([receipt_for("ann")], vendor, at=now + timedelta(minutes=1))
    assert (result.resolved, result.counts) == ({"accepted": 1}, {"not_due": 1})
    assert ledger_rows("state", "resolved_by", "provider_message_id") == {
        "message-ann": ("accepted", "read_back", "p-message-ann")
    }


@both_stores
def test_what_the_log_should_show_by_now_and_does_not_was_never_sent_and_is_sent(
    run_over, receipt_for, vendor, now, ledger_rows, landed
):
    vendor.silent_about = {"message-ann": False}
    run_over([receipt_for("ann")], vendor)
    vendor.silent_about = {}
    too_early = run_over([], vendor, at=now + HORIZON - timedelta(seconds=1))
    assert (too_early.resolved, vendor.log) == ({}, {})
    result = run_over([], vendor, at=now + HORIZON)  # the outbox names it no longer
    assert (result.resolved, result.counts) == ({"planned": 1}, {"accepted": 1})
    assert ledger_rows("state", "resolved_by") == {"message-ann": ("accepted", "read_back")}
    assert [record["event"] for record in landed()] == ["Message Unknown", "Email Sent"]


@both_stores
def test_what_was_never_sent_and_is_no_longer_wanted_is_skipped(
    run_over, receipt_for, vendor, now, ledger_rows
):
    vendor.silent_about = {"message-ann": False}
    run_over([receipt_for("ann", expires_at=now + HORIZON)], vendor)
    assert run_over([], vendor, at=now + HORIZON).resolved == {"skipped": 1}
    assert ledger_rows("state", "reason") == {"message-ann": ("skipped", "too_late")}


@pytest.mark.parametrize("error", [TryAgain("http 503"), StopSync("key revoked")])
def test_a_log_that_cannot_be_asked_proves_nothing(run_over, receipt_for, vendor, now, ledger_rows, error):
    vendor.silent_about, vendor.log_error = {"message-ann": False}, error
    run_over([receipt_for("ann")], vendor)
    run_over([], vendor, at=now + timedelta(hours=1))
    assert ledger_rows("state", "resolved_by") == {"message-ann": ("unknown", None)}


def test_a_log_is_not_believed_about_what_it_may_have_forgotten(
    run_over, receipt_for, vendor, now, ledger_rows
):
    vendor.silent_about = {"message-ann": False}
    run_over([receipt_for("ann")], vendor)
    policies = Policies(unknown_horizon=timedelta(days=30))
    run_over([], vendor, at=now + doubts.LONGEST_MEMORY, policies=policies)
    assert (vendor.asked[1:], ledger_rows("state")) == ([], {"message-ann": "unknown"})


def test_only_the_vendor_that_had_the_message_is_asked(run_over, receipt_for, vendor, now):
    other = Remembers("second", batch_size=10)
    vendor.silent_about = {"message-ann": True}
    run_over([receipt_for("ann")], vendor, other)
    run_over([], vendor, other, at=now + timedelta(minutes=1))
    assert (vendor.asked, other.asked) == ([[], ["message-ann"]][1:], [])


def test_a_message_of_a_killed_worker_is_kept_when_the_outbox_names_it_for_the_last_time(
    store, run_over, receipt_for, vendor, now, ledger_rows
):
    ledger.claim(store, [receipt_for("ann")], "elsewhere:1:x", now, now)
    ledger.attempt(store, ["message-ann"], "elsewhere:1:x", now, vendor.provider)
    late = now + timedelta(minutes=1)
    assert run_over([receipt_for("ann")], vendor, at=late).counts == {"unknown": 1, "not_due": 1}
    assert run_over([], vendor, at=now + HORIZON).counts == {"accepted": 1}
    assert ledger_rows("resolved_by") == {"message-ann": "read_back"}


@both_stores
def test_without_evidence_marketing_is_never_sent_again_and_the_doubt_is_closed(
    run_over, receipt_for, store, now, ledger_rows
):
    vendor = Vendor()
    vendor.answers = {"message-ann": Receipt("message-ann", "unknown", "first", reason="no_answer")}
    run_over([receipt_for("ann", message_class="operational")], vendor, policies=RESEND)
    (doubt,) = doubts.find_doubts(store, RESEND)
    assert (doubt.policy, doubt.policy_at) == ("never_resend", now + RESEND.unknown_horizon)
    later = run_over([], vendor, at=now + RESEND.unknown_horizon, policies=RESEND)
    assert later.resolved == {"unknown": 1}
    assert ledger_rows("state", "resolved_by") == {"message-ann": ("unknown", "policy")}
    assert (doubts.find_doubts(store, RESEND), len(vendor.calls)) == ([], 1)


@both_stores
def test_without_evidence_a_class_that_is_declared_so_is_sent_again_after_the_horizon(
    run_over, receipt_for, now, ledger_rows
):
    vendor = Vendor()
    vendor.answers = {"message-ann": Receipt("message-ann", "unknown", "first", reason="no_answer")}
    run_over([receipt_for("ann")], vendor, policies=RESEND)
    vendor.answers = {}
    early = run_over([], vendor, at=now + RESEND.unknown_horizon - timedelta(seconds=1), policies=RESEND)
    assert early.counts == {}
    assert run_over([], vendor, at=now + RESEND.unknown_horizon, policies=RESEND).counts == {"accepted": 1}
    assert ledger_rows("state", "resolved_by") == {"message-ann": ("accepted", "policy")}


def test_evidence_that_comes_first_keeps_the_policy_from_sending(
    run_over, receipt_for, store, now, ledger_rows
):
    vendor = Vendor()
    vendor.answers = {"message-ann": Receipt("message-ann", "unknown", "first", reason="no_answer")}
    run_over([receipt_for("ann")], vendor, policies=RESEND)
    assert reconcile(store, "message-ann", "accepted", "webhook", now + timedelta(hours=1))
    run_over([], vendor, at=now + timedelta(days=2), policies=RESEND)
    assert (len(vendor.calls), ledger_rows("resolved_by")) == (1, {"message-ann": "webhook"})


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    silences=st.dictionaries(st.integers(0, 7), st.booleans()),
    minutes=st.lists(st.integers(0, 12), min_size=1, max_size=5),
)
def test_a_log_that_tells_the_truth_never_lets_a_message_arrive_twice_or_get_lost(
    silences, minutes, tmp_path_factory, receipt_for, renderer, now
):
    folder = tmp_path_factory.mktemp("doubts")
    store, landing = (
        open_store(f"sqlite:///{folder / 'ledger.sqlite'}"),
        open_landing(str(folder / "landing")),
    )
    vendor = Remembers(batch_size=3)
    vendor.silent_about = {f"message-p{number}": arrived for number, arrived in silences.items()}
    due, at, arrivals = [receipt_for(f"p{number}") for number in range(8)], now, []
    for pause in [0, *minutes, 30, 30]:
        at += timedelta(minutes=pause)
        before = set(vendor.log)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(loop, "wall_clock", lambda at=at: at)
            deliver(store, landing, due if at == now else [], {"email": vendor}, renderer, at)
        arrivals += sorted(set(vendor.log) - before)
        vendor.silent_about = {}
    store.close()
    assert sorted(arrivals) == sorted(vendor.log) == [message.message_id for message in due]
    assert sorted(vendor.taken) == sorted(
        [*vendor.log, *(f"message-p{n}" for n, there in silences.items() if not there)]
    )


def test_evidence_is_asked_for_before_a_policy_applies(run_over, receipt_for, vendor, now, ledger_rows):
    vendor.silent_about = {"message-ann": True}
    run_over([receipt_for("ann")], vendor, policies=RESEND)
    after_an_outage = now + timedelta(days=2)
    assert run_over([], vendor, at=after_an_outage, policies=RESEND).resolved == {"accepted": 1}
    assert (vendor.taken, ledger_rows("resolved_by")) == (["message-ann"], {"message-ann": "read_back"})
