"""Small Markdown tables and bars for people who look at a materialization."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dagster_project.warehouse import Warehouse

PLOTS = {
    "send_list": """
        select status || coalesce(': ' || reason, ''), count(*) from intermediate.int_send_decisions
        where evaluated_at = (select max(as_of) from raw_runs.runs) group by 1
    """,
    "outbox": "select flow || ' / ' || step, count(*) from sends.outbox group by 1",
    "int_flow_log": "select flow, count(*) from intermediate.int_flow_log where kind = 'entered' group by 1",
    "segment_memberships": """
        select segment, count(*) from segments.segment_memberships where exited_at is null group by 1
    """,
    "consents": "select channel || ' ' || status, count(*) from profiles.consents group by 1",
    "orders": "select strftime(ordered_at, '%Y-%m'), count(*) from commerce.orders group by 1",
    "profiles": "select coalesce(tier, 'no tier'), count(*) from profiles.profiles group by 1",
}
"""What a materialization of these tables shows: (label, count) rows."""

BAR_WIDTH = 24
MOST_ROWS = 12


def markdown_table(rows: Sequence[Mapping[str, Any]], *, most: int = MOST_ROWS) -> str:
    """Rows as a Markdown table; what does not fit is counted below."""
    if not rows:
        return "_nothing_"
    names = list(rows[0])
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    lines += [f"| {' | '.join(_cell(row[name]) for name in names)} |" for row in rows[:most]]
    return "\n".join([*lines, *([f"\n… and {len(rows) - most} more"] if len(rows) > most else [])])


def bars(counts: Mapping[str, float], *, most: int = MOST_ROWS) -> str:
    """Counts as a Markdown table with a bar each, largest first."""
    largest = max(counts.values(), default=0) or 1
    rows = [
        {
            "what": name,
            "count": f"{value:,}",
            "": "█" * max(1 if value else 0, round(BAR_WIDTH * value / largest)),
        }
        for name, value in sorted(counts.items(), key=lambda item: -item[1])
    ]
    return markdown_table(rows, most=most)


def image(svg: str, words: str) -> str:
    """An SVG as a Markdown image that carries itself."""
    return f"![{words}](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"


def counted(warehouse: Warehouse, sql: str) -> dict[str, int]:
    """(label, count) rows as a mapping."""
    labels, counts = warehouse.query(sql).columns
    return dict(zip(map(str, labels.to_pylist()), counts.to_pylist(), strict=True))


def row_counts(warehouse: Warehouse, names: Collection[str]) -> dict[str, int]:
    """Rows of each stored table among these names, exactly, in one query; views are not counted."""
    found = warehouse.query(
        "select schema_name, table_name from duckdb_tables() where list_contains(?, table_name)",
        [list(names)],
    ).to_pylist()
    if not found:
        return {}
    counts = " union all ".join(
        f"select '{table['table_name']}', count(*) from {table['schema_name']}.{table['table_name']}"
        for table in found
    )
    return counted(warehouse, counts)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value).replace("|", "\\|").replace("\n", "<br>")
