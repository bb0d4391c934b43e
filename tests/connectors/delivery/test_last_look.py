"""The last look: what happened a second ago still counts."""

from datetime import timedelta

import pytest

from connectors.delivery import take_fresh_facts
from connectors.delivery.last_look import CONSENT_IS_STALE_AFTER
from connectors.delivery.ledger import claim
from connectors.model import ExitSignal
from connectors.store import sync_suppressions

SECOND = timedelta(seconds=1)


@pytest.fixture
def happens(store, landing, now):
    """`happens("Order Completed", userId="ann", …)`: an event that landed, a second ago, and is not loaded yet."""
    count = 0

    def write(event, *, ago=SECOND, properties=None, **who):
        nonlocal count
        count += 1
        record = {
            "type": "track",
            "messageId": f"event-{count}",
            "event": event,
            "timestamp": (now - ago).isoformat() + "Z",
            "properties": properties or {},
            **who,
        }
        landing.write(f"shop/{count:03d}.ndjson", [record])
        take_fresh_facts(store, landing, set())

    return write


@pytest.fixture
def look(store, now):
    """`look(message)`: "go", or (ruling, reason)."""

    def ask(message):
        got = claim(store, [message], "host:1:worker", now, now + timedelta(minutes=5))
        if got.mine:
            return "go"
        (ruling, reasons) = next(
            (name, got) for name, got in (("skip", got.skipped), ("hold", got.held)) if got
        )
        return ruling, reasons[message.message_id]

    return ask


ORDER = {"order_id": "1", "revenue": 10}


def test_a_message_goes_when_nothing_speaks_against_it(look, message, agree):
    agree("ann")
    assert look(message("ann")) == "go"


def test_an_order_placed_a_second_ago_stops_the_reminder(look, message, agree, happens):
    agree("ann")
    happens("Order Completed", userId="ann", properties=ORDER)
    assert look(message("ann")) == ("skip", "exited")


def test_the_order_is_known_by_any_identifier_of_the_person(look, message, agree, happens):
    agree("ann")
    happens(
        "Order Completed",
        anonymousId="x",
        context={"traits": {"email": "ANN@example.com "}},
        properties=ORDER,
    )
    assert look(message("ann")) == ("skip", "exited")


def test_somebody_elses_order_stops_nothing(look, message, agree, happens):
    agree("ann")
    happens("Order Completed", userId="bob", properties=ORDER)
    assert look(message("ann")) == "go"


def test_the_same_text_as_another_kind_of_identifier_is_another_person(look, message, agree, happens):
    agree("ann")
    happens("Order Completed", anonymousId="ann", properties=ORDER)
    assert look(message("ann")) == "go"


def test_an_order_from_before_the_decision_was_known_to_the_flow(look, message, agree, happens):
    agree("ann")
    happens("Order Completed", ago=timedelta(hours=1), userId="ann", properties=ORDER)
    assert look(message("ann")) == "go"


def test_an_order_between_entry_and_decision_that_came_late_stops_the_flow(
    look, message, agree, happens, now
):
    agree("ann")
    happens("Order Completed", ago=timedelta(hours=1), userId="ann", properties=ORDER)
    assert look(message("ann", entered_at=now - timedelta(hours=2))) == ("skip", "exited")


@pytest.mark.parametrize(("counts_until", "verdict"), [(0, "go"), (2, ("skip", "exited"))])
def test_a_goals_signal_ends_the_flow_only_within_its_time(
    look, message, agree, happens, now, counts_until, verdict
):
    agree("ann")
    happens("Order Completed", ago=timedelta(hours=1), userId="ann", properties=ORDER)
    goal = ExitSignal("ordered", now - timedelta(hours=3), now - timedelta(hours=2 - counts_until))
    assert look(message("ann", exit_signals=(goal,))) == verdict


def test_an_order_dated_in_the_future_has_not_happened(look, message, agree, happens):
    agree("ann")
    happens("Order Completed", ago=-timedelta(hours=1), userId="ann", properties=ORDER)
    assert look(message("ann")) == "go"


def test_a_flow_without_exit_signals_goes_on_after_an_order(look, message, agree, happens):
    agree("ann")
    happens("Order Completed", userId="ann", properties=ORDER)
    assert look(message("ann", exit_signals=())) == "go"


def test_an_unsubscription_a_second_ago_stops_marketing(look, message, agree, happens):
    agree("ann")
    happens("Unsubscribed", userId="ann", properties={"channel": "email"})
    assert look(message("ann")) == ("skip", "no_consent")


def test_the_link_in_a_mail_unsubscribes_by_the_profile_that_it_was_signed_for(look, message, agree, happens):
    agree("ann")
    happens("Unsubscribed", anonymousId="link", properties={"channel": "email", "profile_id": "profile-ann"})
    assert look(message("ann")) == ("skip", "no_consent")


