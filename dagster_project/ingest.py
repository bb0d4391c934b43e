"""Landing files and flow definitions → `raw_*`, as assets."""

from collections.abc import Iterator
from datetime import timedelta

from dagster import (
    AssetExecutionContext,
    AssetSpec,
    FreshnessPolicy,
    MaterializeResult,
    MetadataValue,
    multi_asset,
)

from dagster_project import materialization, report, tick
from dagster_project.resources import Installation

GROUP = "landing"
OWNER = "team:data"
WRITER = "duckdb_writer"
"""Pool of the one process that may write to the warehouse."""

EVENTS = AssetSpec(
    ["raw_events", "events"],
    group_name=GROUP,
    owners=[OWNER],
    kinds={"python", "duckdb"},
    description="One row per event that landed: orders, page views, consents, opens, clicks, receipts.",
    freshness_policy=FreshnessPolicy.time_window(
        fail_window=timedelta(hours=6), warn_window=timedelta(hours=2)
    ),
)
FILES = AssetSpec(
    ["raw_events", "landing_files"],
    group_name=GROUP,
    owners=[OWNER],
    kinds={"python", "duckdb"},
    description="One row per landing file that was loaded: each file counts exactly once.",
)
REJECTS = AssetSpec(
    ["raw_events", "rejects"],
    group_name=GROUP,
    owners=[OWNER],
    kinds={"python", "duckdb"},
    description="One row per record that broke the contract: file, line, field, reason.",
)
FLOWS = [
    AssetSpec(
        ["raw_flows", name],
        group_name=GROUP,
        owners=["team:lifecycle"],
        kinds={"yaml", "duckdb"},
        description=f"One row per {what}, compiled from the flows' YAML.",
    )
    for name, what in {
        "flows": "flow",
        "flow_steps": "step of a flow's version",
        "flow_arms": "arm of a step",
        "flow_conditions": "term of a condition",
        "flow_exits": "signal that ends an entry",
    }.items()
]
LATEST_EVENTS = """
select coalesce(event_name, event_type) as event, count(*) as events
from raw_events.events
where load_id > ?
group by all
"""


@multi_asset(specs=[EVENTS, FILES, REJECTS, *FLOWS], name="landing", pool=WRITER)
def landing(
    context: AssetExecutionContext, installation: Installation
) -> Iterator[MaterializeResult[object]]:
    """Take new landing files, each exactly once, and the live flow definitions."""
    with installation.open(context) as (warehouse, as_of):
        before = tick.last_load_id(warehouse)
        loaded = tick.ingest(installation.settings, warehouse, as_of)
        new = warehouse.query(LATEST_EVENTS, [before]).to_pydict()
        rows = materialization.row_counts(warehouse, [spec.key for spec in landing.specs])
    counts = dict(zip(new["event"], new["events"], strict=True))
    yield MaterializeResult(
        asset_key=EVENTS.key,
        metadata={
            "new events": loaded.records,
            "dagster/row_count": rows[EVENTS.key],
            "by name": MetadataValue.md(report.bars(counts)),
            "as of": str(as_of),
        },
    )
    for key, name, count in (
        (FILES.key, "new files", loaded.files),
        (REJECTS.key, "new rejects", loaded.rejects),
    ):
        yield MaterializeResult(asset_key=key, metadata={name: count, "dagster/row_count": rows[key]})
    for spec in FLOWS:
        yield MaterializeResult(asset_key=spec.key, metadata={"dagster/row_count": rows[spec.key]})


assets = [landing]
