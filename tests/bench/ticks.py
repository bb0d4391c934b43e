"""One installation at one size: a full build, then hourly ticks with new events through landing."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

from connectors.landing import open_landing
from dagster_project.settings import Settings
from dagster_project.tick import tick
from dagster_project.warehouse import open_warehouse
from tests.bench.history import History, events_sql, write_history
from tests.bench.measure import WarehouseTime, peak_memory_gib, warehouse_time

ENDS_AT = datetime(2026, 10, 5, 15)
HOUR = timedelta(hours=1)


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

    def tick_seconds(self, new_events: int, part: str = "seconds") -> float:
        """Median over the repeats with so many new events."""
        return median(getattr(cost, part) for cost in self.ticks if cost.new_events == new_events)

    def model_seconds(self, new_events: int) -> dict[str, float]:
        """Median processor seconds of DuckDB by model."""
        ticks = [cost.model_cpu for cost in self.ticks if cost.new_events == new_events]
        return {model: median(tick.get(model, 0.0) for tick in ticks) for model in ticks[0]}


def measure(
    events: int, profiles: int, new_events: list[int], repeats: int, *, verbose: bool = False
) -> SizeCost:
    """Build a history of this size in a folder of its own and measure it."""
    from tests.bench.segments import segment_seconds  # noqa: PLC0415  (needs only the built warehouse)

    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as folder:
        settings = Settings.under(Path(folder))
        history = History.of(events, profiles, ENDS_AT)
        started = time.perf_counter()
        write_history(open_warehouse(settings), history)
        generated = time.perf_counter()
        build_cpu = time.process_time()
        with warehouse_time() as inside:
            tick(settings, ENDS_AT, deliver=False)
        build_seconds, build_cpu = time.perf_counter() - generated, time.process_time() - build_cpu
        _explain("full build", build_seconds, inside, verbose=verbose)
        costs = list(_hourly(settings, history, new_events * repeats, verbose=verbose))
        return SizeCost(
            events=events,
            profiles=history.profiles,
            generate_seconds=generated - started,
            build_seconds=build_seconds,
            build_warehouse_seconds=inside.seconds,
            build_cpu_seconds=build_cpu,
            ticks=tuple(costs),
            segment_seconds=segment_seconds(settings),
            peak_gib=peak_memory_gib(),
            file_gib=settings.warehouse_path.stat().st_size / 2**30,
        )


def _hourly(settings: Settings, history: History, sizes: list[int], *, verbose: bool) -> Iterator[TickCost]:
    landing = open_landing(settings.landing)
    written, as_of = history.events, history.ends_at
    for number, size in enumerate([1000, *sizes]):  # the first hour warms up what is cached once
        as_of += HOUR
        hour = history.hour(size, as_of, written)
        landing.write(f"hour-{number:04}.ndjson", records(settings, hour))
        written += size
        started, cpu = time.perf_counter(), time.process_time()
        with warehouse_time() as inside:
            result = tick(settings, as_of, deliver=False)
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        if number:
            _explain(f"tick of {size:,}", seconds, inside, verbose=verbose)
            yield TickCost(
                size,
                seconds - result.seconds["serve"],
                result.seconds["transform"],
                inside.seconds,
                result.seconds["load"],
                result.seconds["serve"],
                cpu,
                inside.cpu_seconds,
                {model: round(spent, 3) for model, spent in inside.cpu_by_model.items()},
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


def _explain(what: str, seconds: float, inside: WarehouseTime, *, verbose: bool) -> None:
    if verbose:
        slowest = "".join(
            f"\n  {spent:7.2f}  {model}" for model, spent in inside.cpu_by_model.most_common(15)
        )
        print(
            f"{what}: {seconds:.1f} s, DuckDB {inside.cpu_seconds:.1f} processor s{slowest}", file=sys.stderr
        )


def as_json(cost: SizeCost) -> str:
    """For the process that started this one."""
    return json.dumps(asdict(cost))


def from_json(text: str) -> SizeCost:
    """What `as_json` wrote."""
    values = json.loads(text)
    return SizeCost(**{**values, "ticks": tuple(TickCost(**cost) for cost in values["ticks"])})
