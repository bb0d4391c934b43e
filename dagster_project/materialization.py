"""What a materialization shows: its rows, what is in them, how flows and segments fared in the last days.

All of it is asked on every tick, so nothing here reads more when history gets longer: rows are counted where
the warehouse keeps their number, and everything else is bounded in time or counts people, not events.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from dagster import AssetKey, MetadataValue

from dagster_project import report

if TYPE_CHECKING:
    from dagster_project.dbt_runner import NodeResult
    from dagster_project.warehouse import Warehouse

Metadata = dict[str, Any]
Kind = Literal["flow", "segment"]
Lineage = Mapping[AssetKey, Sequence[AssetKey]]
"""Tables and views, each after those that it is made from, with those."""


@dataclass(frozen=True, slots=True)
class Family:
    """The models of one kind by name, `flow_welcome` and its like: each shows how its days went."""

    kind: Kind
    names: frozenset[str]


BRIEF = {"millrace/report": "brief"}
"""Tag of runs for which somebody waits: they leave views that stand as they are to the hourly run."""
LATELY = timedelta(days=30)
DAYS_SHOWN = 7

PLOTS = {
    "sends/send_list": """
        select status || coalesce(': ' || reason, ''), count(*) from intermediate.int_send_decisions
        where evaluated_at = (select max(as_of) from raw_runs.runs) group by 1
    """,
    "sends/outbox": "select flow || ' / ' || step, count(*) from sends.outbox group by 1",
    "intermediate/int_flow_log": """
        select flow, count(*) from intermediate.int_flow_log
        where kind = 'entered' and logged_at > {since} group by 1
    """,
    "segments/segment_memberships": """
        select segment, count(*) from segments.segment_memberships where exited_at is null group by 1
    """,
    "profiles/consents": "select channel || ' ' || status, count(*) from profiles.consents group by 1",
    "commerce/orders": """
        select strftime(ordered_at, '%Y-%m-%d'), count(*) from intermediate.int_orders
        where ordered_at > {since} group by 1
    """,
    "flows/flow_entries": """
        select flow, count(*) from intermediate.int_flow_log
        where kind = 'entered' and logged_at > {since} group by 1
    """,
    "flows/flow_decisions": """
        select flow || ' / ' || step, count(*) from intermediate.int_flow_log
        where kind = 'decided' and logged_at > {since} group by 1
    """,
    "measurement/flow_performance": """
        select flow || ' / ' || step, count(*) from sends.sends
        where flow is not null and sent_at > {since} group by 1
    """,
    "profiles/profiles": "select coalesce(tier, 'no tier'), count(*) from profiles.profiles group by 1",
}
"""What is in these tables: (label, count) rows; what only grows is counted for the last 30 days."""

DAYS: dict[Kind, str] = {
    "flow": """
with

happened as (
    select flow, cast(logged_at as date) as date, case when held_out then 'held out' else kind end as what
    from intermediate.int_flow_log
    where kind = 'entered' and logged_at > {since}

    union all

    select flow, cast(logged_at as date), kind
    from intermediate.int_flow_log
    where kind = 'exited' and logged_at > {since}

    union all

    select flow, cast(sent_at as date), 'sent'
    from sends.sends
    where sent_at > {since}
)

select
    flow,
    date,
    count(*) filter (where what = 'entered') as enrolled,
    count(*) filter (where what = 'held out') as "held out",
    count(*) filter (where what = 'sent') as sent,
    count(*) filter (where what = 'exited') as exits
from happened
group by flow, date
order by date desc
""",
    "segment": """
