"""Circuit breakers, and who gets a message when a provider is down."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.delivery.breakers import (
    FAILURES_IN_A_ROW,
    FIRST_COOL_DOWN,
    LONGEST_COOL_DOWN,
    Breaker,
    read_health,
)
from connectors.errors import StopSync, TryAgain
from connectors.model import Receipt
from tests.connectors.delivery.vendor import Vendor

START = datetime(2026, 3, 2, 10)
DOWN = TryAgain("not_connected: ConnectionRefusedError")


def test_a_breaker_opens_after_failures_in_a_row_and_not_before():
    breaker = Breaker()
    opened = [breaker.failed(START, "http 503") for _ in range(FAILURES_IN_A_ROW)]
    assert opened == [False] * (FAILURES_IN_A_ROW - 1) + [True]
    assert (breaker.state(START), breaker.reason) == ("open", "http 503")


def test_an_answer_in_between_starts_the_count_anew():
    breaker = Breaker()
    for _ in range(10):
        for _ in range(FAILURES_IN_A_ROW - 1):
            breaker.failed(START, "http 503")
        breaker.succeeded()
    assert breaker == Breaker()


def test_after_the_cool_down_one_answer_closes_it_and_one_failure_doubles_the_next_cool_down():
    breaker, at, waits = Breaker(), START, []
    breaker.trip(at, "login refused")
    for _ in range(7):
        waits.append(breaker.open_until - at)
        at = breaker.open_until
        assert breaker.state(at) == "half_open"
        breaker.failed(at, "login refused")
    assert waits == [FIRST_COOL_DOWN * factor for factor in (1, 2, 4, 8, 16)] + [LONGEST_COOL_DOWN] * 2
    breaker.succeeded()
    assert breaker.state(at) == "closed"


@given(st.lists(st.sampled_from(["fail", "answer", "wait"]), max_size=60))
def test_it_is_never_open_for_longer_than_the_longest_cool_down(events):
    breaker, at = Breaker(), START
    for event in events:
        if event == "wait":
            at += timedelta(minutes=7)
        elif breaker.state(at) != "open":
            breaker.failed(at, "x") if event == "fail" else breaker.succeeded()
        assert breaker.open_until is None or breaker.open_until - at <= LONGEST_COOL_DOWN


@pytest.fixture
def due(receipt_for):
    return [receipt_for(f"p{number:02d}") for number in range(30)]


def test_what_the_first_provider_cannot_take_goes_to_the_second_in_the_same_run(run_over, due):
    first, second = Vendor("first"), Vendor("second")
    first.error = DOWN
    assert run_over(due, first, second).counts == {"accepted": 30}
    assert len(first.calls) == FAILURES_IN_A_ROW
    assert sorted(second.taken) == sorted(message.message_id for message in due)


def test_the_second_is_not_asked_while_the_first_works(run_over, due):
    first, second = Vendor("first"), Vendor("second")
    run_over(due, first, second)
    assert (len(first.taken), second.calls) == (30, [])


@pytest.mark.parametrize("answer", [None, "unknown"])
def test_what_is_in_doubt_never_fails_over(run_over, due, answer, ledger_rows):
    first, second = Vendor("first", batch_size=30), Vendor("second")
    if answer is None:
        first.errors = [TimeoutError()]
    else:
        first.answers = {
            m.message_id: Receipt(m.message_id, "unknown", "first", reason="no_answer") for m in due
        }
    assert run_over(due, first, second).counts == {"unknown": 30}
    assert second.calls == []
    assert set(ledger_rows("state", "provider").values()) == {("unknown", "first")}


def test_a_retry_of_one_message_stays_with_its_provider(run_over, due):
    first, second = Vendor("first"), Vendor("second")
    first.answers = {due[0].message_id: Receipt(due[0].message_id, "retry", "first", reason="smtp 451")}
    assert run_over(due, first, second).counts == {"accepted": 29, "retry": 1}
    assert second.calls == []


def test_a_provider_that_refuses_us_is_asked_once_and_the_next_takes_over(run_over, due, store, now):
    first, second = Vendor("first"), Vendor("second")
    first.error = StopSync("the login was refused")
    result = run_over(due, first, second)
    assert (result.counts, len(first.calls)) == ({"accepted": 30}, 1)
    assert result.stopped == {"email/first": "the login was refused"}
    with store.transaction() as connection:
        assert read_health(connection)["email", "first"].breaker.state(now) == "open"


def test_the_next_run_knows_that_the_provider_is_down_and_does_not_ask(run_over, due):
    first, second = Vendor("first"), Vendor("second")
    first.error = StopSync("the login was refused")
    run_over(due[:10], first, second)
    run_over(due[10:], first, second)
    assert (len(first.calls), len(second.taken)) == (1, 30)


def test_after_the_cool_down_one_message_is_the_trial_and_then_all_come_back(run_over, due, now):
    first, second = Vendor("first", seconds=0.05), Vendor("second")
    first.error = StopSync("the login was refused")
    run_over(due[:2], first, second)
    first.error = None
    later = now + FIRST_COOL_DOWN
    run_over(due[2:12], first, second, at=later)
    assert first.calls[1:] == [["message-p02"]]
    run_over(due[12:], first, second, at=later)
    assert (len(first.taken), len(second.taken)) == (19, 11)


def test_a_trial_that_fails_costs_one_message_a_detour(run_over, due, now):
    first, second = Vendor("first"), Vendor("second")
    first.error = StopSync("the login was refused")
    run_over(due[:2], first, second)
    assert run_over(due[2:], first, second, at=now + FIRST_COOL_DOWN).counts == {"accepted": 28}
    assert first.calls[1:] == [["message-p02"]]


def test_without_another_provider_everything_waits_for_the_trial(run_over, due, now):
    first = Vendor("first")
    first.error = StopSync("the login was refused")
    assert run_over(due, first).counts == {"retry": 2, "held": 28}
    first.error = None
    later = now + 2 * FIRST_COOL_DOWN
    assert run_over(due, first, at=later).counts == {"accepted": 30}
    assert len(first.calls[1]) == 1


def test_each_address_goes_to_a_provider_that_reaches_it(run_over, receipt_for):
    apple, google = Vendor("apns", "push"), Vendor("fcm", "push")
    apple.serves_only, google.serves_only = {"message-ann"}, {"message-bob"}
    people = [receipt_for(person, channel="push") for person in ("ann", "bob", "cid")]
    result = run_over(people, apple, google)
    assert (apple.taken, google.taken) == (["message-ann"], ["message-bob"])
    assert (result.counts["held"], result.reasons) == (1, {"no_sender": 1})


def test_a_provider_that_is_down_for_one_kind_of_address_fails_nothing_over_to_the_other(
    run_over, receipt_for
):
    apple, google = Vendor("apns", "push"), Vendor("fcm", "push")
    apple.serves_only, google.serves_only = {"message-ann"}, {"message-bob"}
    apple.error = DOWN
    result = run_over([receipt_for(person, channel="push") for person in ("ann", "bob")], apple, google)
    assert (result.counts, google.taken) == ({"retry": 1, "accepted": 1}, ["message-bob"])
