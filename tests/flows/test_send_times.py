"""What a split may differ in: subject, content, channel and send time; a variant's own time is kept to and fair."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_project.flows.problems import FlowError
from dagster_project.flows.timetable import timetable
from tests.flows.engine import START, Engine, NewEngine, after, flow
from tests.flows.test_winners import PEOPLE, decide, everybody_enters

SUBJECT = "{step: news, send: email/news, ab_test: {plain: 50%, urgent: 50%}}"
CONTENT = """
- step: news
  send: email/news
  ab_test: {plain: 50%, long: {share: 50%, send: email/news_long}}
"""
CHANNEL = "{step: news, send: email/news, ab_test: {mail: 50%, app: {share: 50%, send: push/news}}}"
TIMES = """
- step: news
  send: email/news
  ab_test: {now: 50%, evening: {share: 50%, at: "18:00"}}
"""
SAMPLED_TIMES = """
- step: news
  send: email/news
  ab_test: {morning: {share: 50%, at: "09:00"}, evening: {share: 50%, at: "18:00"}}
  winner: {by: clicked, after: 4 hours, sample: 20%, otherwise: morning}
"""
SENT = "select distinct variant, channel, template, due_at from send_list where status = 'scheduled' order by all"


@pytest.mark.parametrize(
    ("steps", "sent"),
    [
        (f"- {SUBJECT}", [("plain", "email", "news", START), ("urgent", "email", "news", START)]),
        (CONTENT, [("long", "email", "news_long", START), ("plain", "email", "news", START)]),
        (f"- {CHANNEL}", [("app", "push", "news", START), ("mail", "email", "news", START)]),
        (TIMES, [("evening", "email", "news", after(hours=10)), ("now", "email", "news", START)]),
    ],
    ids=["subject", "content", "channel", "send_time"],
)
def test_variants_may_differ_in_anything(engine: Engine, steps: str, sent: list[tuple]) -> None:
    engine.defines(flow("welcome", steps))
    everybody_enters(engine, PEOPLE[:40])
    engine.runs_at(START, after(hours=9), after(hours=10))
    assert engine.rows(SENT) == sent


def test_a_time_of_day_is_the_recipients_own(engine: Engine) -> None:
    engine.defines(flow("welcome", TIMES.replace("now: 50%", 'noon: {share: 50%, at: "12:00"}')))
    for person in PEOPLE[:20]:
        engine.has_profile(person, time_zone="America/New_York")
        engine.enters(person, "welcome", at=START)
    engine.runs_at(START, after(hours=9), after(hours=15))
    assert engine.rows(SENT) == [
        ("evening", "email", "news", after(hours=15)),
        ("noon", "email", "news", after(hours=9)),
    ]


def test_of_a_campaign_the_rest_is_sent_at_the_winning_time_and_with_nobody_winning_at_the_usual_one(
    new_engine: NewEngine,
) -> None:
    for winner, hour in (("evening", 34), ("morning", 25)):
        engine = new_engine()
        engine.defines(flow("welcome", SAMPLED_TIMES, kind="campaign"))
        everybody_enters(engine)
        engine.runs_at(START, after(hours=1), after(hours=10))
        sampled = engine.rows("select count(*) from send_list where status = 'scheduled'")[0][0]
        assert 25 <= sampled <= 60
        decide(engine, {winner: (0.0, 1.0)})
        engine.runs_at(after(hours=12), after(hours=hour))
        assert engine.rows(
            "select variant, count(*) from send_list where due_at = ? and status = 'scheduled' group by all",
            [after(hours=hour)],
        ) == [(winner, 200 - sampled)]


def test_who_buys_before_the_message_goes_gets_none(engine: Engine) -> None:
    engine.defines(flow("welcome", TIMES, exit_on="[ordered]"))
    everybody_enters(engine, PEOPLE[:20])
    engine.runs(START)
    for person in PEOPLE[:20]:
        engine.signals(person, "ordered", at=after(hours=9, minutes=59))
    engine.runs(after(hours=10))
    assert engine.rows("select distinct variant, status, reason from send_list order by all") == [
        ("evening", "skipped", "exited"),
        ("now", "scheduled", None),
    ]


def test_the_next_step_waits_from_when_the_message_went(engine: Engine) -> None:
    second = "- {step: more, wait: 2 hours, send: email/more}"
    engine.defines(flow("welcome", f"{TIMES}{second}"))
    everybody_enters(engine, PEOPLE[:20])
    engine.runs_at(*(after(hours=hours) for hours in (0, 1, 2, 9, 10, 11, 12)))
    assert engine.rows("""
        select first.variant, max(second.decided_at) from flow_decisions as first
        inner join flow_decisions as second on first.entry_id = second.entry_id
        where first.step = 'news' and second.step = 'more' group by 1 order by 1""") == [
        ("evening", after(hours=12)),
        ("now", after(hours=2)),
    ]


@given(
    wait=st.integers(1, 47),
    at=st.none() | st.integers(0, 23),
    runs=st.lists(st.integers(0, 90), min_size=1, max_size=4, unique=True).map(sorted),
)
@settings(max_examples=8, deadline=None)
def test_a_message_goes_once_at_the_first_run_of_its_time_and_not_before(
    new_engine: NewEngine, wait: int, at: int | None, runs: list[int]
) -> None:
    engine = new_engine()
    own = f"wait: {wait} hours" + (f', at: "{at:02}:00"' if at is not None else "")
    engine.defines(flow("welcome", TIMES.replace('at: "18:00"', own), enter_within="30 days"))
    everybody_enters(engine, PEOPLE[:4])
    engine.runs_at(*(after(hours=hours) for hours in runs))
    waited = runs[0] + wait
    due = waited + ((at - START.hour - waited) % 24 if at is not None else 0)
    sent = [(after(hours=run),) for run in runs if run >= due][:1]
    went = "select distinct due_at from send_list where variant = ? and status = 'scheduled'"
    assert engine.rows(went, ["now"]) in ([(after(hours=runs[0]),)], [])
    assert engine.rows(went, ["evening"]) in (sent, [])
    assert engine.rows("select count(*), count(distinct message_id) from send_list") == [(4, 4)]
    assert engine.rows("select variant from send_list where status = 'deferred' and ?", [bool(sent)]) == []


def test_the_timetable_tells_the_time_of_each_variant() -> None:
    steps = TIMES.replace("now: 50%", "later: {share: 50%, wait: 3 hours}")
    rows = timetable(flow("welcome", steps))
    assert [(row["who"], row["when"]) for row in rows] == [
        ("50% later", "+3 hours"),
        ("50% evening", "at 18:00 local time"),
    ]


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (TIMES + '  at: "09:00"\n', "its variants have none of their own"),
        (TIMES.replace('at: "18:00"', "wait: 3 days"), "a variant waits 2 days at most"),
        (f"- {CHANNEL[:-1]}, bandit: {{by: opened}}}}", "not the same on every channel"),
    ],
)
def test_times_that_cannot_be_compared_are_refused_in_words(steps: str, said: str) -> None:
    with pytest.raises(FlowError, match=said):
        flow("welcome", steps)
