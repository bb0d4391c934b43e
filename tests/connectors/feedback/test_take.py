"""What comes back has its effect at the very next claim."""

from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import insert, select

from connectors import tables
from connectors.delivery import ledger, take_fresh_facts
from connectors.delivery.told import believe
from connectors.events import Event, parse
from connectors.feedback import Feedback, take_feedback, write_feedback
from connectors.feedback.effects import SOFT_BOUNCE_WINDOW, SOFT_BOUNCES
from connectors.feedback.model import event_id
from connectors.model import Receipt
from connectors.store import sync_suppressions

pytestmark = pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)
MINUTE = timedelta(minutes=1)
WORKER = "host:1:worker"
NUMBERS = count(1)


@pytest.fixture
def feedback(now):
    """`feedback("Email Delivered", message_id=…)`: told a minute ago, by SendGrid, about Ann."""

    def build(name, **changes):
        values = {
            "event_id": event_id(name, *sorted(map(str, changes.items()))),
            "name": name,
            "channel": "email",
            "provider": "sendgrid",
            "occurred_at": now - MINUTE,
            "address": "Ann@Example.com",
        }
        return Feedback(**(values | changes))

    return build


@pytest.fixture
def take(store, landing, now):
    return lambda *items, at=now: take_feedback(store, landing, items, at)


@pytest.fixture
def sent(store, message, agree, now):
    """`sent("ann")`: a mail to Ann was accepted, or what `outcome` says, or stays attempted with none."""

    def send(person="ann", outcome="accepted", attempted_at=now - 10 * MINUTE, **changes):
        agree(person, channel=changes.get("channel", "email"))
        mail = message(person, **changes)
        ledger.claim(store, [mail], WORKER, attempted_at, attempted_at + 5 * MINUTE)
        ledger.attempt(store, [mail.message_id], WORKER, attempted_at)
        if outcome:
            receipt = Receipt(mail.message_id, outcome, "sendgrid", provider_message_id=f"sg-{person}")
            ledger.settle(store, [receipt], WORKER, attempted_at)
        return mail

    return send


@pytest.fixture
def next_claim(store, message, agree, now):
    """`next_claim("ann")`: "go", or the reason why another message to Ann does not."""

    def claim(person="ann", **changes):
        agree(person, channel=changes.get("channel", "email"))
        mail = message(person, message_id=f"next-{next(NUMBERS)}", **changes)
        got = ledger.claim(store, [mail], WORKER, now, now + 5 * MINUTE)
        return "go" if got.mine else [*got.skipped.values(), *got.held.values()][0]

    return claim


def rows(store, table, *columns):
    with store.transaction() as connection:
        return sorted(
            tuple(row) for row in connection.execute(select(*(table.c[column] for column in columns)))
        )


def suppressed(store):
    return rows(store, tables.suppressions, "channel", "address", "reason")


HARD = {"suppress": "hard_bounced", "properties": {"bounce_type": "hard", "reason": "smtp 5.1.1"}}
SOFT = {"properties": {"bounce_type": "soft"}}
SMS = {"channel": "sms", "address": "+43123", "provider": "twilio"}
TEXT = {"channel": "sms", "address": "+43123", "identifiers": (("phone", "+43123"),)}


def test_nothing_goes_to_an_address_that_has_just_bounced(feedback, take, sent, next_claim):
    sent("ann")
    assert next_claim("ann") == "go"
    take(feedback("Email Bounced", message_id="message-ann", **HARD))
    assert next_claim("ann") == "suppressed"
    assert next_claim("ann", message_class="transactional") == "suppressed"
    assert next_claim("bob") == "go"


def test_nothing_goes_to_who_complained_even_if_only_the_message_is_named(feedback, take, sent, next_claim):
    sent("ann")
    take(feedback("Email Marked as Spam", address=None, provider_message_id="sg-ann", suppress="complained"))
    assert next_claim("ann", message_class="transactional") == "suppressed"


