"""What measuring costs: credits over a million journeys, all experiments of a campaign to a million people."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

from dagster_project.dbt_runner import DbtProject
from dagster_project.flows.compile import write_flows
from dagster_project.flows.registry import parse_flow
from dagster_project.measurement.credits import credits_of
from dagster_project.measurement.experiments import read_experiments
from dagster_project.measurement.paths import Paths
from dagster_project.measurement.run import analyse_experiments
from dagster_project.settings import Settings
from dagster_project.warehouse import ensure_raw_tables, open_warehouse
from tests.bench.measure import peak_memory_gib

AS_OF = datetime(2026, 3, 20)
JOURNEYS = """
select
    list_transform(range(1 + number % 8), lambda step: 'channel_' || hash(number * 31 + step) % 12) as path,
    (number % 10 = 0)::int as has_order
from range({count}) as numbers (number)
"""
DISTINCT = """
select path, sum(has_order) as conversion_count, sum(has_order) * 40.0 as revenue, sum(1 - has_order) as null_count
from journeys group by path
"""
UNGROUPED = "has_order as conversion_count, has_order * 40.0 as revenue, 1 - has_order as null_count"
FLOW = """
models:
  - name: flow_news
    config:
      meta:
        owner: team:bench
        flow:
          kind: campaign
          goal: {signal: ordered, within: 5 days}
          hold_out: 10%
          steps:
            - {step: news, send: email/news, ab_test: {a: 25%, b: 25%, c: 25%, d: 25%}}
"""
PEOPLE = """
create temp table entries as
select
    number, 'p' || number as profile_id, number % 10 = 0 as held_out, number % 13 = 0 as buys,
    timestamp '2026-03-01' as moment, chr(97 + (hash(number) % 4)::int) as arm,
from range({count}) as numbers (number);
insert into intermediate.int_identifier_profiles (identifier_id, profile_id)
select profile_id, profile_id from entries;
insert into intermediate.int_flow_log (flow, flow_version, flow_kind, entry_id, profile_id, entered_at, held_out,
    kind, step, arm, variant, outcome, logged_at)
select 'news', '{version}', 'campaign', profile_id, profile_id, moment, held_out, 'entered', null, null, null, null,
    moment from entries
union all
select 'news', '{version}', 'campaign', profile_id, profile_id, moment, held_out, 'decided', 'news', arm, arm,
    case when held_out then 'held_out' else 'message' end, moment from entries;
insert into sends.sends (message_id, flow, step, entry_id, profile_id, channel, status, decided_at, sent_at,
    opened_at, clicked_at)
select profile_id, 'news', 'news', profile_id, profile_id, 'email', 'sent', moment, moment,
    case when number % 3 = 0 then moment end, case when number % 20 = 0 then moment end
from entries where not held_out;
insert into intermediate.int_event_signals (signal_id, identifier_id, signal, occurred_at)
select profile_id, profile_id, 'ordered', moment + to_hours(1) from entries where buys;
insert into intermediate.int_orders (order_id, identifier_id, ordered_at, revenue)
select profile_id, profile_id, moment + to_hours(1), number % 90 from entries where buys
union all
select 'before_' || profile_id, profile_id, moment - to_days(9), number % 70 from entries
"""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a part cost: seconds on the clock and of the processor."""

    part: str
    seconds: float
    cpu_seconds: float


class Costs(list[Spent]):
    """Parts in the order in which they were measured."""

    @contextmanager
    def of(self, part: str) -> Iterator[None]:
        """Measure the block."""
        started, cpu = time.perf_counter(), time.process_time()
        yield
        self.append(Spent(part, time.perf_counter() - started, time.process_time() - cpu))


def credit_costs(count: int, costs: Costs) -> None:
    """From journeys to distinct paths (SQL), and from there to Markov and Shapley credits."""
    with duckdb.connect() as connection:
        connection.execute(f"create table journeys as {JOURNEYS.format(count=count)}")
        with costs.of(f"{count:,} journeys to distinct paths (SQL)"):
            paths = connection.sql(DISTINCT).to_arrow_table()
        journeys = connection.sql(f"select path, {UNGROUPED} from journeys").to_arrow_table()
    with costs.of(f"{paths.num_rows:,} paths to Markov and Shapley credits"):
        given = list(credits_of(Paths.from_table(paths)))
    assert len(given) == 2 * 12
    with costs.of(f"the same if all {count:,} were distinct"):
        list(credits_of(Paths.from_table(journeys)))


def experiment_costs(count: int, costs: Costs) -> None:
    """Analysis of hold-out and four variants of a campaign, from the ledger to the written results."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.under(Path(folder) / "home")
        settings.home.mkdir()
        warehouse, project = open_warehouse(settings), DbtProject(settings)
        ensure_raw_tables(warehouse)
        project.build(AS_OF, command="seed")
        project.build(AS_OF, ["+experiment_totals"])
        flow = parse_flow("flow_news", FLOW, "flow_news.yml")
        with warehouse:
            write_flows(warehouse, [flow], AS_OF)
            for statement in PEOPLE.format(count=count, version=flow.version).split(";\n"):
                warehouse.execute(statement)
            with costs.of("  of this, the sums (SQL)"):
                read_experiments(warehouse)
            with costs.of(f"all experiments of a campaign to {count:,}"):
                found = analyse_experiments(warehouse, AS_OF)
        assert sorted(one.name for one in found) == ["news.hold_out", "news.news"]


def print_measurement(console: Console, count: int = 1_000_000) -> None:
    """Both as one table."""
    costs = Costs()
    credit_costs(count, costs)
    experiment_costs(count, costs)
    table = Table("measurement", "seconds", "processor", title="What measuring costs")
    for spent in costs:
        table.add_row(spent.part, f"{spent.seconds:.2f}", f"{spent.cpu_seconds:.2f}")
    table.add_row("peak memory, GiB", f"{peak_memory_gib():.1f}", "")
    console.print(table)


if __name__ == "__main__":
    print_measurement(Console())
