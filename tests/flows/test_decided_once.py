"""Whatever happens, the log tells the same story as a plain retelling of the rules, one entry at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.flows.engine import START, Engine, NewEngine, after, flow

few_examples = settings(
    max_examples=12, deadline=None, database=None, print_blob=True, suppress_health_check=list(HealthCheck)
)
"""Others in every run of the tests; a failure prints the line that repeats it."""


MAX_AGE = timedelta(days=12)
Plan = tuple[tuple[str, int], ...]
"""A flow as (step, hours of wait): an edit is any other plan over the same few names."""

plans = st.lists(st.sampled_from("abcde"), min_size=1, max_size=4, unique=True).flatmap(
    lambda names: st.tuples(*(st.tuples(st.just(name), st.sampled_from([0, 0, 1, 24, 50])) for name in names))
)
hours = st.integers(0, 24 * 10)


@dataclass(frozen=True)
class Run:
    """One tick, `gap` hours after the last one; perhaps killed and repeated, perhaps after a live edit.

    Attributes:
        gap: hours since the last one.
        edit: the steps from now on.
        is_killed: the process dies after the log is written.
        exits: whether an order ends the flow from now on.
        is_away: the flow is removed; it is back with the next run that does not say so.
    """

    gap: int
    edit: Plan | None = None
    is_killed: bool = False
    exits: bool | None = None
    is_away: bool = False


@dataclass(frozen=True)
class Person:
    """What someone does, in hours since the start.

    Attributes:
        enters: when the flow's SQL names the reason to enter.
        orders: when they order.
        lateness: hours until the order is known; less than 0 when its clock goes ahead.
        joins: when it becomes known that the order was theirs.
        left: how long before the entry the cart was left.
    """

    enters: int
    orders: int | None
    lateness: int = 0
    joins: int = 0
    left: int = 0

    @property
    def order_counts_at(self) -> datetime | None:
        """When an order that ends the flow has happened and is known to be theirs."""
        if self.orders is None or self.orders <= self.enters - self.left:
            return None
        return after(hours=max(self.orders, self.orders + self.lateness, self.joins))


runs = st.lists(
    st.builds(
        Run,
        st.sampled_from([1, 1, 3, 24, 30, 100]),
        st.none() | plans,
        st.booleans(),
        st.sampled_from([None, None, None, True, False]),
        st.sampled_from([False, False, False, True]),
    ),
    min_size=3,
    max_size=9,
)
people = st.lists(
    st.builds(
        Person,
        hours,
        st.none() | hours,
        st.sampled_from([0, 0, 5, 60, -1]),
        st.just(0) | hours,
        st.sampled_from([0, 1, 30]),
    ),
    min_size=6,
    max_size=10,
)


@dataclass
class Retold:
    """The rules of the engine in prose-like Python, for one entry."""

    person: Person
    plan: Plan = ()
    entered: bool = False
    told: list[tuple[datetime, str]] = field(default_factory=list)
    decided: list[str] = field(default_factory=list)
    decided_under: Plan = ()
    decided_at: datetime = START

    def run(self, now: datetime, plan: Plan, *, exits: bool) -> None:
        """What one tick adds to the story."""
        entered_at = after(hours=self.person.enters)
        if any(what.startswith("exit") for _, what in self.told) or entered_at > now:
            return
        self.entered = True
        last = self.decided[-1] if self.decided else None
        following = self.following(plan, last)
        if exits and self.person.order_counts_at and self.person.order_counts_at <= now:
            self.told.append((now, "exit ordered"))
        elif entered_at + MAX_AGE <= now:
            self.told.append((now, "exit expired"))
        elif not following:
            self.told.append((now, "exit flow_changed"))
        elif (self.decided_at if self.decided else entered_at) + timedelta(
            hours=dict(plan)[following[0]]
        ) <= now:
            self.decided.append(following[0])
            self.decided_under, self.decided_at = plan, now
            self.told.append((now, following[0]))
            if following[0] == plan[-1][0]:
                self.told.append((now, "exit completed"))

    def following(self, plan: Plan, last: str | None) -> list[str]:
        """Steps of the live plan that may come next: by name, never one that was decided."""
        names = [name for name, _ in plan]
        start = 0
        if last in names:
            start = names.index(last) + 1
        elif last is not None:
            before = [name for name, _ in self.decided_under]
            survivors = [name for name in before[before.index(last) :] if name in names]
            start = names.index(survivors[0]) if survivors else len(names)
        return [name for name in names[start:] if name not in self.decided]


def yaml_of(plan: Plan) -> str:
    """The steps of a plan as YAML; texts wait for the morning."""
    return "\n".join(
        f"- {{step: {name}, {f'wait: {wait} hours, ' if wait else ''}send: {'sms' if name in 'bd' else 'email'}/{name}}}"
        for name, wait in plan
    )


def define(engine: Engine, plan: Plan, *, exits: bool = True) -> None:
    """Make a plan the live one."""
    engine.defines(
        flow(
            "cart_recovery",
            yaml_of(plan),
            exit_on="[ordered]" if exits else "[]",
            enter_within="60 days",
            max_age=f"{MAX_AGE.days} days",
        )
    )


def shop_with(engine: Engine, persons: list[Person]) -> None:
    """Everybody's history, laid out ahead: runs see of it what they may."""
    for number, person in enumerate(persons):
        engine.has_profile(f"p{number}")
        engine.has_profile(f"visitor{number}")
        entered_at = after(hours=person.enters)
        engine.enters(
            f"p{number}", "cart_recovery", at=entered_at, left=entered_at - timedelta(hours=person.left)
        )
        if person.orders is not None:
            who, ordered_at = f"visitor{number}" if person.joins else f"p{number}", after(hours=person.orders)
            arrives = ordered_at + timedelta(hours=person.lateness)
            engine.signals(who, "ordered", at=ordered_at, arrives=arrives)