def test_who_unsubscribes_at_the_vendor_still_gets_receipts(feedback, take, sent, next_claim):
    sent("ann")
    take(feedback("Unsubscribed"))
    assert next_claim("ann") == "no_consent"
    assert next_claim("ann", message_class="transactional") == "go"


def test_a_stop_ends_every_class_of_text_and_a_start_begins_again(feedback, take, next_claim, now):
    take(feedback("Unsubscribed", **SMS, suppress="stop"))
    assert next_claim("ann", **TEXT) == "suppressed"
    assert next_claim("ann", **TEXT, message_class="transactional") == "suppressed"
    assert next_claim("ann", channel="email") == "go"
    take(feedback("Subscribed", **SMS, lifts="stop", occurred_at=now))
    assert next_claim("ann", **TEXT) == "go"


def test_a_start_that_arrives_before_its_older_stop_still_wins(feedback, take, next_claim, now):
    take(feedback("Subscribed", **SMS, lifts="stop", occurred_at=now))
    take(feedback("Unsubscribed", **SMS, suppress="stop"))
    assert next_claim("ann", **TEXT) == "go"


def test_the_warehouse_of_an_hour_ago_does_not_bring_a_lifted_stop_back(
    feedback, take, store, next_claim, now
):
    take(feedback("Unsubscribed", **SMS, suppress="stop"))
    take(feedback("Subscribed", **SMS, lifts="stop", occurred_at=now))
    stop = {"channel": "sms", "address": "+43123", "reason": "stop", "since": now - MINUTE}
    sync_suppressions(store, [stop], now)
    assert next_claim("ann", **TEXT) == "go"


def test_a_late_refusal_from_before_a_start_does_not_close_the_number_again(
    feedback, take, sent, next_claim, now
):
    sent("ann", attempted_at=now - 10 * MINUTE, **TEXT)
    take(feedback("Subscribed", **SMS, lifts="stop", occurred_at=now - 5 * MINUTE))
    take(feedback("SMS Failed", **SMS, suppress="stop", message_id="message-ann", occurred_at=now))
    assert next_claim("ann", **TEXT) == "go"


def test_a_hard_bounce_is_not_lifted_by_a_subscription(feedback, take, next_claim):
    take(feedback("Email Bounced", **HARD), feedback("Subscribed"))
    assert next_claim("ann") == "suppressed"


def test_a_token_that_a_vendor_calls_invalid_is_revoked_at_once(feedback, take, store, next_claim, now):
    token = {"token": "AbC", "platform": "ios", "status": "active", "since": now - timedelta(days=9)}
    with store.transaction() as connection:
        connection.execute(insert(tables.device_tokens), token)
    take(
        feedback(
            "Push Notification Failed",
            channel="push",
            address="AbC",
            provider="apns",
            suppress="invalid_token",
        )
    )
    assert rows(store, tables.device_tokens, "token", "status") == [("AbC", "invalid_token")]
    assert next_claim("ann", channel="push", address="AbC", message_class="transactional") == "suppressed"


def test_an_invalid_token_lands_as_a_revoked_device_of_its_owner(feedback, take, sent, landed):
    sent("ann", channel="push", address="AbC")
    take(
        feedback(
            "Push Notification Failed",
            channel="push",
            address=None,
            provider="fcm",
            message_id="message-ann",
            suppress="invalid_token",
        )
    )
    revoked = next(record for record in landed() if record["event"] == "Device Revoked")
    assert revoked["properties"] == {
        "token": "AbC",
        "reason": "invalid_token",
        "message_id": "message-ann",
        "profile_id": "profile-ann",
        "channel": "push",
        "provider": "fcm",
    }
    assert isinstance(parse(revoked), Event)


