"""The vocabulary of flows: what may be said, and that it is understood."""

from decimal import Decimal

import pytest

from dagster_project.flows.words import (
    ConditionWord,
    Reenter,
    WaitUntil,
    duration_words,
    parse_duration,
    parse_share,
    parse_time,
)


def test_the_example_of_the_style_guide_is_understood(written):
    assert written.flow().definition.words() == {
        "reenter": "after 7 days",
        "goal": {"signal": "ordered", "within": "5 days"},
        "exit_on": ["ordered", "cart_emptied"],
        "hold_out": "10%",
        "conditions": {
            "engaged": {
                "any_of": [{"signal": "message_opened"}, {"signal": "message_clicked"}],
                "since": "reminder_1",
            }
        },
        "steps": [
            {
                "send": "email/cart_reminder",
                "step": "reminder_1",
                "wait": "1 hour",
                "ab_test": {"plain_subject": {"share": "50%"}, "urgent_subject": {"share": "50%"}},
            },
            {
                "step": "reminder_2",
                "wait": "23 hours",
                "branch": [
                    {"send": "email/cart_offer", "if": "engaged"},
                    {"send": "sms/cart_nudge", "else": True},
                ],
            },
            {"send": "email/cart_last_call", "step": "reminder_3", "wait": "1 day"},
        ],
    }


def test_the_words_of_a_definition_are_a_definition(written):
    flow = written.flow()
    assert written.flow(flow.definition.words()) == flow


@pytest.mark.parametrize(
    "words",
    [
        'at: "09:00"\n    send: email/cart_offer',
        'wait: 2 days\n    at: "18:30"\n    send: email/cart_offer',
        "wait_until: engaged or after 3 days\n    send: email/cart_offer",
        "wait_until: not engaged or after 3 days\n    send: email/cart_offer",
        "update_profile: {tier_note: vip, points: 10, is_new: false}",
        "webhook: loyalty\n    with: {points: 10}",
        "send: email/cart_offer\n    with: {discount_code: CART10}\n    class: transactional\n    priority: 100",
        "branch:\n      - {if: not engaged, send: sms/cart_nudge, priority: 5}",
        "branch:\n      - {if: engaged}\n      - {else: true, webhook: loyalty}",
        "ab_test: {mail: {share: 50%, send: email/cart_offer}, text: {share: 50%, send: sms/cart_nudge}}",
        "send: email/cart_offer\n    ab_test: {a: 33.3%, b: 33.3%, c: 33.4%}",
    ],
)
def test_a_step_may_say(written, words):
    assert written.problems(written.step(words)) == []


@pytest.mark.parametrize(
    "condition",
    [
        "any_of: [message_opened, {signal: message_clicked}, {segment: vip}]",
        "all_of: [{segment: vip}, {trait: country, is: DE}], none_of: [ordered], within: 30 days",
        "none_of: [{trait: order_count, at_least: 3}, {trait: country, is_known: true}], since: entry",
        "all_of: [{trait: order_count, more_than: 1.5}, {trait: country, is_not: false}]",
    ],
)
def test_a_condition_may_ask(written, condition):
    asked = "any_of: [message_opened, message_clicked], since: reminder_1"
    assert written.problems(written.change(asked, condition)) == []


def test_a_flow_may_say_everything_else(written):
    said = "kind: campaign\nclass: operational\npriority: 7\nenter_within: 1 week\nmax_age: 90 days\n"
    other = written.change("reenter: after 7 days", "reenter: always").replace("hold_out: 10%", "")
    definition = written.flow(said + other).definition
    assert (definition.kind, definition.message_class, definition.priority) == ("campaign", "operational", 7)
    assert (definition.enter_within, definition.max_age_seconds) == (7 * 86_400, 90 * 86_400)
    assert definition.reenter == Reenter("always")


def test_an_entry_expires_after_twice_its_nominal_time_and_30_days(written):
    waits = written.step("wait_until: engaged or after 3 days\n    send: email/cart_offer")
    at_nine = written.step('at: "09:00"\n    send: email/cart_offer')
    assert written.flow().definition.max_age_seconds == (2 * 2 + 30) * 86_400
    assert written.flow(waits).definition.max_age_seconds == (2 * 4 + 30) * 86_400
    assert written.flow(at_nine).definition.max_age_seconds == (2 * 2 + 30) * 86_400


@pytest.mark.parametrize(
    ("words", "seconds"),
    [("1 minute", 60), ("1 hour", 3_600), ("23 hours", 82_800), ("2 days", 172_800), ("1 week", 604_800)],
)
def test_durations_are_a_number_and_a_unit(words, seconds):
    assert parse_duration(words) == seconds


@pytest.mark.parametrize(
    "words",
    ["1h", "0 days", "-1 day", "1.5 hours", "two days", "1 month", "3651 days", "1  day", 3600, None, []],
)
def test_other_words_are_no_duration(words):
    with pytest.raises(ValueError, match=r"duration|longer"):
        parse_duration(words)


def test_durations_are_written_in_the_largest_unit_that_fits():
    assert [duration_words(seconds) for seconds in (5_400, 82_800, 86_400, 604_800)] == [
        "90 minutes", "23 hours", "1 day", "7 days",
    ]  # fmt: skip


def test_the_small_grammars_read_what_they_write():
    assert (parse_share("33.3%"), parse_share("0%"), parse_time("23:59")) == (
        Decimal("33.3"),
        Decimal(0),
        "23:59",
    )
    assert str(Reenter.parse("after 24 hours")) == "after 1 day"
    assert str(WaitUntil.parse("not engaged or after 3 days")) == "not engaged or after 3 days"
    assert ConditionWord.parse("not engaged") == ConditionWord("engaged", is_negated=True)
