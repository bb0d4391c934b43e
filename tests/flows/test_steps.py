"""Which step comes next, when it is due, and which arm is taken."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.flows.engine import START, Engine, after, flow

THREE_STEPS = """
- {step: first, send: email/first}
- {step: second, wait: 2 days, send: email/second}
- {step: third, wait: 3 days, send: email/third}
"""


def test_steps_come_one_after_the_other(engine: Engine) -> None:
    engine.defines(flow("welcome", THREE_STEPS))
    engine.has_profile("ann")
    engine.enters("ann", "welcome", at=after(hours=1))
    engine.runs_at(*(after(hours=hour) for hour in range(0, 24 * 6, 6)))
    assert engine.decisions("ann") == [
        (after(hours=6), "first", "message"),
        (after(days=2, hours=6), "second", "message"),
        (after(days=5, hours=6), "third", "message"),
    ]
    assert engine.exits("ann") == [(after(days=5, hours=6), "completed")]


def test_an_outage_delays_the_steps_instead_of_bursting_them(engine: Engine) -> None:
    engine.defines(flow("welcome", THREE_STEPS))
    engine.has_profile("ann")
    engine.enters("ann", "welcome", at=START)
    engine.runs_at(START, after(days=20), after(days=20, hours=1), after(days=23))
    assert engine.decisions("ann") == [
        (START, "first", "message"),
        (after(days=20), "second", "message"),
        (after(days=23), "third", "message"),
    ]


def test_one_run_decides_one_step_even_without_waits(engine: Engine) -> None:
    engine.defines(flow("welcome", "- {step: one, send: email/one}\n- {step: two, send: sms/two}"))
    engine.has_profile("ann")
    engine.enters("ann", "welcome", at=START)
    engine.runs_at(START, START, after(hours=1))
    assert engine.decisions("ann") == [(START, "one", "message"), (after(hours=1), "two", "message")]


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        (
            "Europe/Berlin",
            [datetime(2026, 3, 28, 8), datetime(2026, 3, 29, 7)],
        ),  # clocks go forward on the 29th
        ("America/New_York", [datetime(2026, 3, 28, 13), datetime(2026, 3, 29, 13)]),
        (None, [datetime(2026, 3, 28, 9), datetime(2026, 3, 29, 9)]),  # unknown: the shop's zone
    ],
)
def test_a_time_of_day_is_the_recipients_own(
    engine: Engine, zone: str | None, expected: list[datetime]
) -> None:
    engine.defines(
        flow(
            "welcome",
            """
- {step: greeting, at: "09:00", send: email/greeting}
- {step: next_day, wait: 20 hours, at: "09:00", send: email/next_day}
""",
        )
    )
    engine.has_profile("ann", time_zone=zone)
    midnight = datetime(2026, 3, 28)
    engine.enters("ann", "welcome", at=midnight)
    engine.runs_at(*(midnight.replace(day=day, hour=hour) for day in (28, 29) for hour in range(24)))
    assert [moment for moment, _, _ in engine.decisions("ann")] == expected


def test_a_step_waits_for_a_signal_or_until_its_time_is_up(engine: Engine) -> None:
    engine.defines(
        flow(
            "welcome",
            """
- {step: hello, send: email/hello}
- {step: follow_up, wait_until: engaged or after 3 days, send: email/follow_up}
""",
            conditions="{engaged: {any_of: [message_opened, message_clicked], since: hello}}",
        )
    )
    for profile in ("ann", "bob"):
        engine.has_profile(profile)
        engine.enters(profile, "welcome", at=START)
    engine.signals("ann", "message_clicked", at=after(hours=30))
    engine.runs_at(*(after(hours=hour) for hour in range(0, 24 * 4, 12)))
    assert engine.decisions("ann")[1:] == [(after(hours=36), "follow_up", "message")]
    assert engine.decisions("bob")[1:] == [(after(days=3), "follow_up", "message")]


BRANCH = """
- {step: hello, send: email/hello}
- step: offer
  wait: 1 day
  branch:
    - {if: rich, send: email/rich}
    - {if: not engaged, send: email/reminder}
    - {if: member, send: sms/member}
    - {else: true}
