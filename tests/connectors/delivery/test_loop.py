"""The delivery loop: every message has one outcome, and every outcome reaches landing once."""

from datetime import timedelta
from itertools import count

import pytest

from connectors.delivery import deliver, take_fresh_facts, write_receipts
from connectors.delivery.ledger import reconcile
from connectors.delivery.profile_update import ProfileUpdates
from connectors.delivery.sender import Rate
from connectors.errors import Rejected, StopSync, TryAgain
from connectors.model import Content, Receipt


class Vendor:
    """Answers as told, by message id; `accepted` when nothing was said."""

    channel = "email"
    provider = "stub"
    batch_size = 2
    is_repeatable = False
    rate = Rate()

    def __init__(self, channel="email", **answers):
        self.channel = channel
        self.answers = answers
        self.sent = []
        self.error = None
        self.closed = False

    async def send(self, batch):
        if self.error:
            raise self.error
        ids = [envelope.message.message_id for envelope in batch]
        self.sent += ids
        return [self.answers.get(i) or Receipt(i, "accepted", self.provider, f"p-{i}") for i in ids]

    def serves(self, message):
        return True

    async def close(self):
        self.closed = True


@pytest.fixture
def vendor():
    return Vendor()


@pytest.fixture
def run(store, landing, renderer, vendor, now, agree):
    agree(*"abcdef")

    def deliver_now(*due, at=now, senders=(), **options):
        by_channel = {sender.channel: sender for sender in (vendor, *senders)}
        result = deliver(store, landing, due, by_channel, options.pop("renderer", renderer), at, **options)
        return {outcome: count for outcome, count in result.counts.items() if count}

    return deliver_now


def events(landed):
    return [(record["event"], record["properties"]["message_id"]) for record in landed()]


def test_what_is_due_is_sent_once_however_often_the_list_names_it(run, vendor, message):
    due = [message(person) for person in "abc"]
    assert run(*due) == {"accepted": 3}
    assert run(*due) == {"not_due": 3}
    assert vendor.sent == ["message-a", "message-b", "message-c"]


def test_every_outcome_reaches_landing_once(run, vendor, message, landed):
    vendor.answers = {
        "message-b": Receipt("message-b", "rejected", "stub", reason="smtp 552"),
        "message-c": Receipt("message-c", "rejected", "stub", reason="smtp 550", suppress="hard_bounced"),
        "message-d": Receipt("message-d", "retry", "stub", reason="smtp 451"),
        "message-e": Receipt("message-e", "unknown", "stub", reason="connection_lost"),
    }
    for _ in range(2):
        run(*(message(person) for person in "abcde"), message("nobody"))
    assert sorted(events(landed)) == [
        ("Email Bounced", "message-c"),
        ("Email Rejected", "message-b"),
        ("Email Sent", "message-a"),
        ("Message Skipped", "message-nobody"),
        ("Message Unknown", "message-e"),
    ]


def test_a_receipt_says_who_what_when_and_why(run, message, landed, now):
    run(message("a"))
    assert landed() == [
        {
            "type": "track",
            "messageId": landed()[0]["messageId"],
            "event": "Email Sent",
            "timestamp": now.isoformat() + "Z",
            "source": "delivery",
            "properties": {
                "message_id": "message-a",
                "profile_id": "profile-a",
                "channel": "email",
                "provider": "stub",
                "provider_message_id": "p-message-a",
            },
        }
    ]


def test_a_crash_between_file_and_mark_writes_the_same_events_again(
    run, store, landing, message, landed, monkeypatch
):
    crash = RuntimeError("killed")
    monkeypatch.setattr("connectors.delivery.receipts._mark", lambda *_: (_ for _ in ()).throw(crash))
    with pytest.raises(RuntimeError):
        run(message("a"))
    monkeypatch.undo()
    write_receipts(store, landing)
    assert len({record["messageId"] for record in landed()}) == 1


def test_a_doubt_that_is_resolved_is_written_back_as_what_it_became(
    run, store, landing, vendor, message, now, landed
):
    vendor.answers = {"message-a": Receipt("message-a", "unknown", "stub")}
    run(message("a"))
    reconcile(store, "message-a", "accepted", "webhook", now + timedelta(hours=1))
    run()
    assert events(landed) == [("Message Unknown", "message-a"), ("Email Sent", "message-a")]


