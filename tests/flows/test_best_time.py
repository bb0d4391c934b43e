"""`at: best_time`: each person's own hour, within a day and outside quiet hours, decided once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_project.flows.problems import FlowError
from dagster_project.flows.timetable import timetable
from tests.flows.engine import START, Engine, NewEngine, after, flow

NEWS = "- {step: news, send: email/news, at: best_time}"
TEXT = "- {step: news, send: sms/news, at: best_time}"
SENT = "select profile_id, due_at from send_list where status = 'scheduled' order by profile_id"


def everybody_reads(engine: Engine, hour: int, *, prior_weight: float | None = 10) -> None:
    """Half of all activity lies in one hour, the rest is spread evenly over the day."""
    engine.execute("delete from predictions.send_hours")
    for each in range(24):
        share = 0.5 * (each == hour) + 0.5 / 24
        engine.execute("insert into predictions.send_hours values (?, ?, ?)", [each, share, prior_weight])


def reads(engine: Engine, profile: str, hours: Mapping[int, float]) -> None:
    """What is known of a person's hours."""
    engine.execute("delete from intermediate.int_profile_hours where profile_id = ?", [profile])
    for hour, evidence in hours.items():
        engine.execute(
            "insert into intermediate.int_profile_hours values ('all', ?, ?, ?)", [profile, hour, evidence]
        )


def enters_and_runs(engine: Engine, steps: str, hours: int = 25, profile: str = "ann") -> None:
    """Into the flow now, then a run an hour."""
    engine.defines(flow("welcome", steps))
    engine.enters(profile, "welcome", at=START)
    engine.runs_at(*(after(hours=hour) for hour in range(hours)))


def test_everybody_gets_the_message_at_their_own_hour_on_their_own_clock(engine: Engine) -> None:
    everybody_reads(engine, 12)
    for person, zone, hours in (
        ("ann", "UTC", {20: 30}),
        ("bob", "America/New_York", {20: 30}),
        ("cid", "UTC", {20: 1}),
        ("dan", "UTC", {}),
        ("eve", "UTC", {8: 30}),
    ):
        engine.has_profile(person, time_zone=zone)
        reads(engine, person, hours)
        engine.enters(person, "welcome", at=START)
    engine.defines(flow("welcome", NEWS))
    engine.runs_at(*(after(hours=hour) for hour in range(25)))
    assert engine.rows(SENT) == [
        ("ann", after(hours=12)),
        ("bob", after(hours=17)),
        ("cid", after(hours=4)),
        ("dan", after(hours=4)),
        ("eve", START),
    ]


def test_a_message_at_the_best_hour_waits_for_the_best_hour_that_is_not_quiet(engine: Engine) -> None:
    everybody_reads(engine, 12)
    engine.has_profile("ann")
    reads(engine, "ann", {22: 50, 17: 20})
    enters_and_runs(engine, TEXT)
    assert engine.rows(SENT) == [("ann", after(hours=9))]


def test_without_a_single_hour_that_is_not_quiet_the_message_is_left_to_quiet_hours(engine: Engine) -> None:
    everybody_reads(engine, 12)
    engine.sets(
        "quiet_hours",
        [
            {
                "country": "*",
                "channel": "sms",
                "message_class": "marketing",
                "starts_at": "00:30",
                "ends_at": "00:15",
            }
        ],
    )
    engine.has_profile("ann")
    enters_and_runs(engine, TEXT, 2)
    assert engine.messages("ann") == [("news", "deferred", "quiet_hours")]


def test_a_model_that_learns_does_not_move_what_is_decided(engine: Engine) -> None:
    everybody_reads(engine, 12)
    engine.has_profile("ann")
    reads(engine, "ann", {20: 30})
    enters_and_runs(engine, NEWS, 2)
    for hour in (10, 16):
        reads(engine, "ann", {hour: 300})
        everybody_reads(engine, hour)
        engine.runs_at(after(hours=hour - START.hour), after(hours=hour - START.hour + 1))
    assert engine.rows(SENT) == []
    engine.runs_at(after(hours=12), after(hours=13), after(hours=36))
    assert engine.rows(SENT) == [("ann", after(hours=12))]


