"""The flow engine and the guardrails alone, in memory: dbt compiles their SQL once, each run only sets `as_of`.

A tick of the whole project costs seconds, a run here some 0.1 s, so that properties can be tried over many histories.
What is read from other packages (profiles, signals, consents, …) are plain tables that a test fills.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

import duckdb
import pyarrow as pa

from dagster_project.flows.compile import write_flows
from dagster_project.flows.registry import Flow, parse_flow
from dagster_project.settings import CHECKOUT
from dagster_project.tick import LONGEST_PAUSE
from dagster_project.warehouse import RAW_TABLES
from tests.dbt.compiled import Compiled, compile_models, moved_to

START = datetime(2026, 3, 2, 8)
"""A Monday at 08:00 UTC, when tests begin."""

VIEWS = (
    "stg_flows__flows",
    "stg_flows__flow_steps",
    "stg_flows__flow_arms",
    "stg_flows__flow_conditions",
    "stg_flows__flow_exits",
    "stg_measurement__allocations",
    "int_flow_steps",
    "int_flow_exits",
    "int_flow_candidates",
    "int_recipient_quiet_hours",
)
TABLES = ("int_flow_identifiers",)
"""What a run makes anew before it writes its ledgers."""

RESULTS = ("flow_entries", "flow_decisions", "send_list")
LEDGERS = {
    "int_flow_log": ("int_profile_signals",),
    "int_flow_first_entries": (),
    "int_send_decisions": ("int_message_candidates",),
}
"""Ledgers in the order in which a run writes them, with the views that stand between."""

FLOWS = ("welcome", "cart_recovery", "win_back")
"""Names under which a test may define flows: the registry that is compiled in."""

FED = {
    **{
        f"flows.flow_{flow}": "entry_id text, profile_id text, entered_at timestamp, exits_count_from timestamp, "
        "context json"
        for flow in FLOWS
    },
    "intermediate.int_signals": "identifier_id text, signal text, occurred_at timestamp, seen_at timestamp, reference text",
    "intermediate.int_events": "source text, received_at timestamp, seen_at timestamp",
    "intermediate.int_identifier_profiles": "identifier_id text, identifier_type text, identifier text, "
    "profile_id text, moved_at timestamp",
    "intermediate.int_profiles_unlinked": "profile_id text, former_profile_id text, linked_at timestamp, "
    "unlinked_at timestamp",
    "profiles.profiles": "profile_id text, email text, phone text, push_token text, time_zone text, country text, "
    "tier text, order_count bigint",
    "profiles.consents": "profile_id text, channel text, purpose text, status text, consent_id text",
    "profiles.suppressions": "channel text, address text, reason text",
    "segments.segment_memberships": "profile_id text, segment text, exited_at timestamp",
    "predictions.send_hours": "local_hour integer, share double, prior_weight double",
    "intermediate.int_profile_hours": "split text, profile_id text, local_hour integer, evidence double",
}
SEEDS = ("message_classes", "frequency_caps", "quiet_hours", "country_time_zones")


def compile_engine(home: Path) -> Compiled:
    """The engine's SQL; `home` is an empty folder."""
    names = [*VIEWS, *TABLES, *RESULTS, *LEDGERS, *(name for views in LEDGERS.values() for name in views)]
    return compile_models(home, names, LEDGERS, flows=[f"flow_{flow}" for flow in FLOWS])


