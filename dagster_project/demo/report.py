"""The closing table as a person reads it, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.table import Table

if TYPE_CHECKING:
    from dagster_project.demo.run import DemoResult
    from dagster_project.measurement.lift import Lift

Row = Mapping[str, Any]


def show_result(result: DemoResult, console: Console) -> None:
    """Print the books and where to look next."""
    console.print(Group(sent_table(result), earned_table(result), books_table(result), next_steps(result)))


def as_json(result: DemoResult) -> dict[str, Any]:
    """The same as one document."""
    closing = result.closing
    return {
        "home": str(result.home),
        "seed": result.seed,
        "ticks": result.ticks,
        "seconds": round(result.seconds, 1),
        "totals": closing.totals,
        "segments": closing.segments,
        "flows": [{**row, **_lifts(result, row["flow"])} for row in closing.flows],
        "not_sent": closing.reasons,
        "attributed_revenue": closing.revenue,
        "predictions": closing.predictions,
    }


NO_LIFT = (
    "Lift: percentage points of people who ordered. No measured lift: nobody was held out "
    "(`hold_out: 10%` in the flow's YAML); no true one: the flow has no `goal`."
)


def sent_table(result: DemoResult) -> Table:
    """One line per flow: from enrolled to clicked."""
    counts = ("enrolled", "held_out", "sent", "skipped", "opened", "clicked")
    table = _table("What was sent", "flow", *counts)
    for row in result.closing.flows:
        table.add_row(row["flow"], *(f"{row[name]:,}" for name in counts))
    return table


def earned_table(result: DemoResult) -> Table:
    """One line per flow: attributed orders, and the measured lift beside the true one."""
    table = _table("What it earned", "flow", "orders", "revenue", "measured lift, 95 %", "true lift")
    table.caption, table.caption_justify = NO_LIFT, "left"
    for row in result.closing.flows:
        table.add_row(
            row["flow"],
            f"{row['orders']:,}",
            f"{row['revenue']:,.0f}",
            measured(result.closing.lifts.get(row["flow"])),
            points(_lifts(result, row["flow"])["true_lift"]),
        )
    return table


def _table(title: str, first: str, *numbers: str) -> Table:
    """A table with one column of words and the rest numbers."""
    table = Table(title=title, title_justify="left", header_style="bold")
    table.add_column(first)
    for name in numbers:
        table.add_column(name.replace("_", " "), justify="right")
    return table


def books_table(result: DemoResult) -> Table:
    """Everything that is not about one flow."""
    closing = result.closing
    totals = closing.totals
    table = Table(show_header=False, title="The books", title_justify="left")
    table.add_row("profiles", f"{totals['profiles']:,}")
    table.add_row("events", f"{totals['events']:,} ({totals['rejected_records']} records rejected)")
    table.add_row("orders", f"{totals['orders']:,} worth {totals['revenue']:,.0f}")
    table.add_row("segments", listed(closing.segments, "segment", "members"))
    table.add_row("not sent, by reason", listed(closing.reasons, "reason", "messages"))
    table.add_row("predictions", "; ".join(closing.predictions))
    table.add_row("attributed revenue", listed(closing.revenue, "model", "revenue"))
    return table


def next_steps(result: DemoResult) -> str:
    """Where to look next."""
    return (
        f"\n{result.ticks} ticks in {result.seconds:.0f} s. Where to look next:\n"
        f"  {result.home / 'outbox' / 'email'}  every mail, a file that a mail program opens\n"
        f"  {result.home / 'outbox'}  beside it `sms` and `push`: what would have gone to phones\n"
        f"  {result.home / 'demo' / 'truth.json'}  what each flow really caused\n"
        '  millrace sql "select * from flow_performance order by date desc limit 20"\n'
        "  millrace flows show cart_recovery\n"
        "  make dev  the same in Dagster\n"
    )


def measured(lift: Lift | None) -> str:
    """A lift with its interval in percentage points; a dash for a flow without hold-out."""
    if lift is None:
        return "-"
    return f"{points(lift.difference)} ({points(lift.low)} … {points(lift.high)})"


def points(share: float | None) -> str:
    """A difference of shares in percentage points."""
    return "-" if share is None else f"{100 * share:+.1f}"


def listed(rows: list[dict[str, Any]], name: str, value: str) -> str:
    """`name value` pairs in one cell."""
    return ", ".join(f"{row[name]} {row[value]:,.0f}" for row in rows)


def _lifts(result: DemoResult, flow: str) -> Row:
    """The measured lift of a flow, its interval, and the true one; none where there is none."""
    lift = result.closing.lifts.get(flow)
    return {
        "measured_lift": lift.difference if lift else None,
        "measured_low": lift.low if lift else None,
        "measured_high": lift.high if lift else None,
        "true_lift": next((truth.lift for truth in result.truths if truth.flow == flow), None),
    }