def test_messages_that_bounce_softly_too_often_close_the_address(feedback, take, next_claim, store, now):
    def bounce(number, days_ago):
        return feedback(
            "Email Bounced",
            **SOFT,
            provider_message_id=f"sg-{number}",
            occurred_at=now - timedelta(days=days_ago),
        )

    take(*(bounce(number, number) for number in range(SOFT_BOUNCES - 1)))
    assert next_claim("ann") == "go"
    take(bounce(SOFT_BOUNCES, SOFT_BOUNCE_WINDOW.days + 1))
    assert next_claim("ann") == "go"  # all five do not fit into one window
    take(bounce(SOFT_BOUNCES + 1, SOFT_BOUNCES))
    assert next_claim("ann") == "suppressed"


def test_one_message_that_bounces_softly_many_times_closes_nothing(feedback, take, next_claim, now):
    take(
        *(
            feedback("Email Bounced", **SOFT, message_id="m1", occurred_at=now - MINUTE * number)
            for number in range(9)
        )
    )
    assert next_claim("ann") == "go"


def test_a_webhook_resolves_what_nobody_knew(feedback, take, sent, ledger_rows):
    sent("ann", outcome="unknown")
    sent("bob", outcome="unknown")
    done = take(
        feedback("Email Delivered", message_id="message-ann"),
        feedback("Email Rejected", message_id="message-bob", outcome="rejected"),
    )
    assert ledger_rows("state", "resolved_by") == {
        "message-ann": ("accepted", "webhook"),
        "message-bob": ("rejected", "webhook"),
    }
    assert done.resolved == 2


def test_a_webhook_that_overtakes_the_receipt_leaves_the_message_to_its_worker(
    feedback, take, sent, ledger_rows, store, now
):
    mail = sent("ann", outcome=None)
    take(feedback("Email Delivered", message_id="message-ann"))
    assert ledger_rows("state") == {"message-ann": "attempted"}
    ledger.settle(store, [Receipt(mail.message_id, "accepted", "sendgrid")], WORKER, now)
    assert ledger_rows("state", "resolved_by") == {"message-ann": ("accepted", None)}


def test_a_webhook_that_came_before_its_worker_died_resolves_the_message_afterwards(
    feedback, take, sent, ledger_rows, store, now
):
    sent("ann", outcome=None)
    take(feedback("Email Delivered", message_id="message-ann"))
    ledger.release(store, WORKER, now)
    assert ledger_rows("state") == {"message-ann": "unknown"}
    assert believe(store, now) == {"accepted": 1}
    assert ledger_rows("state", "resolved_by") == {"message-ann": ("accepted", "webhook")}


def test_proof_that_a_message_left_outweighs_a_refusal(feedback, take, sent, ledger_rows):
    sent("ann", outcome="unknown")
    take(
        feedback("Email Rejected", message_id="message-ann", outcome="rejected"),
        feedback("Email Delivered", message_id="message-ann"),
    )
    assert ledger_rows("state") == {"message-ann": "accepted"}


def test_a_bounce_finds_its_message_by_the_mails_own_id(feedback, take, sent, landed):
    sent("ann")
    take(feedback("Email Bounced", mail_id="message-ann@shop.example", **HARD))
    assert [(r["properties"]["message_id"], r["properties"]["profile_id"]) for r in landed()] == [
        ("message-ann", "profile-ann")
    ]


def test_a_bounce_of_a_message_that_this_ledger_never_sent_still_closes_the_address(
    feedback, take, next_claim, landed
):
    take(feedback("Email Bounced", message_id="of-an-older-ledger", **HARD))
    assert next_claim("ann") == "suppressed"
    [record] = landed()
    assert record["properties"] == {
        "message_id": "of-an-older-ledger",
        "channel": "email",
        "provider": "sendgrid",
        "address": "ann@example.com",
        "bounce_type": "hard",
        "reason": "smtp 5.1.1",
    }


def test_what_lands_is_valid_and_says_whose_it_is_without_an_address(feedback, take, sent, landed, now):
    sent("ann")
    opened = feedback("Email Opened", message_id="message-ann", properties={"is_machine": True})
    take(opened)
    [record] = landed()
    assert record == {
        "type": "track",
        "messageId": opened.event_id,
        "event": "Email Opened",
        "timestamp": "2026-03-02T09:59:00Z",
        "receivedAt": "2026-03-02T10:00:00Z",
        "source": "delivery",
        "properties": {
            "is_machine": True,
            "message_id": "message-ann",
            "profile_id": "profile-ann",
            "channel": "email",
            "provider": "sendgrid",
        },
    }
    assert isinstance(parse(record), Event)


