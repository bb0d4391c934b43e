"""The run log: which moments were computed, what each list looked like, and who released a blocked one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagster_project.checks import ListFacts, Verdict
    from dagster_project.warehouse import Warehouse

TABLES = (
    "create schema if not exists raw_runs",
    """create table if not exists raw_runs.runs (
        as_of timestamp, project_fingerprint text, node_count bigint, seconds double, finished_at timestamp
    )""",
    """create table if not exists raw_runs.lists (
        as_of timestamp, message_count bigint, consent_share double, failed_share double,
        is_blocked boolean, verdicts json, judged_at timestamp
    )""",
    "create table if not exists raw_runs.nights (as_of timestamp, node_count bigint, finished_at timestamp)",
    "alter table raw_runs.lists add column if not exists new_count bigint",
    """create table if not exists raw_runs.releases (
        list_as_of timestamp, message_count bigint, released_by text, reason text, released_at timestamp
    )""",
)
FOUR_WEEKS_OF_HOURS = 24 * 28


@dataclass(frozen=True)
class Run:
    """One computed moment, and the state of the dbt project that computed it."""

    as_of: datetime
    project_fingerprint: str


@dataclass(frozen=True)
class JudgedList:
    """One list that was due: its moment, its size, the share of people who consent, whether it was held.

    An hour's lists as one: what went of them; the consent share is that of the last with messages that went.
    """

    as_of: datetime
    message_count: int
    consent_share: float | None
    is_blocked: bool


@dataclass(frozen=True)
class Release:
    """A named person's word that one blocked list may go, up to the size that was seen."""

    list_as_of: datetime
    message_count: int
    released_by: str


@dataclass(frozen=True)
class Hold:
    """What the list before this one was held for.

    Attributes:
        checks: names of the circuit breakers that blocked it.
        unusual_since: the first of an unbroken row of lists that were unusually large, released or not.
    """

    checks: frozenset[str] = frozenset()
    unusual_since: datetime | None = None


NO_HOLD = Hold()


class TimeRunsForwardError(ValueError):
    """The moment asked for lies before one that has decided or scored: neither is ever taken back."""


class NothingBlockedError(LookupError):
    """The last list was not blocked: there is nothing to release."""


def ensure_run_tables(warehouse: Warehouse) -> None:
    """Create the run log when it is missing."""
    for statement in TABLES:
        warehouse.execute(statement)


def last_run(warehouse: Warehouse) -> Run | None:
    """The latest moment that was computed; none on a new installation."""
    rows = warehouse.query(
        "select as_of, project_fingerprint from raw_runs.runs order by as_of desc, finished_at desc limit 1"
    ).to_pylist()
    return Run(**rows[0]) if rows else None


def no_way_back(warehouse: Warehouse, as_of: datetime) -> None:
    """Refuse a moment before the last one.

    Raises:
        TimeRunsForwardError: with what to do instead.
    """
    last = last_run(warehouse)
    if last and as_of < last.as_of:
        raise TimeRunsForwardError(
            f"{as_of:%Y-%m-%d %H:%M:%S} lies before the last run, {last.as_of:%Y-%m-%d %H:%M:%S}: "
            "decisions are never taken back. Use a later --as-of, or another MILLRACE_HOME for a replay."
        )


def record_run(warehouse: Warehouse, as_of: datetime, fingerprint: str, nodes: int, seconds: float) -> None:
    """Append one computed moment."""
    warehouse.execute(
        "insert into raw_runs.runs values (?, ?, ?, ?, ?)", [as_of, fingerprint, nodes, seconds, utc_now()]
    )


def record_night(warehouse: Warehouse, as_of: datetime, nodes: int) -> None:
    """Append one night of models that may be a day old."""
    ensure_run_tables(warehouse)
    warehouse.execute("insert into raw_runs.nights values (?, ?, ?)", [as_of, nodes, utc_now()])


def judged_lists(warehouse: Warehouse, *, limit: int = FOUR_WEEKS_OF_HOURS) -> list[JudgedList]:
    """Lists on record, latest first; a list that was judged twice stands with its last judgement."""
    rows = warehouse.query(
        """select as_of, message_count, consent_share, is_blocked from raw_runs.lists
        qualify row_number() over (partition by as_of order by judged_at desc) = 1
        order by as_of desc limit ?""",
        [limit],
    ).to_pylist()
    return [JudgedList(**row) for row in rows]


