"""Guardrails under random people, flows, caps and run times: what is true of every list ever made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.flows.engine import Engine, NewEngine, flow

few_examples = settings(
    max_examples=12, deadline=None, database=None, print_blob=True, suppress_health_check=list(HealthCheck)
)
"""Others in every run of the tests; a failure prints the line that repeats it."""

DST = datetime(2026, 3, 27, 20)
"""Two nights before clocks change in Europe, three weeks after they did in America."""

ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Sydney")
QUIET = {"sms": (20, 9), "push": (21, 8)}
REASONS = {
    "held_out",
    "no_address",
    "suppressed",
    "no_consent",
    "consent_feed_stale",
    "too_late",
    "quiet_hours",
    "frequency_cap",
}
STEPS = {
    "welcome": "- {step: a, send: sms/a}\n- {step: b, wait: 3 hours, send: email/b}\n- {step: c, send: push/c}",
    "cart_recovery": "- {step: d, send: email/d}\n- {step: e, wait: 1 hour, send: sms/e}",
    "win_back": "- {step: f, send: sms/f}\n- {step: g, send: email/g}\n- {step: h, wait: 20 hours, send: push/h}",
}


@dataclass(frozen=True)
class Person:
    """What the guardrails look at."""

    zone: str
    consents: bool
    has_phone: bool
    is_suppressed: bool
    enters: tuple[int, int, int]


@dataclass(frozen=True)
class Cap:
    """At most `most` marketing messages on a channel within `hours`."""

    channel: str
    most: int
    hours: int
    binding: str


people = st.lists(
    st.builds(
        Person,
        st.sampled_from(ZONES),
        st.sampled_from([True, True, False]),
        st.sampled_from([True, True, False]),
        st.sampled_from([False, False, True]),
        st.tuples(*[st.integers(0, 40)] * 3),
    ),
    min_size=6,
    max_size=10,
)
caps = st.lists(
    st.builds(
        Cap,
        st.sampled_from(["email", "sms", "push", "*"]),
        st.integers(1, 2),
        st.sampled_from([6, 24, 72]),
        st.sampled_from(["defer", "drop"]),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda one: (one.channel, one.hours),
)
gaps = st.lists(st.sampled_from([1, 1, 2, 5, 12, 30]), min_size=5, max_size=10)


@few_examples
@given(persons=people, limits=caps, schedule=gaps)
def test_what_is_true_of_every_list(
    new_engine: NewEngine, persons: list[Person], limits: list[Cap], schedule: list[int]
) -> None:
    engine = new_engine()
    engine.sets(
        "frequency_caps",
        [
            {
                "channel": one.channel,
                "message_class": "marketing",
                "max_messages": one.most,
                "window_hours": one.hours,
                "when_binding": one.binding,
            }
            for one in limits
        ],
    )
    engine.defines(
        *(flow(name, steps, hold_out="30%", enter_within="9 days") for name, steps in STEPS.items())
    )
    for number, person in enumerate(persons):
        lives(engine, f"p{number}", person)
    now, settled = DST, set[tuple[object, ...]]()
    for gap in schedule:
        now += timedelta(hours=gap)
        engine.runs(now)
        final = set(engine.rows("select * from send_list where status != 'deferred'"))
        assert settled <= final, "a decision was changed"
        settled = final
    every_candidate_is_there_once(engine)
    no_cap_is_exceeded(engine, limits)
    nobody_is_woken(engine, persons)
    only_who_may_be_written_to(engine, persons)


def lives(engine: Engine, profile: str, person: Person) -> None:
    """Puts a person with all that happens to them into the shop."""
    engine.has_profile(
        profile,
        consent=person.consents,
        time_zone=person.zone,
        **({} if person.has_phone else {"phone": None}),
    )
    if person.is_suppressed:
        engine.suppresses("email", f"{profile}@example.com", "complained")
    for name, hour in zip(STEPS, person.enters, strict=True):
        engine.enters(profile, name, at=DST + timedelta(hours=hour))


def every_candidate_is_there_once(engine: Engine) -> None:
    decided = engine.rows("select flow, entry_id, step from int_flow_log where kind = 'decided' order by all")
    assert engine.rows("select flow, entry_id, step from send_list order by all") == decided
    assert {
        reason for (reason,) in engine.rows("select reason from send_list where status != 'scheduled'")
    } <= REASONS
    assert engine.rows("select * from send_list where (status = 'scheduled') != (reason is null)") == []


def no_cap_is_exceeded(engine: Engine, limits: list[Cap]) -> None:
    for one in limits:
        assert (
            engine.rows(
                """
            select late.message_id from send_list as late, send_list as early
            where late.status = 'scheduled' and early.status = 'scheduled' and late.profile_id = early.profile_id
                and ? in (late.channel, '*') and ? in (early.channel, '*')
                and early.due_at > late.due_at - to_hours(?) and early.due_at <= late.due_at
            group by all having count(*) > ?""",
                [one.channel, one.channel, one.hours, one.most],
            )
            == []
        )


def nobody_is_woken(engine: Engine, persons: list[Person]) -> None:
    for profile, channel, due_at in scheduled(engine):
        zone = ZoneInfo(persons[int(profile[1:])].zone)
        starts, ends = QUIET.get(channel, (24, 0))
        hour = due_at.replace(tzinfo=ZoneInfo("UTC")).astimezone(zone).hour
        assert ends <= hour < starts, f"{channel} to {zone} at {hour}"


def only_who_may_be_written_to(engine: Engine, persons: list[Person]) -> None:
    for profile, channel, _ in scheduled(engine):
        person = persons[int(profile[1:])]
        assert person.consents
        assert not (channel == "email" and person.is_suppressed)
        assert not (channel == "sms" and not person.has_phone)
    assert (
        engine.rows("""select message_id from send_list inner join flow_entries using (flow, entry_id)
                       where held_out and (status != 'skipped' or reason != 'held_out')""")
        == []
    )


def scheduled(engine: Engine) -> Iterator[tuple[str, str, datetime]]:
    """Person, channel and moment of each message that goes."""
    yield from engine.rows("select profile_id, channel, due_at from send_list where status = 'scheduled'")
