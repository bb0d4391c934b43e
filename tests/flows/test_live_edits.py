"""A flow that changes while people are in it: steps are known by name, nothing is sent twice."""

from __future__ import annotations

import pytest

from tests.flows.engine import START, Engine, after, flow


def steps(*names: str) -> str:
    """A flow of steps one day apart."""
    return "\n".join(f"- {{step: {name}, wait: 1 day, send: email/{name}}}" for name in names)


@pytest.mark.parametrize(
    ("edited", "follow", "reason"),
    [
        pytest.param(["a", "b", "new", "c"], ["new", "c"], "completed", id="inserted ahead"),
        pytest.param(["new", "a", "b", "c"], ["c"], "completed", id="inserted at the start"),
        pytest.param(["a", "new", "b", "c"], ["c"], "completed", id="inserted between decided ones"),
        pytest.param(["a", "b", "d"], ["d"], "completed", id="next one renamed"),
        pytest.param(["a", "renamed", "c"], ["c"], "completed", id="last one renamed"),
        pytest.param(["a", "c"], ["c"], "completed", id="last one deleted"),
        pytest.param(["b", "a", "c"], ["c"], "completed", id="order of decided ones changed"),
        pytest.param(["b", "c", "a"], ["c"], "flow_changed", id="decided one moved to the end"),
        pytest.param(["c", "a", "b"], [], "flow_changed", id="next one moved before the last"),
        pytest.param(["a", "b"], [], "flow_changed", id="rest deleted"),
        pytest.param(["x", "y"], [], "flow_changed", id="all replaced"),
    ],
)
def test_an_edit_continues_behind_what_was_decided(
    engine: Engine, edited: list[str], follow: list[str], reason: str
) -> None:
    engine.defines(flow("welcome", steps("a", "b", "c")))
    engine.has_profile("ann")
    engine.enters("ann", "welcome", at=START)
    engine.runs_at(START, after(days=1), after(days=2))
    engine.defines(flow("welcome", steps(*edited)))
    engine.runs_at(*(after(days=day) for day in range(3, 8)))
    assert [step for _, step, _ in engine.decisions("ann")] == ["a", "b", *follow]
    assert [why for _, why in engine.exits("ann")] == [reason]


def test_a_shorter_wait_counts_from_the_last_decision(engine: Engine) -> None:
    engine.defines(flow("welcome", "- {step: a, send: email/a}\n- {step: b, wait: 9 days, send: email/b}"))
    engine.has_profile("ann")
    engine.enters("ann", "welcome", at=START)
    engine.runs_at(START, after(days=2))
    engine.defines(flow("welcome", "- {step: a, send: email/a}\n- {step: b, wait: 3 days, send: email/b}"))
    engine.runs_at(after(days=2, hours=1), after(days=3))
    assert engine.decisions("ann")[1:] == [(after(days=3), "b", "message")]


def test_people_in_a_removed_flow_rest_until_it_comes_back(engine: Engine) -> None:
    welcome, other = flow("welcome", steps("a", "b")), flow("win_back", steps("z"))
    engine.defines(welcome, other)
    engine.has_profile("ann")
    engine.enters("ann", "welcome", at=START)
    engine.runs_at(START, after(days=1))
    engine.defines(other)
    engine.runs_at(after(days=2), after(days=3))
    assert engine.exits("ann") == [(None, None)]
    engine.defines(welcome, other)
    engine.runs(after(days=4))
    assert engine.decisions("ann") == [(after(days=1), "a", "message"), (after(days=4), "b", "message")]


def test_a_message_of_a_flow_that_is_removed_meanwhile_does_not_go(engine: Engine) -> None:
    engine.defines(flow("welcome", steps("a")), flow("win_back", steps("z")))
    engine.has_profile("ann")
    engine.enters("ann", "welcome", at=START)
    engine.runs(START)
    engine.runs(after(days=1), killed_after="int_flow_log")
    engine.defines(flow("win_back", steps("z")))
    engine.runs(after(days=1, hours=1))
    assert engine.messages("ann") == [("a", "skipped", "flow_removed")]
