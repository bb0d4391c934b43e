"""What recommending costs: the night's models by order lines, and the lists of those who get a message in an hour."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

from tests.bench.measure import peak_memory_gib
from tests.bench.measurement import Costs
from tests.dbt.recommendation_sql import NIGHT, Shelf, compile_recommendations

NOW = datetime(2026, 3, 20, 4)
LINES = (1_000_000, 5_000_000)
DUE = (1_000, 10_000)
LINES_PER_ORDER, LINES_PER_PERSON, PRODUCTS, PAGES_PER_SESSION = 3, 5, 10_000, 4

SHOP = f"""
create temp table lines as
select
    number,
    number // {LINES_PER_ORDER} as visit,
    floor(({{lines}} // {LINES_PER_PERSON}) * pow((hash(number // {LINES_PER_ORDER}, 'who') % 1000000) / 1e6, 2))
        ::bigint as person,
    floor({PRODUCTS} * pow((hash(number, 'what') % 1000000) / 1e6, 2))::bigint as product,
    timestamp '{NOW}' - to_seconds((365 * 86400.0 * (1 - number / {{lines}}))::bigint) as happened_at
from range({{lines}}) as numbers (number);
insert into intermediate.int_order_items
select 'O' || visit, md5('U' || person), 'P' || product, happened_at from lines;
insert into intermediate.int_identifier_profiles
select md5('U' || number), md5('U' || number) from range({{lines}} // {LINES_PER_PERSON}) as numbers (number);
insert into profiles.profile_identifiers from intermediate.int_identifier_profiles;
insert into commerce.products select 'P' || number, null, 5 from range({PRODUCTS}) as numbers (number);
insert into intermediate.int_events
select 'V' || number, 'Product Viewed', md5('U' || person), null, 'P' || product, happened_at from lines
where happened_at > timestamp '{NOW}' - interval 90 days;
insert into intermediate.int_sessions
select visit::text, md5('U' || any_value(person)), min(happened_at), max(happened_at), true
from lines where happened_at > timestamp '{NOW}' - interval 90 days group by visit
"""


def print_recommendations(console: Console) -> None:
    """Each size in a process of its own, so that its peak memory is its own."""
    costs = {lines: run(lines) for lines in LINES}
    table = Table(
        "seconds (processor)",
        *(f"{lines // 10**6}M order lines" for lines in LINES),
        title="What recommending costs",
    )
    for part in next(iter(costs.values())):
        table.add_row(part, *(cost[part] for cost in costs.values()))
    console.print(table)


def run(lines: int) -> dict[str, str]:
    """Measure one size elsewhere."""
    command = [sys.executable, "-m", "tests.bench.recommendations", "--lines", str(lines)]
    finished = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, str] = json.loads(finished.stdout.strip().splitlines()[-1])
    return found


def measure(lines: int) -> dict[str, str]:
    """Seconds on the clock and of the processor by part, and the peak of memory."""
    costs = Costs()
    with tempfile.TemporaryDirectory() as folder:
        sql = compile_recommendations(Path(folder) / "home")
        shelf = Shelf(sql, duckdb.connect(), str(Path(folder) / "shop.duckdb"))
        shelf.connection.execute(SHOP.format(lines=lines))
        for model in NIGHT:
            with costs.of(model):
                shelf.makes(model, NOW)
        for due in DUE:
            shelf.connection.execute("delete from profiles.profiles")
            shelf.connection.execute(f"""
                insert into profiles.profiles by name
                select profile_id from profiles.profile_identifiers order by profile_id limit {due}""")
            with costs.of(f"lists of {due:,} people"):
                shelf.recommendations(NOW).create(f"shown_to_{due}")
        shelf.connection.close()
    spent = {
        cost.part: f"{cost.seconds:.1f} ({cost.cpu_seconds:.1f})" for cost in costs if cost.seconds > 0.1
    }
    return spent | {"peak memory, GiB": f"{peak_memory_gib():.1f}"}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int)
    options = parser.parse_args()
    if options.lines:
        print(json.dumps(measure(options.lines)))
    else:
        print_recommendations(Console())
