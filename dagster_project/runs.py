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
        as_of timestamp, project_fingerprint text, message_count bigint, marketing_count bigint,
        consent_share double, failed_share double, is_blocked boolean, verdicts json, recorded_at timestamp
    )""",
    """create table if not exists raw_runs.releases (
        run_as_of timestamp, message_count bigint, released_by text, reason text, released_at timestamp
    )""",
)


@dataclass(frozen=True)
class Run:
    """One tick as the log keeps it: its moment, the project it ran, the size of its list, whether it was held."""

    as_of: datetime
    project_fingerprint: str
    message_count: int
    consent_share: float | None
    is_blocked: bool


@dataclass(frozen=True)
class Release:
    """A named person's word that one blocked list may go, up to the size that was seen."""

    run_as_of: datetime
    message_count: int
    released_by: str


class NothingBlockedError(LookupError):
    """The last run was not blocked: there is nothing to release."""


def ensure_run_tables(warehouse: Warehouse) -> None:
    """Create the run log when it is missing."""
    for statement in TABLES:
        warehouse.execute(statement)


def last_run(warehouse: Warehouse) -> Run | None:
    """The latest run on record, none on a new installation."""
    found = history(warehouse, limit=1)
    return found[0] if found else None


def history(warehouse: Warehouse, *, limit: int = 24 * 28) -> list[Run]:
    """Runs on record, latest first; four weeks of hours by default."""
    rows = warehouse.query(
        """select as_of, project_fingerprint, message_count, consent_share, is_blocked
        from raw_runs.runs order by as_of desc, recorded_at desc limit ?""",
        [limit],
    ).to_pylist()
    return [Run(**row) for row in rows]


def record(
    warehouse: Warehouse, as_of: datetime, fingerprint: str, facts: ListFacts, verdicts: Sequence[Verdict]
) -> None:
    """Append one run; a moment that is computed twice stands twice, the later row counts."""
    warehouse.execute(
        "insert into raw_runs.runs values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            as_of,
            fingerprint,
            facts.message_count,
            facts.marketing_count,
            facts.consent_share,
            facts.failed_share,
            any(verdict.blocks for verdict in verdicts),
            json.dumps([asdict(verdict) for verdict in verdicts]),
            utc_now(),
        ],
    )


def release(warehouse: Warehouse, *, by: str, reason: str) -> Release:
    """Let the last run's blocked list go, under a person's name.

    Raises:
        NothingBlockedError: when the last run was not blocked.
    """
    run = last_run(warehouse)
    if run is None or not run.is_blocked:
        raise NothingBlockedError("the last list was not blocked: there is nothing to release")
    warehouse.execute(
        "insert into raw_runs.releases values (?, ?, ?, ?, ?)",
        [run.as_of, run.message_count, by, reason, utc_now()],
    )
    return Release(run.as_of, run.message_count, by)


def open_release(warehouse: Warehouse) -> Release | None:
    """The release of the latest run, if that run was blocked and a person released it."""
    run = last_run(warehouse)
    if run is None or not run.is_blocked:
        return None
    rows = warehouse.query(
        """select run_as_of, message_count, released_by from raw_runs.releases
        where run_as_of = ? order by released_at desc limit 1""",
        [run.as_of],
    ).to_pylist()
    return Release(**rows[0]) if rows else None


def utc_now() -> datetime:
    """Naive UTC wall-clock time, as everything in the warehouse is."""
    return datetime.now(UTC).replace(tzinfo=None)