def test_a_stop_lands_as_a_withdrawn_consent_with_the_number_and_the_proof(feedback, take, landed):
    take(
        feedback("Unsubscribed", **SMS, suppress="stop", properties={"reason": "stop", "proof": "SM1"}),
        feedback("SMS Replied", **SMS, properties={"keyword": "help"}),
    )
    assert {record["event"]: record["properties"] for record in landed()} == {
        "Unsubscribed": {
            "reason": "stop",
            "proof": "SM1",
            "channel": "sms",
            "purpose": "marketing",
            "source": "twilio",
            "provider": "twilio",
            "address": "+43123",
            "phone": "+43123",
        },
        "SMS Replied": {
            "keyword": "help",
            "channel": "sms",
            "provider": "twilio",
            "address": "+43123",
            "phone": "+43123",
        },
    }
    assert all(isinstance(parse(record), Event) for record in landed())


def test_an_address_that_closes_without_a_bounce_is_told_to_the_warehouse(feedback, take, landed):
    take(feedback("Email Rejected", suppress="hard_bounced", outcome="rejected"))
    told = {record["event"]: record["properties"].get("reason") for record in landed()}
    assert told == {"Email Rejected": None, "Address Suppressed": "hard_bounced"}


def test_a_vendors_sent_does_not_repeat_our_own_receipt(feedback, take, sent, landed):
    sent("ann")
    take(feedback("Email Sent", message_id="message-ann"), feedback("Email Sent", message_id="of-another"))
    assert [record["properties"]["message_id"] for record in landed()] == ["of-another"]


def test_an_event_waits_for_the_receipt_that_names_its_message(
    feedback, take, sent, landed, store, landing, now
):
    mail = sent("ann", outcome=None)
    take(feedback("Email Delivered", provider_message_id="sg-ann"))
    assert landed() == []
    receipt = Receipt(mail.message_id, "accepted", "sendgrid", provider_message_id="sg-ann")
    ledger.settle(store, [receipt], WORKER, now)
    assert write_feedback(store, landing, now) == 1
    assert [record["properties"]["message_id"] for record in landed()] == ["message-ann"]


def test_an_event_whose_message_never_turns_up_lands_after_an_hour(feedback, take, sent, landed, now):
    sent("ann", outcome=None)
    take(feedback("Email Delivered", provider_message_id="sg-of-another-system"))
    take(at=now + timedelta(minutes=61))
    assert [record["event"] for record in landed()] == ["Email Delivered"]


def test_a_clock_that_runs_ahead_does_not_delay_an_unsubscription(feedback, take, next_claim, now):
    take(feedback("Unsubscribed", occurred_at=now + timedelta(seconds=90)))
    assert next_claim("ann") == "no_consent"


def test_the_landing_file_changes_nothing_when_delivery_reads_it(
    feedback, take, store, landing, next_claim, now
):
    take(feedback("Unsubscribed", **SMS, suppress="stop"), feedback("Email Bounced", **HARD))
    take(feedback("Subscribed", **SMS, lifts="stop", occurred_at=now))
    before = suppressed(store), rows(store, tables.facts, "event_id", "identifier_type", "identifier")
    take_fresh_facts(store, landing, set())
    assert suppressed(store) == before[0]
    assert set(before[1]) <= set(rows(store, tables.facts, "event_id", "identifier_type", "identifier"))
    assert next_claim("ann", **TEXT) == "go"


def test_old_feedback_is_forgotten_but_no_consent_is(feedback, take, store, now):
    take(feedback("Email Opened"), feedback("Subscribed", **SMS, lifts="stop"))
    take(at=now + timedelta(days=36))
    assert [name for (name,) in rows(store, tables.feedback, "name")] == ["Subscribed"]