def test_an_unsubscription_of_another_channel_stops_nothing(look, message, agree, happens):
    agree("ann")
    happens("Unsubscribed", userId="ann", properties={"channel": "sms"})
    assert look(message("ann")) == "go"


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ({}, ("skip", "suppressed")),
        ({"channel": "email"}, ("skip", "suppressed")),
        ({"channel": "sms"}, "go"),
        ({"channel": "email", "address": "another@x.example"}, "go"),
        ({"address": "another@x.example"}, "go"),
    ],
)
def test_a_suppression_without_an_address_is_the_persons_on_its_channel(
    look, message, agree, happens, said, verdict
):
    agree("ann")
    happens("Address Suppressed", userId="ann", properties=said)
    assert look(message("ann")) == verdict


def test_who_subscribes_again_is_written_to_again(look, message, agree, happens, now):
    agree("ann", status="unsubscribed", since=now - timedelta(days=1))
    happens("Subscribed", userId="ann", properties={"channel": "email"})
    assert look(message("ann")) == "go"


def test_a_yes_and_a_no_at_the_same_moment_are_a_no(look, message, agree, happens):
    agree("ann")
    happens("Unsubscribed", userId="ann", properties={"channel": "email"})
    happens("Subscribed", userId="ann", properties={"channel": "email"})
    assert look(message("ann")) == ("skip", "no_consent")


def test_consent_follows_the_person_into_the_profile_that_theirs_was_merged_into(look, message, agree):
    agree("ann")
    merged = message("ann", profile_id="retired", context={"profile": {"profile_id": "profile-ann"}})
    assert look(merged) == "go"


def test_a_no_of_either_of_two_merged_profiles_counts_when_it_is_the_latest(look, message, agree, happens):
    agree("ann")
    merged = message("ann", profile_id="retired", context={"profile": {"profile_id": "profile-ann"}})
    happens("Unsubscribed", anonymousId="link", properties={"channel": "email", "profile_id": "retired"})
    assert look(merged) == ("skip", "no_consent")


def test_without_a_known_yes_there_is_no_marketing(look, message, agree):
    agree("bob")
    assert look(message("ann")) == ("skip", "no_consent")


@pytest.mark.parametrize(
    ("message_class", "verdict"), [("transactional", "go"), ("operational", ("skip", "no_consent"))]
)
def test_after_an_unsubscription_only_the_receipt_still_comes(
    look, message, agree, happens, message_class, verdict
):
    agree("ann")
    happens("Unsubscribed", userId="ann", properties={"channel": "email"})
    assert look(message("ann", message_class=message_class)) == verdict


@pytest.mark.parametrize(
    ("purpose", "marketing", "operational"),
    [("marketing", ("skip", "no_consent"), "go"), ("operational", "go", ("skip", "no_consent"))],
)
def test_a_no_to_one_purpose_is_none_to_another(
    look, message, agree, happens, purpose, marketing, operational
):
    agree("ann")
    happens("Unsubscribed", userId="ann", properties={"channel": "email", "purpose": purpose})
    assert look(message("ann")) == marketing
    assert look(message("ann", message_id="parcel", message_class="operational")) == operational


@pytest.mark.parametrize("message_class", ["marketing", "operational", "transactional"])
def test_a_suppressed_address_gets_nothing_of_any_class(look, message, agree, store, now, message_class):
    agree("ann")
    row = {"channel": "email", "address": "ANN@example.com", "reason": "hard_bounced", "since": now}
    sync_suppressions(store, [row], now)
    assert look(message("ann", message_class=message_class)) == ("skip", "suppressed")


def test_a_suppression_on_every_channel_counts_on_each(look, message, agree, store, now):
    agree("ann")
    row = {"channel": "*", "address": "ann@example.com", "reason": "manual", "since": now}
    sync_suppressions(store, [row], now)
    assert look(message("ann")) == ("skip", "suppressed")


def test_a_complaint_a_second_ago_closes_the_address_that_the_message_went_to(look, message, agree, happens):
    agree("ann")
    assert look(message("ann")) == "go"
    happens(
        "Email Marked as Spam", anonymousId="x", properties={"message_id": "message-ann", "channel": "email"}
    )
    assert look(message("ann", message_id="next")) == ("skip", "suppressed")


def test_a_soft_bounce_closes_nothing(look, message, agree, happens):
    agree("ann")
    look(message("ann"))
    happens("Email Bounced", anonymousId="x", properties={"message_id": "message-ann", "bounce_type": "soft"})
    assert look(message("ann", message_id="next")) == "go"


