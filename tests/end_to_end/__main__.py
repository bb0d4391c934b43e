"""Unmodified SDKs against a collector that is killed again and again: what was sent must be there, once.

.venv/bin/python -m tests.end_to_end                     # 100,000 events of each SDK, 10 kills
.venv/bin/python -m tests.end_to_end --events 5000 --kills 3 --sdk segment_python.py
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tests.end_to_end.collector import Collector
from tests.end_to_end.sdk_run import SDKS, Outcome, run_sdks


def main() -> None:
    """Exit code 1 when an event is missing, there twice, or refused."""
    parser = argparse.ArgumentParser(prog="python -m tests.end_to_end", description=__doc__)
    parser.add_argument("--events", type=int, default=100_000, help="of each SDK")
    parser.add_argument("--kills", type=int, default=10, help="of the collector, while the SDKs send")
    parser.add_argument("--sdk", nargs="+", choices=SDKS, default=SDKS)
    options = parser.parse_args()
    started_at = time.monotonic()
    with tempfile.TemporaryDirectory() as home, Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("events", total=options.events * len(options.sdk))
        collector = Collector(Path(home), MILLRACE_EVENTS_PER_SECOND="1000000")
        collector.start()
        try:
            outcomes, refused = run_sdks(
                collector,
                options.sdk,
                options.events,
                options.kills,
                lambda lines: bar.update(task, completed=lines),
            )
        finally:
            collector.kill()
    console = Console()
    console.print(table(outcomes, options.events))
    seconds = time.monotonic() - started_at
    console.print(
        f"{options.kills} kills, {refused} lines refused, {seconds:.0f} s with landing and counting"
    )
    is_complete = all(each.is_complete(options.events) for each in outcomes.values())
    sys.exit(0 if is_complete and not refused else 1)


def table(outcomes: dict[str, Outcome], count: int) -> Table:
    """One row for each SDK."""
    table = Table(title=f"{count:,} events of each SDK", title_justify="left")
    for name in ("SDK", "events there", "missing", "twice", "lines landed", "verdict"):
        table.add_column(name, justify="left" if name in ("SDK", "verdict") else "right")
    for name, each in outcomes.items():
        table.add_row(
            name,
            f"{each.numbers.total():,}",
            f"{sum(each.numbers[number] == 0 for number in range(count)):,}",
            f"{sum(times > 1 for times in each.numbers.values()):,}",
            f"{each.lines:,}",
            "complete" if each.is_complete(count) else f"WRONG (exit code {each.exit_code})",
        )
    return table


if __name__ == "__main__":
    main()
