"""A split that ends: who takes part, who waits, and what everybody gets once it is decided."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_project.flows.problems import FlowError
from tests.flows.engine import START, Engine, NewEngine, after, flow

SAMPLED = """
- step: news
  send: email/news
  ab_test: {plain: 50%, urgent: 50%}
  winner: {by: clicked, after: 4 hours, sample: 20%}
"""
PEOPLE = [f"p{number}" for number in range(200)]


def decide(engine: Engine, shares: dict[str, tuple[float, float]]) -> None:
    """What `settle` writes: new bounds for every arm of the live version."""
    arms = engine.rows("select flow, step, arm, share_from, share_to from raw_flows.flow_arms")
    engine.load(
        "raw_measurement.allocations",
        pa.Table.from_pylist(
            [
                {
                    "flow": name,
                    "step": step,
                    "arm": arm,
                    "replaces_from": share_from,
                    "replaces_to": share_to,
                    "share_from": shares.get(arm, (0.0, 0.0))[0],
                    "share_to": shares.get(arm, (0.0, 0.0))[1],
                    "kind": "winner",
                    "decided_at": engine.now,
                }
                for name, step, arm, share_from, share_to in arms
            ]
        ),
    )


def everybody_enters(engine: Engine, people: list[str] = PEOPLE) -> None:
    for person in people:
        engine.has_profile(person)
        engine.enters(person, "welcome", at=START)


def arms(engine: Engine) -> Counter:
    return Counter(arm for (arm,) in engine.rows("select arm from flow_decisions"))


def test_of_a_campaign_the_sample_is_split_and_the_rest_waits_for_the_winner(engine: Engine) -> None:
    engine.defines(flow("welcome", SAMPLED, kind="campaign"))
    everybody_enters(engine)
    engine.runs_at(START, after(hours=1), after(hours=3))
    sampled = arms(engine)
    assert set(sampled) == {"plain", "urgent"}
    assert 25 <= sampled.total() <= 60
    decide(engine, {"urgent": (0.0, 1.0)})
    engine.runs_at(after(hours=4), after(hours=5))
    assert arms(engine) == sampled + Counter(urgent=200 - sampled.total())
    assert engine.rows("select count(*) from send_list where variant = 'urgent'") == [
        (200 - sampled["plain"],)
    ]


def test_of_a_flow_nobody_waits(engine: Engine) -> None:
    engine.defines(flow("welcome", SAMPLED))
    everybody_enters(engine)
    engine.runs(START)
    decided = arms(engine)
    assert decided.total() == 200
    assert set(decided) == {"plain", "urgent", "plain_meanwhile"}
    decide(engine, {"urgent": (0.0, 1.0)})
    for person in PEOPLE[:50]:
        engine.has_profile(f"late_{person}")
        engine.enters(f"late_{person}", "welcome", at=after(hours=5))
    engine.runs(after(hours=5))
    assert arms(engine) == decided + Counter(urgent=50)


def test_other_shares_are_another_experiment(engine: Engine) -> None:
    engine.defines(flow("welcome", SAMPLED, kind="campaign"))
    decide(engine, {"urgent": (0.0, 1.0)})
    engine.defines(flow("welcome", SAMPLED.replace("20%", "50%"), kind="campaign"))
    everybody_enters(engine)
    engine.runs(START)
    assert arms(engine).total() < 150
    assert set(arms(engine)) == {"plain", "urgent"}


@given(
    moved=st.lists(st.floats(0, 1), min_size=1, max_size=4),
    people=st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=12, unique=True),
)
@settings(max_examples=15, deadline=None)
def test_however_the_shares_move_each_entry_gets_exactly_one_arm_once(
    new_engine: NewEngine, moved: list[float], people: list[str]
) -> None:
    engine = new_engine()
    split = "- {step: news, send: email/news, ab_test: {a: 50%, b: 50%}, bandit: {by: clicked}}"
    engine.defines(flow("welcome", split))
    everybody_enters(engine, people)
    for hours, border in enumerate(moved):
        decide(engine, {"a": (0.0, border), "b": (border, 1.0)})
        engine.runs(after(hours=hours))
    assert engine.rows("select profile_id from flow_decisions order by 1") == [
        (person,) for person in sorted(people)
    ]


@pytest.mark.parametrize(
    ("steps", "kind", "said"),
    [
        (SAMPLED.replace("20%", "5%"), "campaign", "say sample, 10% to 50%"),
        (SAMPLED.replace(", sample: 20%", ""), "campaign", "say sample, 10% to 50%"),
        (
            SAMPLED.replace("20%", "20%, otherwise: loud"),
            "flow",
            "otherwise names a variant of this step: plain",
        ),
        (SAMPLED.replace("by: clicked", "by: vibes"), "flow", "vibes"),
        ("- {step: news, send: email/news, bandit: {by: clicked}}", "flow", "only an ab_test has a bandit"),
        (SAMPLED + "  bandit: {by: clicked}\n", "flow", "not by both"),
    ],
)
def test_an_impossible_end_is_refused_in_words(steps: str, kind: str, said: str) -> None:
    with pytest.raises(FlowError, match=said):
        flow("welcome", steps, kind=kind)