def test_hours_that_have_not_proven_better_are_not_used(engine: Engine) -> None:
    everybody_reads(engine, 12, prior_weight=None)
    engine.has_profile("ann")
    reads(engine, "ann", {20: 300})
    enters_and_runs(engine, NEWS)
    assert engine.rows(SENT) == [("ann", after(hours=4))]


def test_who_orders_before_their_hour_gets_no_message(engine: Engine) -> None:
    everybody_reads(engine, 12)
    engine.has_profile("ann")
    engine.defines(flow("welcome", NEWS, exit_on="[ordered]"))
    engine.enters("ann", "welcome", at=START)
    engine.runs(START)
    engine.signals("ann", "ordered", at=after(hours=1))
    engine.runs_at(after(hours=2), after(hours=4))
    assert engine.messages("ann") == [("news", "skipped", "exited")]


def test_the_best_hour_can_be_tested_against_any_other(engine: Engine) -> None:
    everybody_reads(engine, 12)
    engine.defines(
        flow(
            "welcome",
            "- {step: news, send: email/news, ab_test: {usual: 50%, own: {share: 50%, at: best_time}}}",
        )
    )
    for number in range(20):
        engine.has_profile(f"p{number}")
        reads(engine, f"p{number}", {15: 30})
        engine.enters(f"p{number}", "welcome", at=START)
    engine.runs_at(START, after(hours=7))
    assert engine.rows("select distinct variant, due_at from send_list order by all") == [
        ("own", after(hours=7)),
        ("usual", START),
    ]


@given(
    habits=st.dictionaries(st.integers(0, 23), st.floats(0.1, 100), max_size=4),
    zone=st.sampled_from(["UTC", "Asia/Kolkata", "America/New_York", None]),
    quiet=st.tuples(st.integers(0, 23), st.integers(0, 23)).filter(lambda ends: ends[0] != ends[1]),
    minutes=st.integers(0, 59),
)
@settings(max_examples=6, deadline=None)
def test_a_message_goes_once_within_a_day_and_never_in_quiet_hours(
    new_engine: NewEngine,
    habits: dict[int, float],
    zone: str | None,
    quiet: tuple[int, int],
    minutes: int,
) -> None:
    engine = new_engine()
    everybody_reads(engine, 12)
    starts, ends = (f"{hour:02}:00" for hour in quiet)
    rule = {"country": "*", "channel": "sms", "message_class": "marketing"}
    engine.sets("quiet_hours", [rule | {"starts_at": starts, "ends_at": ends}])
    engine.has_profile("ann", time_zone=zone)
    reads(engine, "ann", habits)
    engine.defines(flow("welcome", TEXT))
    engine.enters("ann", "welcome", at=START)
    first = after(minutes=minutes)
    engine.runs(first)
    ((due_at, local),) = engine.rows(
        "select due_at, timezone(?, timezone('UTC', due_at)) from int_flow_log where kind = 'decided'",
        [zone or "UTC"],
    )
    engine.runs_at(
        *sorted({first, max(first, due_at - timedelta(minutes=1)), due_at, due_at + timedelta(hours=1)})
    )
    assert engine.rows(SENT) == [("ann", due_at)]
    assert first <= due_at <= first + timedelta(days=1)
    assert is_loud(local, *quiet)


def is_loud(local: datetime, starts: int, ends: int) -> bool:
    """Whether a clock stands outside quiet hours."""
    quiet = starts <= local.hour < ends if starts < ends else local.hour >= starts or local.hour < ends
    return not quiet


def test_the_timetable_says_whose_hour_it_is() -> None:
    steps = NEWS + "\n- {step: more, wait: 2 days, at: best_time, send: email/more}"
    assert [row["when"] for row in timetable(flow("welcome", steps))] == [
        "at each person's best hour",
        "+2 days, then at each person's best hour",
    ]


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (NEWS.replace("best_time", "bestt_time"), 'such as "09:00" or "18:30", or best_time'),
        (
            NEWS[:-1] + ', ab_test: {one: 50%, two: {share: 50%, at: "12:00"}}}',
            "its variants have none of their own",
        ),
    ],
)
def test_a_wrong_time_names_the_allowed_words(steps: str, said: str) -> None:
    with pytest.raises(FlowError, match=said):
        flow("welcome", steps)
