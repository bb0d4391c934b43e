"""Identity alone, in memory: dbt compiles the two models once, a run costs milliseconds, so that properties can be tried."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from tests.dbt.compiled import Compiled, compile_models

START = datetime(2026, 3, 1)
LIMITS = {"shared_identifier_limit": 2, "user_ids_per_profile_limit": 1, "identifiers_per_profile_limit": 6}
"""Small, so that random histories reach them."""

MODELS = {
    "int_identifier_links": ("identifier_id", "linked_identifier_id"),
    "int_identifier_profiles": ("identifier_id",),
}
MARKS = ("seen_at", "moved_at", "moved_by_event_id", "former_profile_id")
"""Columns that tell of runs, not of people."""

TYPES = ("user_id", "email", "phone", "external_id", "device_id", "anonymous_id")
EVENTS = """
create table intermediate.int_events (
    event_id text, event_name text, user_id text, email text, phone text, anonymous_id text, external_ids text[],
    device_ids text[], blocked_identifiers struct(type text, value text)[], properties json, occurred_at timestamp,
    seen_at timestamp)
"""


def compile_identity(home: Path) -> Compiled:
    """SQL of the models with `LIMITS`; `home` is an empty folder."""
    return compile_models(home, MODELS, ledgers=MODELS, **LIMITS)


@dataclass(frozen=True, order=True)
class Sighting:
    """An event that names identifiers: (type, value) pairs, at a minute after `START`."""

    minute: int
    event_id: str
    names: frozenset[tuple[str, str]]


@dataclass
class Identity:
    """One shop's identifiers in memory."""

    sql: Compiled
    connection: duckdb.DuckDBPyConnection = field(default_factory=duckdb.connect)
    runs: int = 0

    def __post_init__(self) -> None:
        self.connection.execute("set threads = 1; attach ':memory:' as warehouse; use warehouse")
        self.connection.execute("create schema intermediate")
        self.connection.execute(EVENTS)
        self.connection.execute("create table intermediate.complete_runs (seen_at timestamp)")

    def sees(self, *sightings: Sighting) -> dict[str, int]:
        """One run over these events; the number of rows that each model wrote."""
        return self._run(_event(sighting) for sighting in sightings)

    def hears(self, action: str, minute: int, one: tuple[str, str], other: tuple[str, str]) -> dict[str, int]:
        """One run over a person's word (`Unlinked`, `Relinked`) about two identifiers."""
        weaker, stronger = sorted((one, other), key=strength, reverse=True)
        word = {"identifier_id": hash_of(weaker), "linked_identifier_id": hash_of(stronger)}
        name = f"Identifiers {action}"
        return self._run([(f"word-{minute}", name, *[None] * 7, json.dumps(word), _moment(minute))])

    def rows(self) -> list[tuple[Any, ...]]:
        """Everything about people that the models say, without the marks of runs."""
        return self.connection.execute(
            f"select columns(lambda name: name not in {MARKS}) from intermediate.int_identifier_profiles order by all"
        ).fetchall()

    def people(self) -> set[frozenset[tuple[str, str]]]:
        """The identifiers of each person."""
        persons: dict[str, set[tuple[str, str]]] = {}
        for kind, name, profile in self.connection.execute(
            "select identifier_type, identifier, profile_id from intermediate.int_identifier_profiles"
        ).fetchall():
            persons.setdefault(profile, set()).add((kind, name))
        return {frozenset(names) for names in persons.values()}

    def _run(self, events: Iterable[Sequence[Any]]) -> dict[str, int]:
        self.runs += 1
        seen_at = START + timedelta(days=100 + self.runs)
        for event in events:
            marks = ", ".join("?" * 12)
            self.connection.execute(
                f"insert into intermediate.int_events values ({marks})", [*event, seen_at]
            )
        written = {}
        for name, keys in MODELS.items():
            target = f"intermediate.{name}"
            if self.runs == 1:
                self.connection.execute(f"create table {target} as {self.sql.first[name]}")
                written[name] = len(self.connection.execute(f"from {target}").fetchall())
                continue
            self.connection.execute(f"create or replace temp table arriving as {self.sql.later[name]}")
            same = " and ".join(f"kept.{key} = arriving.{key}" for key in keys)
            self.connection.execute(f"delete from {target} as kept using arriving where {same}")
            self.connection.execute(f"insert into {target} by name from arriving")
            written[name] = len(self.connection.execute("from arriving").fetchall())
        self.connection.execute("insert into intermediate.complete_runs values (?)", [seen_at])
        return written


def strength(name: tuple[str, str]) -> tuple[int, str]:
    """The order from strong to weak."""
    return TYPES.index(name[0]), name[1]


def hash_of(name: tuple[str, str]) -> str:
    """The identifier_id."""
    return hashlib.md5("|".join(name).encode(), usedforsecurity=False).hexdigest()


def _event(sighting: Sighting) -> tuple[Any, ...]:
    def of(kind: str) -> list[str]:
        return sorted(value for named, value in sighting.names if named == kind)

    singles = [next(iter(of(kind)), None) for kind in ("user_id", "email", "phone", "anonymous_id")]
    lists = [of(kind) or None for kind in ("external_id", "device_id")]
    return (sighting.event_id, "Seen", *singles, *lists, None, "{}", _moment(sighting.minute))


def _moment(minute: int) -> datetime:
    return START + timedelta(minutes=minute)