select segment, date, member_count as members, entered_count as entered, exited_count as exited
from segments.segment_counts
where date > {since}
order by date desc
""",
}
"""What happened on each day of the last 30 days, latest first."""


def shown(
    warehouse: Warehouse,
    lineage: Lineage,
    families: Collection[Family],
    nodes: Iterable[NodeResult],
    as_of: datetime,
) -> dict[AssetKey, Metadata]:
    """What to show of each table and view after a run, whether the run made it anew or what it reads.

    Args:
        warehouse: where they stand.
        lineage: all tables and views of interest.
        families: which of them are flows and which are segments.
        nodes: what the run made; these also say how long it took.
        as_of: the moment for which all of them now hold.
    """
    seconds = {node.name: round(node.seconds, 3) for node in nodes}
    since = f"timestamp '{as_of - LATELY}'"
    details: dict[AssetKey, Metadata] = {key: {"as of": str(as_of)} for key in lineage}
    for key in lineage:
        if key.path[-1] in seconds:
            details[key]["seconds"] = seconds[key.path[-1]]
    for parts in (
        counts_shown(warehouse, lineage),
        plots_shown(warehouse, lineage, since),
        *(days_shown(warehouse, lineage, family, since) for family in families),
    ):
        for key, metadata in parts.items():
            details[key] |= metadata
    return details


def counts_shown(warehouse: Warehouse, lineage: Lineage) -> dict[AssetKey, Metadata]:
    """Rows of each table; of a view, those of the tables that it reads: counting its own would read them."""
    rows = row_counts(warehouse, {*lineage, *(parent for parents in lineage.values() for parent in parents)})
    tables: dict[AssetKey, set[AssetKey]] = {key: {key} for key in rows}
    counts: dict[AssetKey, Metadata] = {}
    for key, parents in lineage.items():
        if key in rows:
            counts[key] = {"dagster/row_count": rows[key]}
            continue
        tables[key] = set().union(*(tables.get(parent, set()) for parent in parents))
        counts[key] = {"rows of the tables it reads": sum(rows[table] for table in tables[key])}
    return counts


def plots_shown(warehouse: Warehouse, lineage: Lineage, since: str) -> dict[AssetKey, Metadata]:
    """What is in the tables that have a plot."""
    plots = {AssetKey(name.split("/")): sql.format(since=since) for name, sql in PLOTS.items()}
    return {
        key: {"in it": MetadataValue.md(report.bars(counted(warehouse, sql)))}
        for key, sql in plots.items()
        if key in lineage
    }


def days_shown(
    warehouse: Warehouse, lineage: Lineage, family: Family, since: str
) -> dict[AssetKey, Metadata]:
    """A table of the last days for each flow or segment, and numbers that Dagster plots from run to run."""
    keys = {
        key.path[-1].removeprefix(f"{family.kind}_"): key for key in lineage if key.path[-1] in family.names
    }
    if not keys:
        return {}
    days: dict[str, list[dict[str, Any]]] = {name: [] for name in keys}
    for row in warehouse.query(DAYS[family.kind].format(since=since)).to_pylist():
        days.get(row.pop(family.kind), []).append(row)
    return {
        keys[name]: _numbers(family.kind, rows)
        | {"last days": MetadataValue.md(report.markdown_table(rows[:DAYS_SHOWN]))}
        for name, rows in days.items()
    }


def row_counts(warehouse: Warehouse, keys: Collection[AssetKey]) -> dict[AssetKey, int]:
    """Rows of each stored table among these, in one query that reads no column; views are not counted."""
    wanted = {key.to_user_string(): key for key in keys}
    stored = warehouse.query(
        "select schema_name || '/' || table_name as name from duckdb_tables() where list_contains(?, name)",
        [list(wanted)],
    ).to_pylist()
    if not stored:
        return {}
    names = [table["name"] for table in stored]
    counts = " union all ".join(f"select '{name}', count(*) from {name.replace('/', '.')}" for name in names)
    return {wanted[name]: count for name, count in counted(warehouse, counts).items()}


def counted(warehouse: Warehouse, sql: str) -> dict[str, int]:
    """(label, count) rows as a mapping."""
    labels, counts = warehouse.query(sql).columns
    return dict(zip(map(str, labels.to_pylist()), counts.to_pylist(), strict=True))


def _numbers(kind: Kind, days: Sequence[Mapping[str, Any]]) -> Metadata:
    if kind == "segment":
        return {"members": days[0]["members"]} if days else {}
    return {f"{what}, 30 days": sum(day[what] for day in days) for what in ("enrolled", "sent", "exits")}