@dataclass
class Engine:
    """One shop in memory. Times are naive UTC; `now` is the moment of the last run."""

    sql: Compiled
    now: datetime = START
    connection: duckdb.DuckDBPyConnection = field(default_factory=duckdb.connect)
    _waiting: list[tuple[str, str, datetime, datetime]] = field(default_factory=list)
    _joining: list[tuple[str, str]] = field(default_factory=list)
    _has_changed: bool = True

    def __post_init__(self) -> None:
        self.execute("set TimeZone = 'UTC'")
        self.execute("set threads = 1")
        self.execute("attach ':memory:' as warehouse")
        self.execute("use warehouse")
        schemas = {name.split(".")[0] for name in (*FED, *RAW_TABLES, *self.sql.relations.values())} | {
            "settings"
        }
        for schema in sorted(schemas):
            self.execute(f"create schema {schema}")
        for name, columns in {**RAW_TABLES, **FED}.items():
            self.execute(f"create table {name} ({columns})")
        for seed in SEEDS:
            with (CHECKOUT / "dbt" / "seeds" / f"{seed}.csv").open() as file:
                self.sets(seed, list(csv.DictReader(file)))
        for view in VIEWS:
            self._create_view(view)
        for table in TABLES:
            self._create_table(table, self.sql.first[table], START)
        for ledger, views in LEDGERS.items():
            for view in views:
                self._create_view(view)
            self.execute(
                f"create table {self.sql.relations[ledger]} as "
                f"select * from ({moved_to(self.sql.first[ledger], START)}) limit 0"
            )
        for view in RESULTS:
            self._create_view(view)

    # What there is ------------------------------------------------------------------------------------------------

    def sets(self, seed: str, rows: Sequence[dict[str, Any]]) -> None:
        """Replace a table of settings (frequency_caps, quiet_hours, …)."""
        columns = ", ".join(
            f"{name} {'bigint' if str(value).isdigit() else 'text'}" for name, value in rows[0].items()
        )
        self.execute(f"create or replace table settings.{seed} ({columns})")
        for row in rows:
            self.execute(
                f"insert into settings.{seed} values ({', '.join('?' * len(row))})", list(row.values())
            )

    def defines(self, *flows: Flow) -> None:
        """Make these flows the live ones, all others are removed."""
        write_flows(self, flows, self.now)  # type: ignore[arg-type]
        self._has_changed = True

    def has_profile(
        self, profile: str, *, also: Sequence[str] = (), consent: bool = True, **traits: Any
    ) -> None:
        """A person whom every channel reaches, unless said otherwise."""
        row = {
            "profile_id": profile,
            "email": f"{profile}@example.com",
            "phone": f"+49{profile}",
            "push_token": f"token-{profile}",
            "time_zone": "UTC",
            "country": None,
            "tier": None,
            "order_count": 0,
        } | traits
        self._insert("profiles.profiles", row)
        for identifier in (profile, *also):
            self._insert(
                "intermediate.int_identifier_profiles", {"identifier_id": identifier, "profile_id": profile}
            )
        for channel in ("email", "sms", "push") if consent else ():
            self._insert(
                "profiles.consents",
                {
                    "profile_id": profile,
                    "channel": channel,
                    "purpose": "marketing",
                    "status": "subscribed",
                    "consent_id": f"consent-{profile}-{channel}",
                },
            )

    def consents(self, profile: str, channel: str, purpose: str, status: str) -> None:
        """What a person last said about a purpose."""
        self._insert(
            "profiles.consents",
            {
                "profile_id": profile,
                "channel": channel,
                "purpose": purpose,
                "status": status,
                "consent_id": f"{status}-{profile}",
            },
        )

    def suppresses(self, channel: str, address: str, reason: str) -> None:
        """An address that must not be written to, on one channel or on all ("*")."""
        self._insert("profiles.suppressions", {"channel": channel, "address": address, "reason": reason})

    def enters(
        self, profile: str, flow: str, *, at: datetime, entry: str | None = None, left: datetime | None = None
    ) -> None:
        """The flow's SQL returns this row from now on; exits of cart recovery count from when the cart was `left`."""
        self._insert(
            f"flows.flow_{flow}",
            {
                "entry_id": entry or f"{flow}-{profile}-{at:%d%H%M}",
                "profile_id": profile,
                "entered_at": at,
                "exits_count_from": left,
                "context": "{}",
            },
        )

    def signals(self, identifier: str, signal: str, *, at: datetime, arrives: datetime | None = None) -> None:
        """Something a person did; the first run after it arrives sees it."""
        self._waiting.append((identifier, signal, at, arrives or at))

    def joins(self, profile: str, segment: str) -> None:
        """A profile becomes a member of a segment."""
        self._insert(
            "segments.segment_memberships", {"profile_id": profile, "segment": segment, "exited_at": None}
        )

    def leaves(self, profile: str, segment: str, *, at: datetime) -> None:
        """A profile is no longer a member of a segment."""
        self.execute(
            "update segments.segment_memberships set exited_at = ? where profile_id = ? and segment = ?",
            [at, profile, segment],
        )

    def merges(self, profile: str, *, into: str) -> None:
        """Two profiles turn out to be one person; the next run learns it."""
        self._joining.append((profile, into))

    def _join(self, profile: str, into: str, at: datetime) -> None:
        self.execute(
            "update intermediate.int_identifier_profiles set profile_id = ?, moved_at = ? where profile_id = ?",
            [into, at, profile],
        )
        self.execute("delete from profiles.profiles where profile_id = ?", [profile])
        for flow in FLOWS:
            self.execute(f"update flows.flow_{flow} set profile_id = ? where profile_id = ?", [into, profile])

    def unlinks(self, profile: str, *, out_of: str, linked_at: datetime) -> None:
        """Two people who were taken for one since `linked_at` have their own profiles again."""
        while self._joining:
            self._join(*self._joining.pop(0), self.now)
        self.execute("delete from intermediate.int_identifier_profiles where identifier_id = ?", [profile])
        self.execute("delete from profiles.consents where profile_id = ?", [profile])
        self.has_profile(profile)
        for one, other in ((profile, out_of), (out_of, profile)):
            row = {"profile_id": one, "former_profile_id": other}
            self._insert(
                "intermediate.int_profiles_unlinked", row | {"linked_at": linked_at, "unlinked_at": self.now}
            )

    # What happens -------------------------------------------------------------------------------------------------

    def runs(self, at: datetime, *, killed_after: str | None = None, feed_is_fresh: bool = True) -> None:
        """One tick, or the whole project when flows have changed since the last or it is long ago.

        With `killed_after`, the process dies once that ledger is written.
        """
        is_tick = not self._has_changed and at - self.now < LONGEST_PAUSE
        sql = self.sql.tick if is_tick else self.sql.later
        self.now = max(at, self.now)
        while self._joining:
            self._join(*self._joining.pop(0), at)
        if feed_is_fresh:
            self._insert("intermediate.int_events", {"source": "shop", "received_at": at, "seen_at": at})
        for signal in [item for item in self._waiting if item[3] <= at]:
            self._waiting.remove(signal)
            self.execute("insert into intermediate.int_signals values (?, ?, ?, ?, null)", [*signal[:3], at])
        for table in TABLES:
            self._create_table(table, sql[table], at)
        for ledger in LEDGERS:
            self.execute(f"insert into {self.sql.relations[ledger]} by name {moved_to(sql[ledger], at)}")
            if ledger == killed_after:
                return
        self._has_changed = False

    def runs_at(self, *moments: datetime) -> None:
        """Several ticks."""
        for moment in moments:
            self.runs(moment)

    # What came of it ----------------------------------------------------------------------------------------------

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of a SELECT over the public tables by bare name."""
        self.execute("set search_path = 'flows,sends,intermediate,profiles,settings'")
        return self.connection.execute(sql, list(parameters)).fetchall()

    def decisions(self, profile: str) -> list[tuple[datetime, str, str]]:
        """When, which step, with what outcome."""
        return self.rows(
            "select decided_at, step, outcome from flow_decisions where profile_id = ? order by all",
            [profile],
        )

    def exits(self, profile: str) -> list[tuple[datetime | None, str | None]]:
        """When and why the entries of a profile ended, in the order of entering."""
        return self.rows(
            "select exited_at, exit_reason from flow_entries where profile_id = ? order by entered_at",
            [profile],
        )

    def messages(self, profile: str) -> list[tuple[str, str, str | None]]:
        """Template, status and reason of each candidate message, in the order of decision."""
        return self.rows(
            "select template, status, reason from send_list where profile_id = ? "
            "order by decided_at, priority desc, template",
            [profile],
        )

    # The part of `Warehouse` that `write_flows` needs --------------------------------------------------------------

    def query(self, sql: str) -> pa.Table:
        return self.connection.sql(sql).to_arrow_table()

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        self.connection.execute(sql, list(parameters)).fetchall()

    def load(self, table: str, rows: pa.Table) -> None:
        self.connection.register("arriving_rows", rows)
        self.execute(f"insert into {table} by name select * from arriving_rows")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        yield

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def _create_view(self, name: str) -> None:
        self.execute(f"create or replace view {self.sql.relations[name]} as {self.sql.later[name]}")

    def _create_table(self, name: str, sql: str, at: datetime) -> None:
        self.execute(f"create or replace table {self.sql.relations[name]} as {moved_to(sql, at)}")

    def _insert(self, table: str, row: dict[str, Any]) -> None:
        self.execute(
            f"insert into {table} ({', '.join(row)}) values ({', '.join('?' * len(row))})", list(row.values())
        )


NewEngine = Callable[[], Engine]


def flow(name: str, steps: str, **words: str) -> Flow:
    """A flow from its YAML: `steps` as under `steps:`, other words on one line each (`exit_on="[ordered]"`)."""
    said = "".join(f"          {word}: {value}\n" for word, value in words.items())
    listed = "\n".join("            " + line for line in steps.strip("\n").splitlines())
    text = (
        f"models:\n  - name: flow_{name}\n    config:\n      meta:\n        owner: team:tests\n        flow:\n"
        f"{said}          steps:\n{listed}\n"
    )
    return parse_flow(f"flow_{name}", text, f"flow_{name}.yml")


def after(**duration: int) -> datetime:
    """A moment after the start of the test."""
    return START + timedelta(**duration)
