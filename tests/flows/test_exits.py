"""Nothing after an exit: whenever it becomes known that it happened, and to whom."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.flows.engine import START, Engine, after, flow

TWO_STEPS = "- {step: first, send: email/first}\n- {step: second, wait: 4 days, send: email/second}"
SMS = "- {step: advert, send: sms/advert}"


def ann_enters(engine: Engine, steps: str = TWO_STEPS, **words: str) -> None:
    """Ann comes into a flow at the first run."""
    engine.defines(flow("welcome", steps, **words))
    engine.has_profile("ann")
    engine.enters("ann", "welcome", at=START)
    engine.runs(START)


def somebody_enters(engine: Engine, name: str = "welcome") -> None:
    """The log goes on: the run six hours after the start has something to write down."""
    engine.has_profile("somebody")
    engine.enters("somebody", name, at=after(hours=6))


def test_an_order_of_before_a_visitor_was_known_ends_the_flow_with_the_joining(engine: Engine) -> None:
    engine.has_profile("visitor")
    engine.signals("visitor", "ordered", at=after(hours=5))
    ann_enters(engine, exit_on="[ordered]")
    somebody_enters(engine)
    engine.runs_at(after(hours=6), after(days=3))
    engine.merges("visitor", into="ann")
    engine.runs_at(after(days=3, hours=1), after(days=4))
    assert engine.exits("ann") == [(after(days=3, hours=1), "ordered")]
    assert [step for _, step, _ in engine.decisions("ann")] == ["first"]


def test_the_order_counts_whichever_of_the_two_profiles_goes_on(engine: Engine) -> None:
    engine.has_profile("visitor")
    engine.signals("visitor", "ordered", at=after(hours=5))
    ann_enters(engine, exit_on="[ordered]")
    somebody_enters(engine)
    engine.runs_at(after(hours=6), after(days=3))
    engine.merges("ann", into="visitor")
    engine.runs_at(after(days=3, hours=1), after(days=4))
    assert engine.exits("ann") == [(after(days=3, hours=1), "ordered")]


def test_a_message_that_waits_is_stopped_by_the_joining_too(engine: Engine) -> None:
    engine.has_profile("visitor")
    engine.defines(flow("welcome", SMS, exit_on="[ordered]"))
    engine.has_profile("ann")
    engine.enters("ann", "welcome", at=after(hours=12))
    engine.signals("visitor", "ordered", at=after(hours=13))
    engine.runs_at(START, after(hours=13))
    assert engine.messages("ann") == [("advert", "deferred", "quiet_hours")]
    engine.merges("visitor", into="ann")
    engine.runs_at(after(hours=14), after(hours=26))
    assert engine.messages("ann") == [("advert", "skipped", "exited")]


def test_of_two_entries_that_are_one_persons_the_later_ones_message_is_not_sent(engine: Engine) -> None:
    engine.defines(flow("welcome", SMS + "\n- {step: more, wait: 9 days, send: sms/more}"))
    for person, hour in (("ann", 12), ("visitor", 13)):
        engine.has_profile(person)
        engine.enters(person, "welcome", at=after(hours=hour))
    engine.runs_at(START, after(hours=12), after(hours=13))
    engine.merges("visitor", into="ann")
    engine.runs_at(after(hours=14), after(hours=26))
    assert engine.exits("visitor") == [(after(hours=14), "merged")]
    assert engine.messages("visitor") == [("advert", "skipped", "exited")]


def test_an_order_made_while_a_flow_was_away_ends_it_when_it_is_back(engine: Engine) -> None:
    ann_enters(engine, exit_on="[ordered]")
    engine.defines(flow("win_back", TWO_STEPS))
    somebody_enters(engine, "win_back")
    engine.signals("ann", "ordered", at=after(hours=5))
    engine.runs_at(after(hours=6), after(days=3))
    engine.defines(flow("welcome", TWO_STEPS, exit_on="[ordered]"))
    engine.runs_at(after(days=3, hours=1), after(days=4))
    assert engine.exits("ann") == [(after(days=3, hours=1), "ordered")]


def test_an_exit_that_is_added_to_a_live_flow_counts_since_the_entry(engine: Engine) -> None:
    ann_enters(engine)
    somebody_enters(engine)
    engine.signals("ann", "ordered", at=after(hours=5))
    engine.runs_at(after(hours=6), after(days=3))
    engine.defines(flow("welcome", TWO_STEPS, exit_on="[ordered]"))
    engine.runs_at(after(days=3, hours=1), after(days=4))
    assert engine.exits("ann") == [(after(days=3, hours=1), "ordered")]


def test_an_exit_that_is_added_stops_a_message_that_waits(engine: Engine) -> None:
    engine.defines(flow("welcome", SMS))
    engine.has_profile("ann")
    engine.enters("ann", "welcome", at=after(hours=12))
    engine.signals("ann", "ordered", at=after(hours=12, minutes=30))
    engine.runs_at(START, after(hours=13))
    engine.defines(flow("welcome", SMS, exit_on="[ordered]"))
    engine.runs_at(after(hours=14), after(hours=26))
    assert engine.messages("ann") == [("advert", "skipped", "exited")]


@pytest.mark.parametrize("steps", [TWO_STEPS, "- {step: only, wait: 10 hours, send: sms/only}"])
def test_an_order_dated_ahead_of_the_run_that_saw_it_counts_in_the_next(engine: Engine, steps: str) -> None:
    ann_enters(engine, steps, exit_on="[ordered]")
    engine.signals("ann", "ordered", at=after(hours=13, minutes=5), arrives=after(hours=13))
    engine.has_profile("somebody")
    engine.enters("somebody", "welcome", at=after(hours=13))
    engine.runs(after(hours=13))
    assert engine.rows("select count(*) from int_flow_log where reason = 'ordered'") == [(0,)]
    sent = engine.messages("ann")[0]
    engine.runs(after(days=4))
    assert engine.messages("ann") == [sent if sent[1] == "scheduled" else ("only", "skipped", "exited")]


def test_an_order_that_was_seen_before_the_entry_was_known_prevents_it(engine: Engine) -> None:
    engine.defines(flow("welcome", TWO_STEPS, exit_on="[ordered]"))
    engine.has_profile("ann")
    engine.has_profile("bob")
    engine.enters("bob", "welcome", at=after(hours=2))
    engine.signals("ann", "ordered", at=after(hours=1))
    engine.runs_at(START, after(hours=2))
    engine.enters("ann", "welcome", at=START)
    engine.runs(after(hours=3))
    assert engine.decisions("ann") == []
    assert engine.exits("ann") == [(after(hours=3), "ordered")]


def test_an_order_of_the_hour_in_which_a_cart_was_not_abandoned_yet_ends_the_recovery(engine: Engine) -> None:
    engine.defines(flow("cart_recovery", TWO_STEPS, exit_on="[ordered]"))
    engine.has_profile("ann")
    engine.enters("ann", "cart_recovery", at=after(hours=2), left=after(hours=1))
    engine.signals("ann", "ordered", at=after(hours=1, minutes=30), arrives=after(hours=3))
    engine.runs_at(*(after(hours=hour) for hour in range(5)), after(days=5))
    assert engine.decisions("ann") == [(after(hours=2), "first", "message")]
    assert engine.exits("ann") == [(after(hours=3), "ordered")]


def test_such_an_order_stops_a_message_that_waits(engine: Engine) -> None:
    engine.defines(flow("cart_recovery", SMS, exit_on="[ordered]"))
    engine.has_profile("ann")
    engine.enters("ann", "cart_recovery", at=after(hours=13), left=after(hours=12))
    engine.signals("ann", "ordered", at=after(hours=12, minutes=30), arrives=after(hours=14))
    engine.runs_at(*(after(hours=hour) for hour in range(27)))
    assert engine.messages("ann") == [("advert", "skipped", "exited")]


def test_an_order_from_before_the_cart_was_left_ends_nothing(engine: Engine) -> None:
    engine.defines(flow("cart_recovery", TWO_STEPS, exit_on="[ordered]"))
    engine.has_profile("ann")
    engine.enters("ann", "cart_recovery", at=after(hours=2), left=after(hours=1))
    engine.signals("ann", "ordered", at=after(hours=1), arrives=after(hours=3))
    engine.runs_at(*(after(hours=hour) for hour in range(5)), after(days=5))
    assert [step for _, step, _ in engine.decisions("ann")] == ["first", "second"]


def test_an_order_before_the_entry_is_an_exit_and_not_the_goal(engine: Engine) -> None:
    engine.defines(
        flow("cart_recovery", TWO_STEPS, exit_on="[ordered]", goal="{signal: ordered, within: 5 days}")
    )
    for person, minutes in (("ann", 90), ("bob", 150)):
        engine.has_profile(person)
        engine.enters(person, "cart_recovery", at=after(hours=2), left=after(hours=1))
        engine.signals(person, "ordered", at=after(minutes=minutes), arrives=after(hours=3))
    engine.runs_at(after(hours=2), after(hours=3))
    assert engine.exits("ann") == [(after(hours=3), "ordered")]
    assert engine.exits("bob") == [(after(hours=3), "goal")]


def test_entries_of_before_there_was_such_a_column_go_on(engine: Engine) -> None:
    engine.defines(flow("cart_recovery", TWO_STEPS, exit_on="[ordered]"))
    for person, minutes in (("ann", 30), ("bob", 90)):
        engine.has_profile(person)
        engine.enters(person, "cart_recovery", at=after(hours=1), left=START)
        engine.signals(person, "ordered", at=after(minutes=minutes), arrives=after(hours=2))
    engine.runs(after(hours=1))
    engine.execute("update intermediate.int_flow_log set exits_count_from = null")
    engine.runs_at(after(hours=2), after(days=5))
    assert engine.exits("ann") == [(after(days=5), "completed")]
    assert engine.exits("bob") == [(after(hours=2), "ordered")]
    assert engine.rows("select count(*) from flow_entries") == [(2,)]


def test_an_order_after_the_goals_time_stops_no_message_either(engine: Engine) -> None:
    engine.defines(flow("welcome", SMS, goal="{signal: ordered, within: 1 hour}"))
    for person, minutes in (("ann", 50), ("bob", 90)):
        engine.has_profile(person)
        engine.enters(person, "welcome", at=after(hours=13))
        engine.signals(person, "ordered", at=after(hours=13, minutes=minutes))
    engine.runs_at(*(after(hours=hour) for hour in range(27)))
    assert engine.messages("ann") == [("advert", "skipped", "exited")]
    assert engine.messages("bob") == [("advert", "scheduled", None)]


def test_a_goal_is_not_reached_before_it_happens(engine: Engine) -> None:
    ann_enters(engine, goal="{signal: ordered, within: 5 days}")
    engine.signals("ann", "ordered", at=after(hours=5), arrives=after(hours=1))
    engine.runs(after(hours=1))
    assert engine.exits("ann") == [(None, None)]
    engine.runs(START + timedelta(hours=6))
    assert engine.exits("ann") == [(after(hours=6), "goal")]


def test_a_segment_that_somebody_has_left_answers_no(engine: Engine) -> None:
    steps = (
        "- step: only\n  branch:\n    - {if: is_vip, send: email/vip}\n    - {else: true, send: email/all}"
    )
    engine.defines(flow("welcome", steps, conditions="{is_vip: {any_of: [{segment: vip}]}}"))
    for person in ("ann", "bob"):
        engine.has_profile(person)
        engine.joins(person, "vip")
        engine.enters(person, "welcome", at=START)
    engine.leaves("bob", "vip", at=START)
    engine.runs(START)
    assert engine.messages("ann") == [("vip", "scheduled", None)]
    assert engine.messages("bob") == [("all", "scheduled", None)]
