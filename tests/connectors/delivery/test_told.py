"""Evidence by webhook is believed before anything is decided about a doubt."""

from datetime import timedelta

import pytest

from connectors.delivery import deliver, ledger
from connectors.delivery.policies import Policies
from connectors.delivery.told import believe
from connectors.feedback import Feedback, take_feedback
from connectors.model import Receipt
from tests.connectors.delivery.vendor import Vendor

pytestmark = pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)
RESEND = Policies(unknown={"transactional": "resend_after_horizon"}, unknown_horizon=timedelta(hours=2))
WORKER = "host:1:worker"


@pytest.fixture
def told(store, landing, now):
    """`told("Email Delivered", "message-ann")`: its vendor's webhook says so."""

    def take(name, message_id, outcome="accepted", **changes):
        item = Feedback(
            f"event-{name}", name, "email", "stub", now, message_id=message_id, outcome=outcome, **changes
        )
        return take_feedback(store, landing, [item], now)

    return take


@pytest.fixture
def attempted(store, message, now):
    """`attempted("ann", "unknown")`: a receipt to Ann was tried three hours ago, with this outcome."""

    def attempt(person, outcome):
        mail, then = message(person, message_class="transactional"), now - timedelta(hours=3)
        ledger.claim(store, [mail], WORKER, then, then + timedelta(minutes=5))
        ledger.attempt(store, [mail.message_id], WORKER, then)
        ledger.settle(store, [Receipt(mail.message_id, outcome, "stub")], WORKER, then)
        return mail

    return attempt


def test_what_a_webhook_reported_is_not_sent_again_by_policy(
    attempted, told, store, landing, renderer, now, ledger_rows
):
    mail, vendor = attempted("ann", "unknown"), Vendor()
    told("Email Delivered", mail.message_id)
    deliver(store, landing, [mail], {"email": vendor}, renderer, now, policies=RESEND)
    assert vendor.taken == []
    assert ledger_rows("state", "resolved_by") == {mail.message_id: ("accepted", "webhook")}


def test_evidence_that_came_while_the_worker_died_counts_before_the_policy(
    store, landing, message, told, renderer, now, ledger_rows
):
    mail, vendor, then = message("ann", message_class="transactional"), Vendor(), now - timedelta(hours=3)
    ledger.claim(store, [mail], WORKER, then, then + timedelta(minutes=5))
    ledger.attempt(store, [mail.message_id], WORKER, then)
    told("Email Delivered", mail.message_id)
    assert ledger_rows("state") == {mail.message_id: "attempted"}
    deliver(store, landing, [mail], {"email": vendor}, renderer, now, policies=RESEND)
    assert vendor.taken == []
    assert ledger_rows("state", "resolved_by") == {mail.message_id: ("accepted", "webhook")}


def test_a_message_that_left_although_its_vendor_had_refused_it_is_not_tried_again(
    attempted, told, store, landing, renderer, now, ledger_rows
):
    mail, vendor = attempted("ann", "retry"), Vendor()
    told("Email Opened", mail.message_id)
    deliver(store, landing, [mail], {"email": vendor}, renderer, now)
    assert (vendor.taken, ledger_rows("state")) == ([], {mail.message_id: "accepted"})


def test_a_worker_that_holds_the_message_for_a_second_try_is_stopped(attempted, told, store, now):
    mail = attempted("ann", "retry")
    ledger.claim(store, [mail], WORKER, now, now + timedelta(minutes=5))
    told("Email Delivered", mail.message_id)
    assert ledger.attempt(store, [mail.message_id], WORKER, now).mine == frozenset()


def test_a_message_that_was_never_tried_is_sent_whatever_is_told(
    message, told, store, landing, renderer, now
):
    mail, vendor = message("ann", message_class="transactional"), Vendor()
    told("Email Delivered", mail.message_id)
    deliver(store, landing, [mail], {"email": vendor}, renderer, now)
    assert vendor.taken == [mail.message_id]


def test_a_refusal_that_is_told_does_not_end_the_retries(attempted, told, store, now, ledger_rows):
    mail = attempted("ann", "retry")
    told("Email Rejected", mail.message_id, outcome="rejected")
    assert (believe(store, now), ledger_rows("state")) == ({}, {mail.message_id: "retry"})
