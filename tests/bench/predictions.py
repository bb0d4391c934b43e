"""What predicting costs: models trained and all customers scored, of a shop of each size in a process of its own."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from dagster_project.predictive.registry import MODELS
from dagster_project.predictive.run import asked, train_models
from dagster_project.predictive.scoring import score
from dagster_project.settings import Settings
from dagster_project.warehouse import ensure_raw_tables, open_warehouse
from tests.bench.measure import peak_memory_gib

NOW = datetime(2026, 3, 1)
SIZES = (200_000, 1_000_000)
SHOP = """
create schema commerce; create schema sends; create schema profiles;
create table people as
select
    md5(number::text) as profile_id,
    hash(number) % 730 as first_day,
    10 + hash(number * 3) % 120 as days_between,
    -300 * ln((1 + hash(number * 5) % 1000) / 1001.0) as stays_days,
    10 + hash(number * 7) % 90 as order_value
from range({customers}) as numbers (number);
create table commerce.orders as
select
    people.profile_id,
    timestamp '{now}' - to_days(730) + to_seconds((86400 * day)::bigint) as ordered_at,
    (people.order_value * (0.5 + hash(people.profile_id || place) % 100 / 100))::decimal(18, 2) as revenue,
    null::timestamp as cancelled_at
from people
cross join range(74) as places (place)
cross join lateral (
    select people.first_day + people.days_between * (place + hash(people.profile_id || place) % 60 / 100) as day
) as days
where day < 730 and (place = 0 or day - people.first_day < people.stays_days);
create table commerce.sessions as
select profile_id, ordered_at - to_minutes(20) as started_at from commerce.orders;
create table sends.message_events as
select
    profile_id, ordered_at - to_days(1) as occurred_at,
    case when hash(profile_id) % 4 = 0 then 'clicked' else 'opened' end as event, false as is_machine
from commerce.orders;
create table profiles.profile_identifiers as
select profile_id as identifier_id, profile_id from people
"""
"""Two years of customers who buy at intervals of their own, with a visit and a message each time, until they leave."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one shop: seconds on the clock and of the processor; a part is one model, or the scoring of all."""

    customers: int
    orders: int
    seconds: dict[str, tuple[float, float]]
    peak_gib: float


def measure(customers: int) -> Cost:
    """Train every model and score everybody, in a warehouse with the marts that this reads."""
    seconds = {}
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.under(Path(folder))
        with open_warehouse(settings) as warehouse:
            ensure_raw_tables(warehouse)
            for statement in SHOP.format(now=NOW, customers=customers).split(";\n"):
                warehouse.execute(statement)
            for model in MODELS:
                started = time.perf_counter(), time.process_time()
                (version,) = train_models(settings, warehouse, [model], NOW)
                seconds[f"train {model.name}"] = since(started)
                assert version.is_promoted, version.refusal
            started = time.perf_counter(), time.process_time()
            score(warehouse, asked(settings, warehouse, NOW), NOW)
            seconds["score all customers"] = since(started)
            counted = warehouse.query("select count(*) as n from commerce.orders")["n"][0].as_py()
    return Cost(customers, counted, seconds, peak_memory_gib())


def since(started: tuple[float, float]) -> tuple[float, float]:
    """Seconds on the clock and of the processor."""
    return time.perf_counter() - started[0], time.process_time() - started[1]


def run(customers: int) -> Cost:
    """One size in a fresh process, so that its peak memory is its own."""
    command = [sys.executable, "-m", "tests.bench.predictions", "--one", str(customers)]
    finished = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Cost(**json.loads(finished.stdout.strip().splitlines()[-1]))


def print_predictions(console: Console, sizes: tuple[int, ...] = SIZES) -> None:
    """A column of seconds and one of processor seconds for each size."""
    costs = [run(size) for size in sizes]
    table = Table("predictions", title="What predicting costs")
    for cost in costs:
        table.add_column(f"{cost.customers:,} customers", justify="right")
        table.add_column("processor", justify="right")
    table.add_row("orders", *(cell for cost in costs for cell in (f"{cost.orders:,}", "")))
    for part in costs[0].seconds:
        table.add_row(part, *(f"{spent:.1f}" for cost in costs for spent in cost.seconds[part]))
    table.add_row("peak memory, GiB", *(cell for cost in costs for cell in (f"{cost.peak_gib:.1f}", "")))
    console.print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.predictions")
    parser.add_argument("--one", type=int)
    size = parser.parse_args().one
    print(json.dumps(asdict(measure(size)))) if size else print_predictions(Console())
