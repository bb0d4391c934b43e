"""The tables that Python writes and dbt only reads, in a schema per writer: `raw_events`, `raw_flows`, ….

All of them are append-only, except `raw_flows.flows`, which holds the live version of each flow, and
`raw_predictions`, which forgets: see there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagster_project.measurement.tables import MEASUREMENT_TABLES
from dagster_project.predictive.tables import PREDICTION_TABLES

if TYPE_CHECKING:
    from dagster_project.warehouse.protocol import Warehouse

RAW_TABLES = {
    **MEASUREMENT_TABLES,
    **PREDICTION_TABLES,
    "raw_events.events": """
        event_id text, event_type text, event_name text, user_id text, anonymous_id text, occurred_at
        timestamp, received_at timestamp, source text, properties json, traits json, context json,
        landing_file text, line_number bigint, load_id bigint""",
    "raw_events.landing_files": """
        file text, fingerprint text, content_hash text, bytes bigint, record_count bigint, reject_count
        bigint, load_id bigint, loaded_at timestamp""",
    "raw_events.rejects": """
        file text, line_number bigint, field text, reason text, record text, load_id bigint""",
    "raw_flows.flows": """
        flow text, flow_version text, kind text, owner text, description text, message_class text,
        priority integer, reenter text, reenter_after_seconds bigint, hold_out_share double, goal_signal
        text, goal_within_seconds bigint, enter_within_seconds bigint, max_age_seconds bigint,
        definition json, live_since timestamp""",
    "raw_flows.flow_steps": """
        flow text, flow_version text, step text, position integer, wait_seconds bigint, at_time text,
        wait_until text, wait_until_timeout_seconds bigint, spread_seconds bigint, observed_seconds
        bigint""",
    "raw_flows.flow_arms": """
        flow text, flow_version text, step text, arm text, arm_position integer, share_from double,
        share_to double, condition text, action text, channel text, template text, variant text,
        message_class text, priority integer, payload json, wait_seconds bigint, at_time text""",
    "raw_flows.flow_conditions": """
        flow text, flow_version text, condition text, term_position integer, match text, term_type text,
        term text, operator text, value text, since text, within_seconds bigint, is_negated boolean,
        about text""",
    "raw_flows.flow_exits": """
        flow text, flow_version text, signal text""",
}


ADDED_COLUMNS = (
    ("raw_flows.flow_steps", "spread_seconds bigint"),
    ("raw_flows.flow_steps", "observed_seconds bigint"),
    ("raw_flows.flow_arms", "wait_seconds bigint"),
    ("raw_flows.flow_arms", "at_time text"),
    ("raw_flows.flow_conditions", "about text"),
)
"""What tables of older installations lack; in rows of before they are null."""


def ensure_raw_tables(warehouse: Warehouse) -> None:
    """Create every raw table that does not exist yet, so that dbt always finds its sources."""
    with warehouse, warehouse.transaction():
        for schema in sorted({name.split(".")[0] for name in RAW_TABLES}):
            warehouse.execute(f"create schema if not exists {schema}")
        for name, columns in RAW_TABLES.items():
            warehouse.execute(f"create table if not exists {name} ({columns})")
        for name, column in ADDED_COLUMNS:
            warehouse.execute(f"alter table {name} add column if not exists {column}")