"""
CONDITIONS = (
    "{rich: {all_of: [{trait: tier, is: gold}, {trait: order_count, more_than: 9}]}, "
    "engaged: {any_of: [message_opened], since: hello}, member: {any_of: [{segment: vip}]}}"
)


def test_a_branch_takes_the_first_arm_whose_condition_holds(engine: Engine) -> None:
    engine.defines(flow("welcome", BRANCH, conditions=CONDITIONS))
    engine.has_profile("rich", tier="gold", order_count=10)
    engine.has_profile("almost", tier="gold", order_count=9)
    engine.has_profile("member")
    engine.has_profile("opener")
    for profile in ("rich", "almost", "member", "opener"):
        engine.enters(profile, "welcome", at=START)
    for profile in ("member", "opener"):
        engine.signals(profile, "message_opened", at=after(hours=1))
    engine.signals("almost", "message_opened", at=after(hours=-1))
    engine.joins("member", "vip")
    engine.runs_at(START, after(hours=2), after(days=1))
    assert engine.rows(
        "select profile_id, arm, outcome from flow_decisions where step = 'offer' order by all"
    ) == [
        ("almost", "not engaged", "message"),
        ("member", "member", "message"),
        ("opener", "else", "nothing"),
        ("rich", "rich", "message"),
    ]


def test_signals_count_only_within_the_time_that_is_asked_for(engine: Engine) -> None:
    engine.defines(
        flow(
            "welcome",
            """
- step: hello
  branch:
    - {if: active, send: email/active}
    - {else: true, send: email/quiet}
""",
            conditions="{active: {any_of: [product_viewed], within: 3 days}}",
        )
    )
    for profile, days in (("ann", -2), ("bob", -4)):
        engine.has_profile(profile)
        engine.enters(profile, "welcome", at=START)
        engine.signals(profile, "product_viewed", at=after(days=days))
    engine.runs(START)
    assert engine.messages("ann") == [("active", "scheduled", None)]
    assert engine.messages("bob") == [("quiet", "scheduled", None)]


def test_a_split_follows_the_hash_for_ever(engine: Engine) -> None:
    engine.defines(flow("welcome", "- {step: hello, send: email/hello, ab_test: {plain: 30%, loud: 70%}}"))
    people = [f"p{number}" for number in range(20)]
    for profile in people:
        engine.has_profile(profile)
        engine.enters(profile, "welcome", at=START)
    engine.runs(START)
    plain = {
        profile for (profile,) in engine.rows("select profile_id from flow_decisions where variant = 'plain'")
    }
    assert plain == {"p12", "p18", "p3", "p6", "p9"}


def test_who_is_held_out_goes_through_the_flow_without_a_message(engine: Engine) -> None:
    engine.defines(flow("welcome", THREE_STEPS, hold_out="100%"))
    engine.has_profile("ann")
    engine.enters("ann", "welcome", at=START)
    engine.runs_at(*(after(days=day) for day in range(7)))
    assert engine.decisions("ann") == [
        (START, "first", "held_out"),
        (after(days=2), "second", "held_out"),
        (after(days=5), "third", "held_out"),
    ]
    assert engine.messages("ann") == [(step, "skipped", "held_out") for step in ("first", "second", "third")]


def test_other_actions_become_messages_of_their_own_channel(engine: Engine) -> None:
    engine.defines(
        flow(
            "welcome",
            """
- {step: note, update_profile: {tier_note: vip}}
- {step: call, webhook: loyalty}
""",
        )
    )
    engine.has_profile("ann", consent=False)
    engine.enters("ann", "welcome", at=START)
    engine.runs_at(START, after(hours=1))
    assert engine.rows("select channel, template, address, status from send_list order by decided_at") == [
        ("profile", None, "ann", "scheduled"),
        ("webhook", "loyalty", "ann", "scheduled"),
    ]
