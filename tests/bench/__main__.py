"""`make bench`: what history costs, what an hour costs, what sending costs. Each size runs in a process of its own, in turn."""

from __future__ import annotations

import argparse
from itertools import pairwise
from statistics import median

from rich.console import Console
from rich.table import Table

from tests.bench.in_turn import measure_in_turn, serve
from tests.bench.segments import PEER
from tests.bench.ticks import SizeCost

SIZES = {
    "200k": (200_000, 20_000),
    "1M": (1_000_000, 100_000),
    "5M": (5_000_000, 1_000_000),
    "50M": (50_000_000, 1_000_000),
}
"""Events and people of a history."""

PARTS = (
    *("warehouse", "year", "delivery", "collector"),
    *("hot_lane", "measurement", "predictions", "recommendations"),
)
NEW_EVENTS = [10_000, 100_000]


def main() -> None:
    """Run the sizes asked for and print one table."""
    options = parse_options()
    if options.one:
        serve(SIZES, options.one, verbose=options.verbose)
        return
    console = Console()
    if options.only in (None, "warehouse"):
        print_sizes(console, options)
    if options.only in (None, "year"):
        from tests.bench.year import print_year  # noqa: PLC0415  (no part of a size's memory)

        print_year(console)
    if options.only in (None, "delivery"):
        from tests.bench.delivery import LISTS, MILLION, print_delivery  # noqa: PLC0415  (as above)

        print_delivery(console, options.mails, MILLION if options.million else LISTS)
    if options.only in (None, "collector"):
        from tests.bench.collector import print_collector  # noqa: PLC0415  (as above)

        print_collector(console, options.seconds)
    if options.only in (None, "hot_lane"):
        from tests.bench.hot_lane import print_hot_lane  # noqa: PLC0415  (as above)

        print_hot_lane(console)
    if options.only in (None, "measurement"):
        from tests.bench.measurement import print_measurement  # noqa: PLC0415  (as above)

        print_measurement(console)
    if options.only in (None, "predictions"):
        from tests.bench.predictions import print_predictions  # noqa: PLC0415  (as above)

        print_predictions(console)
    if options.only in (None, "recommendations"):
        from tests.bench.recommendations import print_recommendations  # noqa: PLC0415  (as above)

        print_recommendations(console)


def print_sizes(console: Console, options: argparse.Namespace) -> None:
    """History and hours."""
    names = ["200k"] if options.quick else options.events
    costs = measure_in_turn(names, NEW_EVENTS, options.repeats, verbose=options.verbose)
    console.print(size_table(costs))
    print_growth(console, costs)


def parse_options() -> argparse.Namespace:
    """The flags."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--events", nargs="+", choices=SIZES, default=["1M", "5M"], help="sizes of history")
    parser.add_argument("--quick", action="store_true", help="only a history of 200k events")
    parser.add_argument("--repeats", type=int, default=12, help="ticks of each kind; few say little")
    parser.add_argument("--only", choices=PARTS, help="one part of the bench")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each load on the collector")
    parser.add_argument("--mails", type=int, default=5_000, help="how many to send for each figure")
    parser.add_argument("--million", action="store_true", help="also a send list of a million recipients")
    parser.add_argument(
        "--verbose", action="store_true", help="the slowest models and statements of each run"
    )
    parser.add_argument("--one", choices=SIZES, help=argparse.SUPPRESS)
    return parser.parse_args()


def size_table(costs: dict[str, SizeCost]) -> Table:
    """One column for each size."""
    table = Table("seconds", *(f"{name} events" for name in costs), title="Millrace on this machine")

    def add(label: str, value) -> None:
        table.add_row(label, *(value(cost) for cost in costs.values()))

    add("profiles", lambda cost: f"{cost.profiles:,}")
    add("events after its hours", lambda cost: f"{cost.last_events:,}")
    add("generate history", lambda cost: f"{cost.generate_seconds:.1f}")
    add("full build", lambda cost: f"{cost.build_seconds:.1f}")
    add("  processor", lambda cost: f"{cost.build_cpu_seconds:.1f}")
    add("  inside DuckDB", lambda cost: f"{cost.build_warehouse_seconds:.1f}")
    for new in NEW_EVENTS:
        label = f"hourly tick, {new // 1000}k new events"
        add(label, lambda cost, new=new: f"{cost.tick_seconds(new):.2f}")
        for title, part in (
            ("load landing", "load_seconds"),
            ("dbt", "transform_seconds"),
            ("  inside DuckDB", "warehouse_seconds"),
            ("checks, closing the file", "closing_seconds"),
            ("readers' copy, afterwards", "serve_seconds"),
            ("processor", "cpu_seconds"),
            ("  of DuckDB", "warehouse_cpu_seconds"),
        ):
            add(f"  {title}", lambda cost, new=new, part=part: f"{cost.tick_seconds(new, part):.2f}")
        add("  each repeat", lambda cost, new=new: " ".join(
            f"{tick.seconds:.1f}" for tick in cost.ticks if tick.new_events == new))  # fmt: skip
    for definition in next(iter(costs.values())).segment_seconds:
        add(f"segment {definition}", lambda cost, name=definition: f"{cost.segment_seconds[name]:.3f}")
    add("peak memory, GiB", lambda cost: f"{cost.peak_gib:.1f}")
    add("warehouse file, GiB", lambda cost: f"{cost.file_gib:.2f}")
    return table


def print_growth(console: Console, costs: dict[str, SizeCost]) -> None:
    """How a tick grows with history (the promise is at most 1.2 from 5M to 50M), and which models make it grow.

    The median is over rounds; "in all" divides the sums, with every hour in which DuckDB's checkpoint had more to do.
    """
    for smaller, larger in pairwise(costs):
        for new in NEW_EVENTS:
            ratios = {
                part: ratio(costs[smaller], costs[larger], new, part)
                for part in ("seconds", "cpu_seconds", "warehouse_cpu_seconds")
            }
            console.print(
                f"tick of {new // 1000}k at {larger} / at {smaller}: {ratios['seconds']:.2f} "
                f"(in all {in_all(costs[smaller], costs[larger], new):.2f}, "
                f"processor {ratios['cpu_seconds']:.2f}, of DuckDB {ratios['warehouse_cpu_seconds']:.2f})"
            )
            console.print(f"  grew most: {growth(costs[smaller], costs[larger], new)}")
    console.print(f"segment spend over 50 and a purchase over 50: the peer needs {PEER}")


def ratio(smaller: SizeCost, larger: SizeCost, new_events: int, part: str) -> float:
    """Median over the rounds of what the larger one's tick cost, by what the smaller one's did just before or after."""
    return median(
        getattr(after, part) / getattr(before, part)
        for before, after in zip(smaller.ticks, larger.ticks, strict=True)
        if before.new_events == new_events
    )


def in_all(smaller: SizeCost, larger: SizeCost, new_events: int) -> float:
    """What all of the larger one's ticks cost together, by what the smaller one's did."""
    spent = [
        sum(cost.seconds for cost in size.ticks if cost.new_events == new_events)
        for size in (smaller, larger)
    ]
    return spent[1] / spent[0]


def growth(smaller: SizeCost, larger: SizeCost, new_events: int, count: int = 6) -> str:
    """The models whose processor time grew most, in seconds."""
    before, after = smaller.model_seconds(new_events), larger.model_seconds(new_events)
    grown = sorted(after, key=lambda model: before.get(model, 0.0) - after[model])[:count]
    return ", ".join(f"{model} {before.get(model, 0.0):.2f} → {after[model]:.2f}" for model in grown)


if __name__ == "__main__":
    main()
