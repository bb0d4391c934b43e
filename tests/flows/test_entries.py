"""Who comes in, who may come again, and what ends an entry."""

from __future__ import annotations

from tests.flows.engine import START, Engine, after, flow

TWO_STEPS = "- {step: first, send: email/first}\n- {step: second, wait: 1 day, send: email/second}"


def entered(engine: Engine, profile: str = "ann") -> list[str]:
    """Entries of a profile in the order in which they came."""
    return [
        entry
        for (entry,) in engine.rows(
            "select entry_id from flow_entries where profile_id = ? order by logged_at, entered_at", [profile]
        )
    ]


def test_whoever_may_never_come_again_enters_once(engine: Engine) -> None:
    engine.defines(flow("welcome", TWO_STEPS, reenter="never"))
    engine.has_profile("ann")
    engine.enters("ann", "welcome", at=START, entry="first time")
    engine.runs_at(START, after(days=1))
    engine.enters("ann", "welcome", at=after(days=2), entry="second time")
    engine.runs(after(days=2))
    assert entered(engine) == ["first time"]


def test_re_entry_waits_for_its_time_since_the_last_entry(engine: Engine) -> None:
    engine.defines(flow("welcome", TWO_STEPS, reenter="after 7 days"))
    engine.has_profile("ann")
    for day in (0, 6, 7, 13, 14):
        engine.enters("ann", "welcome", at=after(days=day), entry=f"day {day}")
    engine.runs_at(*(after(days=day) for day in range(16)))
    assert entered(engine) == ["day 0", "day 7", "day 14"]


def test_nobody_is_in_the_same_flow_twice_at_once(engine: Engine) -> None:
    engine.defines(flow("welcome", "- {step: late, wait: 20 days, send: email/late}", reenter="after 7 days"))
    engine.has_profile("ann")
    for day in (0, 8):
        engine.enters("ann", "welcome", at=after(days=day), entry=f"day {day}")
    engine.runs_at(START, after(days=8), after(days=9))
    assert entered(engine) == ["day 0"]


def test_every_order_is_its_own_entry_where_re_entry_is_free(engine: Engine) -> None:
    engine.defines(flow("welcome", TWO_STEPS, reenter="always"))
    engine.has_profile("ann")
    engine.enters("ann", "welcome", at=START, entry="order 1")
    engine.enters("ann", "welcome", at=after(minutes=1), entry="order 2")
    engine.runs_at(after(hours=1), after(days=2), after(days=3))
    assert entered(engine) == ["order 1", "order 2"]
    assert [step for _, step, _ in engine.decisions("ann")] == ["first", "first", "second", "second"]


def test_two_candidates_of_one_person_in_one_run_are_one_entry(engine: Engine) -> None:
    engine.defines(flow("welcome", TWO_STEPS, reenter="after 7 days"))
    engine.has_profile("ann")
    engine.enters("ann", "welcome", at=after(minutes=5), entry="later")
    engine.enters("ann", "welcome", at=START, entry="earlier")
    engine.runs(after(hours=1))
    assert entered(engine) == ["earlier"]


def test_what_happened_long_before_a_flow_went_live_starts_nothing(engine: Engine) -> None:
    engine.defines(flow("welcome", TWO_STEPS, enter_within="2 days"))
    engine.has_profile("ann")
    engine.enters("ann", "welcome", at=after(days=-3))
    engine.runs(START)
    assert entered(engine) == []


def test_a_person_who_was_known_as_two_goes_on_as_one(engine: Engine) -> None:
    engine.defines(flow("welcome", TWO_STEPS, exit_on="[ordered]"))
    for profile, minutes in (("ann", 0), ("visitor", 30)):
        engine.has_profile(profile)
        engine.enters(profile, "welcome", at=after(minutes=minutes))
    engine.runs(after(hours=1))
    engine.merges("visitor", into="ann")
    engine.enters("ann", "welcome", at=after(hours=2), entry="again")
    engine.runs(after(hours=2))
    assert engine.exits("visitor") == [(after(hours=2), "merged")]
    engine.signals("visitor", "ordered", at=after(hours=3))
    engine.runs_at(after(hours=3), after(days=3))
    assert engine.exits("ann") == [(after(hours=3), "ordered")]
    assert [step for _, step, _ in engine.decisions("ann")] == ["first"]


def test_an_order_ends_the_flow_at_once(engine: Engine) -> None:
    engine.defines(flow("welcome", TWO_STEPS, exit_on="[ordered, cart_emptied]"))
    engine.has_profile("ann")
    engine.enters("ann", "welcome", at=START)
    engine.signals("ann", "ordered", at=after(hours=23, minutes=59, seconds=59))
    engine.runs_at(START, after(days=1), after(days=2))
    assert engine.decisions("ann") == [(START, "first", "message")]
    assert engine.exits("ann") == [(after(days=1), "ordered")]


def test_an_order_before_the_first_step_prevents_it(engine: Engine) -> None:
    engine.defines(flow("welcome", TWO_STEPS, exit_on="[ordered]"))
    engine.has_profile("ann")
    engine.enters("ann", "welcome", at=after(hours=1))
    engine.signals("ann", "ordered", at=after(hours=2))
    engine.runs_at(START, after(hours=3))
    assert engine.decisions("ann") == []
    assert engine.exits("ann") == [(after(hours=3), "ordered")]


def test_an_order_before_the_entry_ends_nothing(engine: Engine) -> None:
    engine.defines(flow("welcome", TWO_STEPS, exit_on="[ordered]"))
    engine.has_profile("ann")
    engine.enters("ann", "welcome", at=after(hours=1))
    engine.signals("ann", "ordered", at=after(minutes=59))
    engine.runs_at(after(hours=2), after(days=2))
    assert [step for _, step, _ in engine.decisions("ann")] == ["first", "second"]


def test_an_order_that_arrives_late_ends_the_flow_when_it_arrives(engine: Engine) -> None:
    engine.defines(flow("welcome", "- {step: only, wait: 9 days, send: email/only}", exit_on="[ordered]"))
    engine.has_profile("ann")
    engine.enters("ann", "welcome", at=START)
    engine.signals("ann", "ordered", at=after(hours=1), arrives=after(days=5))
    engine.runs_at(*(after(days=day) for day in range(11)))
    assert engine.exits("ann") == [(after(days=5), "ordered")]


def test_reaching_the_goal_in_time_is_told_from_a_late_order(engine: Engine) -> None:
    engine.defines(
        flow(
            "welcome",
            "- {step: only, wait: 9 days, send: email/only}",
            exit_on="[ordered]",
            goal="{signal: ordered, within: 5 days}",
        )
    )
    for profile, day in (("ann", 5), ("bob", 6)):
        engine.has_profile(profile)
        engine.enters(profile, "welcome", at=START)
        engine.signals(profile, "ordered", at=after(days=day))
    engine.runs_at(*(after(days=day) for day in range(10)))
    assert engine.exits("ann") == [(after(days=5), "goal")]
    assert engine.exits("bob") == [(after(days=6), "ordered")]


def test_an_entry_that_is_too_old_expires(engine: Engine) -> None:
    engine.defines(flow("welcome", TWO_STEPS, max_age="3 days"))
    engine.has_profile("ann")
    engine.enters("ann", "welcome", at=START)
    engine.runs_at(START, after(days=3), after(days=4))
    assert engine.exits("ann") == [(after(days=3), "expired")]
    assert [step for _, step, _ in engine.decisions("ann")] == ["first"]
