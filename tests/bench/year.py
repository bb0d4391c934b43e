"""A real year, day by day: Online Retail's customers go through win-back and post-purchase, each step once."""

from __future__ import annotations

import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from dagster_project.imports.online_retail import import_online_retail
from dagster_project.reading import ask
from dagster_project.settings import CHECKOUT, Settings
from dagster_project.tick import tick

FIRST_DAY = datetime(2010, 12, 1, 23)
DAYS = 374
SOURCE = CHECKOUT.parent / "shared" / "data" / "online_retail" / "online_retail.parquet"

DECISIONS = """
select
    flow,
    step,
    count(*) as decisions,
    count(distinct profile_id) as people,
    count(*) - count(distinct (entry_id, step)) as decided_twice,
from flow_decisions
where flow in ('win_back', 'post_purchase')
group by flow, step
order by flow, min(decided_at), step
"""
RETURNED_TOO_SOON = """
select count(*) as entries
from (
    select
        entered_at,
        lag(entered_at) over (partition by profile_id order by entered_at) as last_entered_at,
    from flow_entries
    where flow = 'win_back'
)
where entered_at < last_entered_at + interval 90 days
"""


def print_year(console: Console) -> None:
    """Run the year and print what each step decided."""
    if not SOURCE.exists():
        console.print(f"no year: {SOURCE} is not there")
        return
    with tempfile.TemporaryDirectory(prefix="millrace-year-") as folder:
        settings = Settings.under(Path(folder))
        import_online_retail(SOURCE, settings.open_landing())
        seconds = []
        for day in range(DAYS):
            started = time.perf_counter()
            tick(settings, FIRST_DAY + timedelta(days=day), deliver=False)
            seconds.append(time.perf_counter() - started)
        rows = ask(settings, DECISIONS).to_pylist()
        too_soon = ask(settings, RETURNED_TOO_SOON).to_pylist()[0]["entries"]
    table = Table(*(rows[0] if rows else ()), title="Online Retail, day by day")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    console.print(table)
    quarters = [seconds[start : start + DAYS // 4] for start in range(1, DAYS - 1, DAYS // 4)]
    console.print(
        f"{DAYS} ticks in {sum(seconds):.0f} s; median by quarter: "
        + ", ".join(f"{median(quarter):.2f}" for quarter in quarters if quarter)
        + f"; returned to win-back within 90 days: {too_soon}"
    )