def join(engine: Engine, persons: list[Person], since: datetime, now: datetime) -> None:
    """Visitors who turned out to be somebody between two runs."""
    for number, person in enumerate(persons):
        if person.joins and since < after(hours=person.joins) <= now:
            engine.merges(f"visitor{number}", into=f"p{number}")


def story(engine: Engine, profile: str) -> list[tuple[datetime, str]]:
    """Decisions and exit of a profile's entry from the log."""
    return engine.rows(
        """
        select logged_at, case kind when 'decided' then step else 'exit ' || reason end
        from int_flow_log where profile_id = ? and kind != 'entered' order by logged_at, kind""",
        [profile],
    )


@few_examples
@given(first=plans, schedule=runs, persons=people)
def test_the_log_tells_what_the_rules_say(
    new_engine: NewEngine, first: Plan, schedule: list[Run], persons: list[Person]
) -> None:
    """Random histories, random run gaps, random live edits; also killed and repeated runs.

    Orders come late or dated ahead, or are a visitor's until somebody knows who that was; the flow's exits come and go,
    and so does the flow.
    """
    engine, now, plan, exits, was_away = new_engine(), START, first, True, False
    shop_with(engine, persons)
    retold = [Retold(person) for person in persons]
    define(engine, plan)
    for run in schedule:
        join(engine, persons, now, now + timedelta(hours=run.gap))
        now += timedelta(hours=run.gap)
        plan, is_edited = run.edit or plan, bool(run.edit) or run.exits not in (None, exits)
        exits = exits if run.exits is None else run.exits
        if run.is_away:
            engine.defines()
        elif was_away or is_edited:
            define(engine, plan, exits=exits)
        was_away = run.is_away
        if run.is_killed:
            engine.runs(now, killed_after="int_flow_log")
        engine.runs(now)
        for one in () if run.is_away else retold:
            one.run(now, plan, exits=exits)
    assert [story(engine, f"p{number}") for number in range(len(persons))] == [one.told for one in retold]
    assert (
        engine.rows(
            "select flow, entry_id, step from int_flow_log where kind = 'decided' "
            "group by all having count(*) > 1"
        )
        == []
    )
    assert engine.rows("select message_id from send_list group by all having count(*) > 1") == []
    nothing_goes_after_an_exit(engine)
    engine.runs(now + timedelta(days=20))
    assert engine.rows("select * from send_list where status = 'deferred'") == []


def nothing_goes_after_an_exit(engine: Engine) -> None:
    """Not even a message that was decided before and waited."""
    late = engine.rows(
        """
        select message_id from send_list
        inner join int_flow_log as log on send_list.entry_id = log.entry_id and log.reason = 'ordered'
        where send_list.status = 'scheduled' and send_list.due_at >= log.logged_at"""
    )
    assert late == []


@few_examples
@given(first=plans, schedule=runs, persons=people)
def test_a_run_that_is_repeated_changes_nothing(
    new_engine: NewEngine, first: Plan, schedule: list[Run], persons: list[Person]
) -> None:
    engine, now = new_engine(), START
    shop_with(engine, persons)
    define(engine, first)
    for run in schedule:
        now += timedelta(hours=run.gap)
        engine.runs(now)
    before = [
        engine.rows(f"select * from {ledger} order by all")
        for ledger in ("int_flow_log", "int_send_decisions")
    ]
    engine.runs(now)
    engine.runs(now - timedelta(hours=1))
    assert [
        engine.rows(f"select * from {ledger} order by all")
        for ledger in ("int_flow_log", "int_send_decisions")
    ] == before
