"""Dead letters: what no retry helps, why, and a second life for what is known not to have left."""

from datetime import timedelta

import pytest

from connectors.delivery import deliver
from connectors.delivery.dead_letters import find_dead_letters, replay
from connectors.errors import Rejected
from connectors.model import Receipt
from connectors.store import sync_suppressions
from tests.connectors.delivery.vendor import Vendor

pytestmark = pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def vendor():
    return Vendor(batch_size=10)


@pytest.fixture
def give_up(run_over, receipt_for, vendor):
    """`give_up("ann")`: the vendor objects to a message for a reason that is not its address."""

    def reject(*people, reason="http 422", **changes):
        for person in people:
            message_id = f"message-{person}"
            vendor.answers[message_id] = Receipt(message_id, "rejected", vendor.provider, reason=reason)
        run_over([receipt_for(person, **changes) for person in people], vendor)
        vendor.answers.clear()

    return reject


def reasons(store, **wanted):
    return {letter.message_id: letter.reason for letter in find_dead_letters(store, **wanted)}


def test_each_kind_of_rejection_is_a_dead_letter_except_a_dead_address(run_over, receipt_for, vendor, store):
    vendor.answers = {
        "message-ann": Receipt("message-ann", "rejected", "first", reason="postmark 300"),
        "message-bob": Receipt(
            "message-bob", "rejected", "first", reason="smtp 550", suppress="hard_bounced"
        ),
        "message-cid": Receipt("message-cid", "unknown", "first", reason="no_answer"),
    }
    run_over([receipt_for(person) for person in ("ann", "bob", "cid", "dan")], vendor)
    assert reasons(store) == {"message-ann": "postmark 300"}


def test_a_template_that_does_not_render_is_one_and_is_sent_when_it_is_mended(
    store, landing, vendor, receipt_for, now, renderer
):
    class Broken:
        def render(self, due):
            raise Rejected("template_error: shoe_size is undefined")

    deliver(store, landing, [receipt_for("ann")], {"email": vendor}, Broken(), now)
    assert reasons(store) == {"message-ann": "template_error: shoe_size is undefined"}
    assert replay(store, ["message-ann"], now).planned == ["message-ann"]
    assert deliver(store, landing, [], {"email": vendor}, renderer, now).counts == {"accepted": 1}


def test_they_are_found_by_reason_channel_and_time(give_up, store, now):
    give_up("ann", reason="http 413")
    give_up("bob", reason="http 422")
    assert reasons(store, reason="413") == {"message-ann": "http 413"}
    assert reasons(store, channel="sms") == {}
    assert reasons(store, since=now + timedelta(seconds=1)) == {}
    assert len(reasons(store, since=now, limit=1)) == 1


def test_a_replayed_message_is_sent_by_the_next_run_although_the_outbox_has_forgotten_it(
    give_up, run_over, store, vendor, now, ledger_rows
):
    give_up("ann", "bob")
    assert replay(store, ["message-ann"], now).planned == ["message-ann"]
    assert run_over([], vendor).counts == {"accepted": 1}
    assert vendor.taken == ["message-ann"]
    assert ledger_rows("state") == {"message-ann": "accepted", "message-bob": "rejected"}
    assert reasons(store) == {"message-bob": "http 422"}
    assert run_over([], vendor).counts == {}


def test_a_replay_gives_a_day_to_what_would_have_expired(give_up, run_over, store, vendor, now):
    give_up("ann", expires_at=now + timedelta(hours=1))
    later = now + timedelta(days=3)
    replay(store, ["message-ann"], later)
    assert run_over([], vendor, at=later + timedelta(hours=2)).counts == {"accepted": 1}


def test_a_replayed_message_still_passes_the_last_look(give_up, run_over, store, vendor, now):
    give_up("ann")
    replay(store, ["message-ann"], now)
    closed = {"channel": "email", "address": "ann@example.com", "reason": "complained", "since": now}
    sync_suppressions(store, [closed], now)
    assert run_over([], vendor).counts == {"skipped": 1}


def test_quiet_hours_of_the_day_of_the_replay_are_kept(give_up, run_over, store, vendor, now):
    evening = now.replace(hour=20)
    give_up("ann", quiet_from=evening)
    replay(store, ["message-ann"], now + timedelta(days=2))
    night, morning = evening + timedelta(days=2, hours=3), evening + timedelta(days=2, hours=13)
    assert run_over([], vendor, at=night).reasons == {"quiet_hours": 1}
    assert run_over([], vendor, at=morning).counts == {"accepted": 1}


def test_what_dies_again_is_a_dead_letter_again(give_up, run_over, store, vendor, now):
    give_up("ann")
    replay(store, ["message-ann"], now)
    vendor.answers = {"message-ann": Receipt("message-ann", "rejected", "first", reason="http 400")}
    run_over([], vendor)
    assert reasons(store) == {"message-ann": "http 400"}


def test_what_was_accepted_or_is_in_doubt_or_never_died_is_never_replayed(
    give_up, run_over, receipt_for, store, vendor, now
):
    give_up("ann", "bob", "eve")
    replay(store, ["message-ann", "message-bob"], now)
    vendor.answers = {"message-bob": Receipt("message-bob", "unknown", "first", reason="no_answer")}
    run_over([receipt_for("cid")], vendor)
    every = ["message-ann", "message-bob", "message-cid", "message-eve", "message-nobody"]
    done = replay(store, [*every, *every], now)
    assert (done.planned, done.refused) == (
        ["message-eve"],
        {
            "message-ann": "is_accepted",
            "message-bob": "is_unknown",
            "message-cid": "not_a_dead_letter",
            "message-nobody": "not_a_dead_letter",
        },
    )
    assert replay(store, ["message-eve"], now).refused == {"message-eve": "is_planned"}