def test_a_retry_is_sent_when_its_time_has_come(run, vendor, message, now):
    vendor.answers = {"message-a": Receipt("message-a", "retry", "stub", reason="smtp 451")}
    assert run(message("a")) == {"retry": 1}
    vendor.answers = {}
    assert run(message("a")) == {"not_due": 1}
    assert run(message("a"), at=now + timedelta(minutes=2)) == {"accepted": 1}


def test_a_vendor_that_is_down_gets_everything_later(run, vendor, message, now):
    vendor.error = TryAgain("no connection")
    assert run(message("a"), message("b"), message("c")) == {"retry": 3}
    vendor.error = None
    later = now + timedelta(minutes=2)
    assert run(message("a"), message("b"), message("c"), at=later) == {"accepted": 3}


def test_a_vendor_that_refuses_us_is_asked_once_and_nothing_is_lost(run, vendor, message, now):
    vendor.error = StopSync("wrong password")
    assert run(*(message(person) for person in "abcd")) == {"retry": 2, "held": 2}
    vendor.error = None
    later = now + timedelta(minutes=2)
    assert run(*(message(person) for person in "abcd"), at=later) == {"accepted": 4}


def test_a_channel_without_a_vendor_waits_for_one(run, message, now, agree):
    agree("a", channel="sms")
    assert run(message("a", channel="sms")) == {"held": 1}
    assert run(message("a", channel="sms"), senders=[Vendor("sms")]) == {"accepted": 1}


def test_a_message_that_does_not_render_harms_no_other(run, vendor, message, ledger_rows):
    class Picky:
        def render(self, due):
            if due.profile_id == "profile-b":
                raise Rejected("template_error: first_name is undefined")
            return Content(text="hello")

    assert run(*(message(person) for person in "abc"), renderer=Picky()) == {"accepted": 2, "rejected": 1}
    assert ledger_rows("reason")["message-b"] == "template_error: first_name is undefined"
    assert vendor.sent == ["message-a", "message-c"]


def test_a_vendor_that_fails_unexpectedly_leaves_doubt_and_no_second_try(run, vendor, message, ledger_rows):
    vendor.error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        run(message("a"), message("b"), message("c"))
    vendor.error = None
    assert run(message("a"), message("b"), message("c")) == {"not_due": 2, "accepted": 1}
    assert ledger_rows("state") == {"message-a": "unknown", "message-b": "unknown", "message-c": "accepted"}


def test_an_answer_that_never_came_is_a_doubt(run, vendor, message, ledger_rows):
    async def forgetful(batch):
        return []

    vendor.send = forgetful
    run(message("a"))
    assert ledger_rows("state") == {"message-a": "unknown"}


def test_facts_are_refreshed_before_every_claim(run, store, landing, vendor, message, now, monkeypatch):
    monkeypatch.setattr("connectors.delivery.loop.CLAIM_SIZE", 1)
    order = {
        "type": "track",
        "event": "Order Completed",
        "userId": "b",
        "timestamp": (now - timedelta(seconds=1)).isoformat() + "Z",
        "properties": {"order_id": "1", "revenue": 5},
    }

    claims = count()

    def refresh():
        if next(claims):  # bob orders after ann's mail was claimed
            landing.write("shop.ndjson", [order])
        take_fresh_facts(store, landing, set())

    assert run(message("a"), message("b"), refresh=refresh) == {"accepted": 1, "skipped": 1}
    assert vendor.sent == ["message-a"]


def test_a_profile_update_lands_as_an_identify_with_its_receipt(run, message, landed):
    class Traits:
        def render(self, due):
            return Content(text="", data={"tier_note": "vip"})

    update = message("a", channel="profile", address="profile-a", template=None)
    assert run(update, senders=[ProfileUpdates()], renderer=Traits()) == {"accepted": 1}
    sent, identify = landed()
    assert (sent["event"], identify["type"], identify["traits"], identify["properties"]["profile_id"]) == (
        "Profile Updated",
        "identify",
        {"tier_note": "vip"},
        "profile-a",
    )


def test_connections_are_given_back_and_progress_adds_up(run, vendor, message):
    steps = []
    run(*(message(person) for person in "abcde"), progress=steps.append)
    assert (vendor.closed, sum(steps)) == (True, 5)


def test_an_empty_list_is_nothing_to_do(run):
    assert run() == {}
