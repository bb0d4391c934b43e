"""Two people who were taken for one: once they are told apart, neither gets a step twice, or the other's."""

from __future__ import annotations

from tests.flows.engine import START, Engine, after, flow

TWO_STEPS = "- {step: first, send: email/first}\n- {step: second, wait: 1 day, send: email/second}"


def test_who_was_written_to_as_part_of_another_is_not_written_to_again(engine: Engine) -> None:
    engine.defines(flow("welcome", TWO_STEPS, reenter="never"))
    engine.has_profile("ann", also=["bob"])
    engine.enters("ann", "welcome", at=START, entry="hers or his")
    engine.runs(START)
    engine.unlinks("bob", out_of="ann", linked_at=after(days=-1))
    engine.enters("bob", "welcome", at=after(hours=1), entry="his own")
    engine.runs_at(after(hours=2), after(days=3))
    assert engine.messages("ann") == [("first", "scheduled", None)]
    assert engine.exits("ann") == [(after(hours=2), "unlinked")]
    assert engine.messages("bob") == []


def test_what_each_began_before_they_were_one_goes_on(engine: Engine) -> None:
    engine.defines(flow("welcome", TWO_STEPS, reenter="never"))
    for person in ("ann", "bob"):
        engine.has_profile(person)
        engine.enters(person, "welcome", at=START)
    engine.runs(START)
    engine.merges("bob", into="ann")
    engine.unlinks("bob", out_of="ann", linked_at=after(hours=1))
    engine.runs_at(after(hours=2), after(days=3))
    for person in ("ann", "bob"):
        assert [template for template, *_ in engine.messages(person)] == ["first", "second"]