def test_a_revoked_device_is_not_pushed_to(look, message, agree, happens):
    agree("ann", channel="push")
    happens("Device Revoked", userId="ann", properties={"token": "token-1"})
    assert look(message("ann", channel="push", address="token-1")) == ("skip", "suppressed")


@pytest.mark.parametrize(("message_class", "verdict"), [
    ("marketing", ("hold", "consent_feed_stale")),
    ("transactional", "go"),
])  # fmt: skip
def test_a_stale_feed_stops_marketing_and_nothing_else(look, message, agree, now, message_class, verdict):
    agree("ann", as_of=now - CONSENT_IS_STALE_AFTER - SECOND)
    assert look(message("ann", message_class=message_class)) == verdict


def test_a_store_that_was_never_synced_sends_no_marketing(look, message):
    assert look(message("ann")) == ("hold", "consent_feed_stale")


def test_a_message_that_is_too_late_is_dropped(look, message, agree, now):
    agree("ann")
    assert look(message("ann", expires_at=now)) == ("skip", "too_late")


def test_a_message_waits_when_quiet_hours_have_begun(look, message, agree, now):
    agree("ann")
    assert look(message("ann", quiet_from=now)) == ("hold", "quiet_hours")


def test_a_profile_update_asks_for_no_consent(look, message):
    assert look(message("ann", channel="profile", address="profile-ann")) == "go"


@pytest.fixture
def reminder(agree, message, now):
    """A reminder of a cart with two kettles and a tea."""
    agree("ann")
    items = [{"product_id": "kettle", "quantity": 2}, {"product_id": "tea", "quantity": 1}]
    return message(
        "ann",
        entered_at=now - timedelta(hours=1),
        context={"entry": {"cart_id": "c1", "items": items}},
    )


def line(product, quantity=None, cart="c1"):
    said = {"product_id": product, "quantity": quantity, "cart_id": cart}
    return {key: value for key, value in said.items() if value is not None}


def contents(*lines, cart="c1"):
    return {"cart_id": cart, "products": list(lines)}


EMPTIED = ("skip", "exited")


@pytest.mark.parametrize(("events", "verdict"), [
    ([("Product Removed", line("kettle", 2)), ("Product Removed", line("tea", 1))], EMPTIED),
    ([("Product Removed", line("kettle")), ("Product Removed", line("tea"))], EMPTIED),
    ([("Product Removed", line("kettle", cart=None)), ("Product Removed", line("tea", cart=None))], EMPTIED),
    ([("Cart Viewed", contents())], EMPTIED),
    ([("Product Removed", line("kettle", 1)), ("Product Removed", line("tea", 1))], "go"),
    ([("Product Removed", line("kettle", 2))], "go"),
    ([("Product Removed", line("kettle", cart="c2")), ("Product Removed", line("tea", cart="c2"))], "go"),
    ([("Cart Viewed", contents(cart="c2"))], "go"),
    ([("Cart Viewed", {"cart_id": "c1"})], "go"),
    ([("Cart Viewed", contents(line("tea")))], "go"),
    ([("Cart Viewed", contents(line("tea"), line("tea"))), ("Product Removed", line("tea", 1))], "go"),
    ([("Cart Viewed", contents(line("tea"))), ("Product Removed", line("tea", 1))], EMPTIED),
    ([("Cart Viewed", contents()), ("Product Added", line("tea"))], "go"),
    ([("Product Added", line("mug")), ("Product Removed", line("kettle")), ("Product Removed", line("tea"))], "go"),
])  # fmt: skip
def test_a_cart_that_was_emptied_a_second_ago_is_not_reminded_of(look, happens, reminder, events, verdict):
    for seconds, (event, properties) in enumerate(reversed(events), 1):
        happens(event, userId="ann", ago=seconds * SECOND, properties=properties)
    assert look(reminder) == verdict


def test_what_left_the_cart_before_it_was_abandoned_left_it_then(look, happens, reminder):
    for product in ("kettle", "tea"):
        happens("Product Removed", userId="ann", ago=timedelta(hours=2), properties=line(product))
    assert look(reminder) == "go"


def test_an_event_that_names_a_person_twice_counts_once(look, happens, reminder):
    properties = {**line("kettle", 1), "email": "ann@example.com"}
    happens("Product Removed", userId="ann", properties=properties)
    happens("Product Removed", userId="ann", properties=line("tea", 1))
    assert look(reminder) == "go"


def test_a_flow_that_does_not_end_on_an_emptied_cart_goes_on(look, happens, message, agree, now):
    agree("ann")
    happens("Cart Viewed", userId="ann", properties=contents())
    cart = {"entry": {"cart_id": "c1", "items": [{"product_id": "tea"}]}}
    assert (
        look(message("ann", exit_signals=(ExitSignal("ordered", now - timedelta(hours=1)),), context=cart))
        == "go"
    )
