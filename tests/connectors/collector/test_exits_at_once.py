"""What the collector has acknowledged is known to the very next claim, whatever the landing knows."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from connectors import tables
from connectors.collector.keys import create_key
from connectors.delivery.ledger import claim

SECOND = timedelta(seconds=1)
BOUGHT = {"order_id": "o1", "revenue": 10}
ORDER = {"type": "track", "event": "Order Completed", "properties": BOUGHT}
STOP = {"channel": "sms", "reason": "stop", "address": "+436601234567", "phone": "+436601234567"}
PHONE = "+436601234567"


@pytest.fixture
def claims(store, now):
    """`claims(message)`: "go", or the reason why it is not sent, a second after what was told."""

    def ask(planned):
        at = now + SECOND
        got = claim(store, [planned], "host:1:worker", at, at + timedelta(minutes=5))
        return "go" if got.mine else {**got.skipped, **got.held}[planned.message_id]

    return ask


@pytest.mark.parametrize(
    "who",
    [
        pytest.param({"userId": "ann"}, id="a known user"),
        pytest.param({"anonymousId": "device-7"}, id="a device that is known to be hers"),
        pytest.param({"userId": "?", "context": {"traits": {"email": " Ann@Example.com"}}}, id="her address"),
        pytest.param({"userId": "?", "properties": BOUGHT | {"email": "ann@example.com"}}, id="a guest"),
        pytest.param({"userId": "?", "properties": BOUGHT | {"phone": "0043 660 123-4567"}}, id="a phone"),
    ],
)
def test_an_order_one_second_before_the_send_stops_it(send, key, message, agree, claims, who):
    agree("ann")
    hers = (*message("ann").identifiers, ("anonymous_id", "device-7"), ("phone", PHONE))
    assert send(key, ("/v1/batch", {"batch": [ORDER | who]})) == [(200, {"success": True})]
    assert claims(message("ann", identifiers=hers)) == "exited"


def test_somebody_elses_order_stops_nothing(send, key, message, agree, claims):
    agree("ann")
    send(key, ("/v1/track", ORDER | {"userId": "bob"}))
    assert claims(message("ann")) == "go"


def test_an_order_that_no_identifier_joins_to_her_waits_for_the_warehouse(send, key, message, agree, claims):
    agree("ann")
    send(key, ("/v1/track", ORDER | {"anonymousId": "a device that nobody has seen"}))
    assert claims(message("ann")) == "go"


@pytest.mark.parametrize("ahead", [timedelta(minutes=4), timedelta(hours=1)])
def test_a_phone_whose_clock_is_ahead_has_ordered_all_the_same(send, key, message, agree, claims, now, ahead):
    agree("ann")
    send(key, ("/v1/track", ORDER | {"userId": "ann", "timestamp": f"{(now + ahead).isoformat()}Z"}))
    assert claims(message("ann")) == "exited"


def test_a_cart_emptied_one_second_before_the_reminder_stops_it(send, key, message, agree, claims, now):
    agree("ann")
    cart = {"cart_id": "c1", "items": [{"product_id": "tea", "quantity": 2}]}
    reminder = message("ann", context={"entry": cart}, entered_at=now - timedelta(hours=1))
    removed = {
        "event": "Product Removed",
        "userId": "ann",
        "properties": {"product_id": "tea", "cart_id": "c1"},
    }
    send(
        key,
        ("/v1/track", removed | {"messageId": "1", "properties": removed["properties"] | {"quantity": 1}}),
    )
    send(
        key,
        ("/v1/track", removed | {"messageId": "2", "properties": removed["properties"] | {"quantity": 1}}),
    )
    assert claims(reminder) == "exited"


def test_an_unsubscription_by_a_server_holds_at_once(send, key, message, agree, claims):
    agree("ann")
    no = {"event": "Unsubscribed", "userId": "ann", "properties": {"channel": "email"}}
    send(key, ("/v1/track", no))
    assert claims(message("ann")) == "no_consent"


def test_a_stop_told_by_a_server_closes_the_number_for_transactional_texts_too(send, key, message, claims):
    text = message("ann", channel="sms", address=PHONE, message_class="transactional", expires_at=None)
    send(key, ("/v1/track", {"event": "Unsubscribed", "userId": "x", "properties": STOP}))
    assert claims(text) == "suppressed"


def test_what_a_page_may_not_say_stops_nothing(send, store, message, agree, claims, now):
    agree("ann")
    public, _ = create_key(store, "page", now, "cli:test", is_public=True)
    no = {"event": "Unsubscribed", "userId": "ann", "properties": {"channel": "email"}}
    assert send(public, ("/v1/track", no))[0][0] == 400
    assert claims(message("ann")) == "go"


def test_browsing_is_no_fact_unless_a_flow_ends_with_it(send, key, kept_facts):
    send(key, ("/v1/track", {"event": "Tea Tasted", "userId": "ann"}))
    assert kept_facts() == []


def test_told_twice_it_is_one_fact(send, key, kept_facts):
    told = ("/v1/track", ORDER | {"userId": "ann", "messageId": "o1"})
    send(key, told, told)
    assert kept_facts() == [("o1", "ordered", "user_id", "ann")]


@pytest.mark.parametrize(
    "odd",
    [
        {"messageId": "x" * 5_000},
        {"messageId": "nul\0", "userId": "nul\0"},
        {"properties": BOUGHT | {"channel": {"name": "web"}, "purpose": ["x"], "email": "a@b" * 2_000}},
    ],
)
@pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)
def test_odd_values_are_acknowledged_on_every_store(send, key, odd, landed):
    assert send(key, ("/v1/track", ORDER | {"userId": "ann"} | odd))[0][0] == 200
    assert len(landed()) == 1


def test_when_the_store_cannot_be_written_nothing_is_acknowledged(send, key, store, landed):
    with store.transaction() as connection:
        connection.execute(sa.text("drop table facts"))
    answers = send(
        key, ("/v1/track", ORDER | {"userId": "ann"}), ("/v1/track", {"event": "Tea", "userId": "a"})
    )
    assert [status for status, _ in answers] == [503, 200]
    assert [record["event"] for record in landed()] == ["Tea"]


@pytest.fixture
def kept_facts(store):
    columns = (tables.facts.c[name] for name in ("event_id", "signal", "identifier_type", "identifier"))

    def read():
        with store.transaction() as connection:
            return [tuple(row) for row in connection.execute(sa.select(*columns))]

    return read
