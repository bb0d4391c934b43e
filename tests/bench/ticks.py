"""One installation at one size: a full build, then hourly ticks with new events through landing."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

from connectors.delivery.receipts import EVENT_NAMES, event_id
from connectors.model import MessageEvent
from dagster_project.settings import Settings
from dagster_project.tick import tick
from dagster_project.warehouse import open_warehouse
from tests.bench.history import History, events_sql, write_history
from tests.bench.measure import WarehouseTime, peak_memory_gib, warehouse_time

ENDS_AT = datetime(2026, 10, 5, 15)
HOUR = timedelta(hours=1)
SCHEDULED = """
    select message_id, profile_id, channel from intermediate.int_send_decisions
    where status = 'scheduled' and evaluated_at = ?
"""


@dataclass(frozen=True)
class TickCost:
    """Seconds of one tick and of its parts; `cpu` in processor seconds, `model_cpu` of DuckDB by model.

    `seconds` are those until the results are back; the readers' copy (`serve_seconds`) comes after.
    """

    new_events: int
    seconds: float
    transform_seconds: float
    warehouse_seconds: float
    load_seconds: float
    serve_seconds: float
    cpu_seconds: float
    warehouse_cpu_seconds: float
    model_cpu: dict[str, float]

    @property
    def closing_seconds(self) -> float:
        """What is neither loading nor dbt: judging the list, the checkpoint, looking for results."""
        return self.seconds - self.load_seconds - self.transform_seconds


@dataclass(frozen=True)
class SizeCost:
    """What one size of history costs; `segment_seconds` by definition (see `segments`)."""

    events: int
    profiles: int
    generate_seconds: float
    build_seconds: float
    build_warehouse_seconds: float
    build_cpu_seconds: float
    ticks: tuple[TickCost, ...]
    segment_seconds: dict[str, float]
    peak_gib: float
    file_gib: float

    @property
    def last_events(self) -> int:
        """Events after all its hours."""
        return self.events + sum(cost.new_events for cost in self.ticks)

    def tick_seconds(self, new_events: int, part: str = "seconds") -> float:
        """Median over the repeats with so many new events."""
        return median(getattr(cost, part) for cost in self.ticks if cost.new_events == new_events)

    def model_seconds(self, new_events: int) -> dict[str, float]:
        """Median processor seconds of DuckDB by model."""
        ticks = [cost.model_cpu for cost in self.ticks if cost.new_events == new_events]
        return {model: median(tick.get(model, 0.0) for tick in ticks) for model in ticks[0]}


@dataclass(frozen=True)
class BuildCost:
    """Seconds of making a history and of the full build over it, and the memory that took."""

    generate_seconds: float
    seconds: float
    warehouse_seconds: float
    cpu_seconds: float
    peak_gib: float


def build(settings: Settings, history: History, *, verbose: bool = False) -> BuildCost:
    """Make an installation with a history, and compute everything for the first time.

    It has a process to itself: what DuckDB draws there of its progress would stand between the answers on standard output.
    """
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with warehouse_time() as inside:
        started = time.perf_counter()
        write_history(open_warehouse(settings), history)
        generate_seconds = time.perf_counter() - started
        started, cpu = time.perf_counter(), time.process_time()
        tick(settings, ENDS_AT, deliver=False)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    if verbose:
        explain(f"{history.events:,} events, full build", seconds, inside)
    return BuildCost(generate_seconds, seconds, inside.seconds, cpu, peak_memory_gib())


def explain(what: str, seconds: float, inside: WarehouseTime) -> None:
    """Tell the slowest models."""
    slowest = "".join(f"\n  {spent:7.2f}  {model}" for model, spent in inside.cpu_by_model.most_common(15))
    print(
        f"{what}: {seconds:.1f} s, DuckDB {inside.cpu_seconds:.1f} processor s{slowest}",
        file=sys.stderr,
    )


class Shop:
    """An installation of one size in a folder of its own: built when it is made, then it lives hour by hour.

    It is built by another process, because an hourly run is not in the one that has read the whole history: what
    that keeps of memory would leave the file no room to stay in.
    """

    def __init__(self, folder: Path, events: int, profiles: int, *, verbose: bool = False) -> None:
        self._settings = Settings.under(folder)
        self._history = History.of(events, profiles, ENDS_AT)
        self._verbose = verbose
        self._as_of, self._written = ENDS_AT, events
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as builder:
            self._build = builder.submit(build, self._settings, self._history, verbose=verbose).result()

    def lives_an_hour(self, new_events: int) -> TickCost:
        """One tick, after so many events have landed, and what delivery tells of the last list: all accepted."""
        landing = self._settings.open_landing()
        landing.write(f"sent-{self._as_of:%m%dT%H}.ndjson", receipts(self._settings, self._as_of))
        self._as_of += HOUR
        hour = self._history.hour(new_events, self._as_of, self._written)
        landing.write(f"hour-{self._as_of:%m%dT%H}.ndjson", records(self._settings, hour))
        self._written += new_events
        os.sync()  # an hour lies between two ticks: the disk has long finished the last readers' copy
        started, cpu = time.perf_counter(), time.process_time()
        with warehouse_time() as inside:
            result = tick(self._settings, self._as_of, deliver=False)
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        if self._verbose:
            explain(f"{self._history.events:,} events, tick of {new_events:,}", seconds, inside)
        return TickCost(
            new_events,
            seconds - result.seconds["serve"],
            result.seconds["transform"],
            inside.seconds,
            result.seconds["load"],
            result.seconds["serve"],
            cpu,
            inside.cpu_seconds,
            {model: round(spent, 3) for model, spent in inside.cpu_by_model.items()},
        )

    def cost(self, ticks: Sequence[TickCost]) -> SizeCost:
        """What everything has cost, with these of its ticks."""
        from tests.bench.segments import segment_seconds  # noqa: PLC0415  (needs only the built warehouse)

        return SizeCost(
            events=self._history.events,
            profiles=self._history.profiles,
            generate_seconds=self._build.generate_seconds,
            build_seconds=self._build.seconds,
            build_warehouse_seconds=self._build.warehouse_seconds,
            build_cpu_seconds=self._build.cpu_seconds,
            ticks=tuple(ticks),
            segment_seconds=segment_seconds(self._settings),
            peak_gib=max(self._build.peak_gib, peak_memory_gib()),
            file_gib=self._settings.warehouse_path.stat().st_size / 2**30,
        )


def records(settings: Settings, history: History) -> Iterator[dict[str, object]]:
    """An hour's events as landing records."""
    rows = open_warehouse(settings).query(events_sql(history, 0, history.events))
    for row in rows.to_pylist():
        yield {
            "type": row["event_type"],
            "event": row["event_name"] if row["event_type"] == "track" else None,
            "messageId": row["event_id"],
            "userId": row["user_id"],
            "anonymousId": row["anonymous_id"],
            "timestamp": f"{row['occurred_at'].isoformat(timespec='milliseconds')}Z",
            "source": row["source"],
            "properties": json.loads(row["properties"]),
            "traits": json.loads(row["traits"]),
        }


def receipts(settings: Settings, as_of: datetime) -> Iterator[dict[str, Any]]:
    """What delivery lands when every message that was scheduled then has been accepted."""
    rows = open_warehouse(settings).query(SCHEDULED, [as_of])
    for row in rows.to_pylist():
        name = EVENT_NAMES[row["channel"]]["accepted"]
        yield MessageEvent(event_id(row["message_id"], name), name, **row, occurred_at=as_of).record()


def as_json(cost: SizeCost) -> str:
    """For the process that started this one."""
    return json.dumps(asdict(cost))


def from_json(text: str) -> SizeCost:
    """What `as_json` wrote."""
    values = json.loads(text)
    return SizeCost(**{**values, "ticks": tuple(TickCost(**cost) for cost in values["ticks"])})
