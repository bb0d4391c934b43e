"""What is held stays held: circuit breakers over the run log, one list after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dagster_project import runs
from dagster_project.checks import RELEASE_SLACK, ListFacts, Verdict, decide, judge, look
from dagster_project.warehouse.duckdb import DuckDBWarehouse

NOON = datetime.fromisoformat("2026-11-20T12:00")
ORDINARY = ListFacts(message_count=1_000, new_count=1_000, consent_share=0.5)
SECOND, MINUTE, HOUR, DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))
EIGHT = datetime.fromisoformat("2026-11-20T08:00")
WHAT_A_LIST_IS_READ_FROM = """
    create schema sends;
    create schema intermediate;
    create schema profiles;
    create table sends.outbox as
        select i as message_id, timestamp '2026-11-19 21:50' as decided_at, 'marketing' as message_class,
            'email' as channel, 'c' as consent_id,
            case i when 0 then timestamp '2026-11-20 07:00' else timestamp '2026-11-20 08:00' end as due_at
        from range(901) as messages(i);
    create table intermediate.int_send_decisions (message_id text, reason text, evaluated_at timestamp);
    create table intermediate.int_signals (message_id text, signal text, occurred_at timestamp);
    create table profiles.profiles (profile_id text, email text);
    create table profiles.consents (profile_id text, channel text, purpose text, status text)"""


@dataclass
class Log:
    """A run log in which lists are judged as a tick judges them; what goes is no longer due."""

    warehouse: DuckDBWarehouse
    waiting: list[tuple[datetime, int]] = field(default_factory=list)
    released_at: datetime | None = None

    def __post_init__(self) -> None:
        runs.ensure_run_tables(self.warehouse)

    def judge(self, at: datetime, facts: ListFacts) -> list[Verdict]:
        verdicts = judge(self.warehouse, at, facts)
        runs.record_list(self.warehouse, at, facts, verdicts)
        return verdicts

    def run(self, at: datetime, added: int = 0, *, sends: bool = True, **facts: float) -> frozenset[str]:
        """Messages are decided, the list is judged, and goes when nothing objects: names of the objections."""
        self.waiting += [(at, added)] if added else []
        count = sum(size for _, size in self.waiting)
        since = self.released_at
        unseen = sum(size for decided_at, size in self.waiting if since and decided_at > since)
        verdicts = self.judge(at, replace(ListFacts(count, count, **facts), unseen_count=unseen))
        objections = frozenset(verdict.check for verdict in verdicts if verdict.blocks)
        if sends and not objections:
            self.waiting = []
        return objections

    def release(self) -> None:
        self.released_at = runs.release(self.warehouse, by="Ada Lovelace", reason="seen").list_as_of


@contextmanager
def four_fridays(folder: Path) -> Iterator[Log]:
    """A log of four Fridays on which a thousand messages went at noon."""
    with DuckDBWarehouse(folder / "log.duckdb") as warehouse:
        log = Log(warehouse)
        for weeks in (4, 3, 2, 1):
            log.judge(NOON - weeks * 7 * DAY, ORDINARY)
        yield log


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    with four_fridays(tmp_path) as kept:
        yield kept


WAITS = [20 * SECOND, 30 * MINUTE, HOUR, 6 * HOUR, DAY, 8 * DAY]


@pytest.mark.parametrize("wait", WAITS)
def test_a_held_list_is_still_held_at_the_next_run(log, wait):
    assert log.run(NOON, 5_000) == {"list_size_is_usual"}
    assert log.run(NOON + wait) == {"list_size_is_usual"}


def test_a_held_list_is_held_at_every_turn_of_the_hot_lane_until_a_person_releases_it(log):
    turns = [log.run(NOON + turn * MINUTE, 5_000 if turn == 0 else 1) for turn in range(90)]
    assert set(turns) == {frozenset({"list_size_is_usual"})}
    log.release()
    assert log.run(NOON + 2 * HOUR) == frozenset()


def test_a_held_list_that_shrinks_to_the_usual_goes(log):
    log.run(NOON, 5_000)
    log.waiting = [(NOON, 900)]
    assert log.run(NOON + MINUTE) == frozenset()


def test_a_release_outlasts_turns_of_the_hot_lane_and_ends_when_the_list_has_gone(log):
    log.run(NOON, 5_000)
    log.release()
    for turn in range(1, 60):
        assert log.run(NOON + turn * MINUTE, 2, sends=False) == frozenset()
    assert log.run(NOON + HOUR) == frozenset()
    assert log.run(NOON + HOUR + MINUTE, 5_000) == {"list_size_is_usual"}


def test_a_release_does_not_cover_what_comes_while_the_rest_of_the_released_list_waits(log):
    log.run(NOON, 5_000)
    log.release()
    log.waiting = [(NOON, 100)]
    assert log.run(NOON + MINUTE, 4_000) == {"list_size_is_usual"}


def test_a_release_of_a_large_list_is_no_history_for_the_rest_of_the_day(log):
    log.run(NOON, 5_000)
    log.release()
    log.run(NOON + MINUTE)
    log.run(NOON + 2 * MINUTE, 10)
    assert log.run(NOON + 30 * MINUTE, 4_000) == {"list_size_is_usual"}


def test_the_release_of_an_empty_list_ends_with_the_next_messages(log):
    assert log.run(NOON) == {"list_is_not_empty"}
    log.release()
    assert log.run(NOON + MINUTE) == frozenset()
    assert log.run(NOON + 2 * MINUTE) == frozenset()
    assert log.run(NOON + 3 * MINUTE, 10) == frozenset()
    assert runs.open_release(log.warehouse) is None


def test_an_empty_list_that_is_held_makes_no_empty_list_usual(log):
    assert [log.run(NOON + wait) for wait in (timedelta(0), 20 * SECOND, HOUR)] == [{"list_is_not_empty"}] * 3


@pytest.mark.parametrize("wait", WAITS)
def test_an_empty_list_does_not_carry_a_jump_of_consent_past_the_breaker(log, wait):
    log.run(NOON - 30 * MINUTE, 40, consent_share=0.5)
    log.run(NOON, consent_share=0.9)
    assert log.run(NOON + wait, 40, consent_share=0.9) == {"consent_share_is_steady"}


def test_a_list_of_which_no_share_is_known_does_not_carry_a_jump_of_consent_past_the_breaker(log):
    log.run(NOON, 40)
    assert log.run(NOON + MINUTE, 40, consent_share=0.9) == {"consent_share_is_steady"}


@pytest.mark.parametrize("wait", WAITS)
def test_a_list_that_was_held_for_failures_does_not_go_because_they_are_forgotten(log, wait):
    assert log.run(NOON, 40, sent_count=100, failed_count=30) == {"messages_arrive"}
    assert log.run(NOON + wait, sent_count=0) == {"messages_arrive"}
    log.release()
    assert log.run(NOON + wait + MINUTE, sent_count=0) == frozenset()
    assert log.run(NOON + wait + HOUR, 40, sent_count=40) == frozenset()


def test_a_hold_for_failures_outlasts_a_list_on_which_nothing_is_left(log):
    log.run(NOON, 40, sent_count=100, failed_count=30)
    log.waiting = []
    log.run(NOON + DAY, sent_count=0)
    assert log.run(NOON + DAY + HOUR, 40, sent_count=0) == {"messages_arrive"}


def test_a_message_is_new_when_it_comes_on_the_list_however_long_it_has_waited_for_its_hour(tmp_path):
    """Nine hundred were decided in the evening and scheduled for eight in the morning; one came at seven."""
    with DuckDBWarehouse(tmp_path / "log.duckdb") as warehouse:
        runs.ensure_run_tables(warehouse)
        for statement in WHAT_A_LIST_IS_READ_FROM.split(";"):
            warehouse.execute(statement)
        for hours in (10, 1):
            runs.record_list(warehouse, EIGHT - hours * HOUR, ORDINARY, [])
        assert (look(warehouse, EIGHT).message_count, look(warehouse, EIGHT).new_count) == (901, 900)
        stopped = [Verdict("list_size_is_usual", "blocked", "1,000 messages")]
        runs.record_list(warehouse, EIGHT - 30 * MINUTE, ORDINARY, stopped)
        runs.release(warehouse, by="Ada Lovelace", reason="seen")
        assert look(warehouse, EIGHT).unseen_count == 900


@dataclass(frozen=True)
class Turn:
    """One run in a random history: how long after the last, what is new, what the world looks like."""

    wait: timedelta
    added: int
    consent_share: float | None
    failed_count: int


TURNS = st.builds(
    Turn,
    st.sampled_from([*WAITS, 7 * DAY]),
    st.sampled_from([0, 0, 1, 40, 900, 5_000]),
    st.sampled_from([None, 0.5, 0.5, 0.55, 0.9]),
    st.sampled_from([0, 0, 0, 30]),
)
LATER = st.lists(st.tuples(st.sampled_from(WAITS), st.sampled_from([0, 0, 1, 900])), min_size=1, max_size=5)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(TURNS, max_size=8), LATER)
@example([Turn(DAY, 5_000, 0.5, 0)], [(HOUR, 0)])
def test_a_list_that_objects_never_goes_by_itself(
    turns: Sequence[Turn], later: Sequence[tuple[timedelta, int]]
):
    """Whatever came before, whenever one looks again: only a person's release lets it go, and then it goes."""
    with TemporaryDirectory() as folder, four_fridays(Path(folder)) as log:
        at = NOON
        for turn in turns:
            held = bool(log.run(at, turn.added, **world(turn)))
            if held and log.waiting:
                break
            at += turn.wait
        else:
            return
        for wait, added in later:
            at += wait
            assert log.run(at, added, **world(turn, failed_count=0 if wait >= DAY else turn.failed_count))
        log.release()
        assert log.run(at + MINUTE, **world(turn)) == frozenset()


def world(turn: Turn, failed_count: int | None = None) -> dict[str, float]:
    """Facts about the world as a turn finds it."""
    failed = turn.failed_count if failed_count is None else failed_count
    share = {} if turn.consent_share is None else {"consent_share": turn.consent_share}
    return {**share, "sent_count": 100 if failed else 0, "failed_count": failed}


@given(st.integers(1, 5_000), st.integers(0, 5_000), st.integers(0, 5_000))
def test_what_a_release_covers_is_little_more_than_what_the_person_saw(released, still_due, unseen):
    facts = ListFacts(still_due + unseen, unseen_count=unseen, sent_count=100, failed_count=30)
    by_ada = runs.Release(NOON, released, "Ada")
    goes = not any(verdict.blocks for verdict in decide(facts, [], NOON, by_ada))
    is_little = max(facts.message_count, released + unseen) <= RELEASE_SLACK * released
    assert goes is (still_due > 0 and is_little)