def hourly_lists(
    warehouse: Warehouse, before: datetime, *, limit: int = FOUR_WEEKS_OF_HOURS
) -> list[JudgedList]:
    """The lists of each hour as one, latest first: runs that follow each other closely share its messages.

    Its size is what was new on those that went; a list of before that was counted counts whole. An hour in
    which every list was held stands as held, with the largest.
    """
    rows = warehouse.query(
        """with judged as (
            select *, message_count > 0 and consent_share is not null and not is_blocked as is_base
            from raw_runs.lists where as_of < ?
            qualify row_number() over (partition by as_of order by judged_at desc) = 1
        )
        select
            coalesce(max(as_of) filter (where not is_blocked), max(as_of)) as as_of,
            cast(coalesce(
                sum(coalesce(new_count, message_count)) filter (where not is_blocked), max(message_count)
            ) as bigint) as message_count,
            max_by(consent_share, as_of) filter (where is_base) as consent_share,
            bool_and(is_blocked) as is_blocked
        from judged group by date_trunc('hour', judged.as_of) order by 1 desc limit ?""",
        [before, limit],
    ).to_pylist()
    return [JudgedList(**row) for row in rows]


def last_hold(warehouse: Warehouse, before: datetime, size_check: str) -> Hold:
    """What the last list with messages before a moment was held for: with none there is nothing to judge.

    Args:
        warehouse: where the run log is.
        before: the moment whose list is judged now.
        size_check: name of the circuit breaker whose objections `unusual_since` counts.
    """
    last = warehouse.query(
        """select verdicts from raw_runs.lists
        where as_of < ? and message_count > 0 order by as_of desc, judged_at desc limit 1""",
        [before],
    ).to_pylist()
    severities = {said["check"]: said["severity"] for said in json.loads(last[0]["verdicts"])} if last else {}
    blocked = frozenset(check for check, severity in severities.items() if severity == "blocked")
    if severities.get(size_check, "ok") == "ok":
        return Hold(blocked)
    since = warehouse.query(
        """with judged as (
            select as_of, json_contains(verdicts, ?) as is_usual from raw_runs.lists
            where as_of < ?
            qualify row_number() over (partition by as_of order by judged_at desc) = 1
        )
        select min(as_of) as since from judged
        where as_of > coalesce((select max(as_of) from judged where is_usual), timestamp '-infinity')""",
        [json.dumps({"check": size_check, "severity": "ok"}), before],
    )
    return Hold(blocked, since["since"][0].as_py())


def record_list(warehouse: Warehouse, as_of: datetime, facts: ListFacts, verdicts: Sequence[Verdict]) -> None:
    """Append one judged list."""
    warehouse.execute(
        "insert into raw_runs.lists values (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            as_of,
            facts.message_count,
            facts.consent_share,
            facts.failed_share,
            any(verdict.blocks for verdict in verdicts),
            json.dumps([asdict(verdict) for verdict in verdicts]),
            utc_now(),
            facts.new_count,
        ],
    )


def release(warehouse: Warehouse, *, by: str, reason: str) -> Release:
    """Let the last list go although it was blocked, under a person's name.

    Raises:
        NothingBlockedError: when the last list was not blocked.
    """
    lists = judged_lists(warehouse, limit=1)
    if not lists or not lists[0].is_blocked:
        raise NothingBlockedError("the last list was not blocked: there is nothing to release")
    warehouse.execute(
        "insert into raw_runs.releases values (?, ?, ?, ?, ?)",
        [lists[0].as_of, lists[0].message_count, by, reason, utc_now()],
    )
    return Release(lists[0].as_of, lists[0].message_count, by)


def open_release(warehouse: Warehouse) -> Release | None:
    """The last release; that of an empty list ends with the next one that has messages.

    Whether anything that was released still waits is a question about the list that is due now.
    """
    rows = warehouse.query(
        """select list_as_of, message_count, released_by from raw_runs.releases
        order by released_at desc limit 1"""
    ).to_pylist()
    if not rows:
        return None
    last = Release(**rows[0])
    later = "select 1 from raw_runs.lists where as_of > ? and message_count > 0 limit 1"
    is_over = last.message_count == 0 and warehouse.query(later, [last.list_as_of]).num_rows > 0
    return None if is_over else last


def utc_now() -> datetime:
    """Naive UTC wall-clock time, as everything in the warehouse is."""
    return datetime.now(UTC).replace(tzinfo=None)
