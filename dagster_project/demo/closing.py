"""The closing table: what the warehouse says came of two months, next to what was true."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from dagster_project.demo.truth import Entry
from dagster_project.measurement.lift import Lift, hold_out_lifts
from dagster_project.reading import ask

if TYPE_CHECKING:
    from dagster_project.settings import Settings

Row = dict[str, Any]

TOTALS = """
select
    (select count(*) from profiles) as profiles,
    (select count(*) from events) as events,
    (select count(*) from orders) as orders,
    (select sum(revenue) from orders) as revenue,
    (select count(*) from raw_events.rejects) as rejected_records
"""
SEGMENTS = """
select segment, count(*) filter (where exited_at is null) as members
from segment_memberships group by segment order by segment
"""
FLOWS = """
with
entries as (
    select
        flow,
        count(*) as enrolled,
        count(*) filter (where held_out) as held_out,
    from flow_entries
    group by flow
),
messages as (
    select
        send_list.flow,
        count(sends.sent_at) as sent,
        count(*) filter (where send_list.status = 'skipped') as skipped,
        count(sends.opened_at) as opened,
        count(sends.clicked_at) as clicked,
    from send_list
    left join sends on send_list.message_id = sends.message_id
    group by send_list.flow
),
earned as (
    select
        send_list.flow,
        count(*) as orders,
        sum(attributed_orders.revenue) as revenue,
    from attributed_orders
    inner join send_list on attributed_orders.message_id = send_list.message_id
    where attributed_orders.model = 'last_touch'
    group by send_list.flow
)
select
    entries.flow,
    entries.enrolled,
    entries.held_out,
    coalesce(messages.sent, 0) as sent,
    coalesce(messages.skipped, 0) as skipped,
    coalesce(messages.opened, 0) as opened,
    coalesce(messages.clicked, 0) as clicked,
    coalesce(earned.orders, 0) as orders,
    coalesce(earned.revenue, 0) as revenue,
from entries
left join messages on entries.flow = messages.flow
left join earned on entries.flow = earned.flow
order by entries.enrolled desc, entries.flow
"""
REASONS = """
select reason, count(*) as messages from send_list
where status <> 'scheduled' group by reason order by messages desc, reason
"""
REVENUE = "select model, sum(revenue) as revenue from attributed_orders group by model order by model"
PREDICTIONS = """
select coalesce(refusal, model || ' by ' || contender || ' for ' || scored_count || ' customers') as said
from prediction_models order by model
"""
EXPERIMENTS = "select experiment, metric, arm, participant_count, success_count from experiment_totals"
ENTRIES = """
select
    flow_entries.flow, flow_entries.entered_at, flow_entries.held_out, flows.goal_within_seconds,
    'U' || min(substr(profile_identifiers.identifier, 2)) as user_id
from flow_entries
inner join raw_flows.flows on flow_entries.flow = flows.flow
inner join profile_identifiers on flow_entries.profile_id = profile_identifiers.profile_id
where flows.goal_within_seconds is not null
    and profile_identifiers.identifier_type in ('user_id', 'anonymous_id')
group by flow_entries.flow, flow_entries.entry_id, flow_entries.entered_at, flow_entries.held_out,
    flows.goal_within_seconds
"""


@dataclass(frozen=True)
class Closing:
    """The books: rows ready for a table, what is predicted, lifts by flow, and who was in which flow."""

    totals: Row
    segments: list[Row]
    flows: list[Row]
    reasons: list[Row]
    revenue: list[Row]
    predictions: list[str]
    lifts: dict[str, Lift]
    entries: list[Entry]


def read_closing(settings: Settings) -> Closing:
    """Read the books from the readers' snapshot."""

    def rows(sql: str) -> list[Row]:
        return list(ask(settings, sql).to_pylist())

    return Closing(
        totals=rows(TOTALS)[0],
        segments=rows(SEGMENTS),
        flows=rows(FLOWS),
        reasons=rows(REASONS),
        revenue=rows(REVENUE),
        predictions=[row["said"] for row in rows(PREDICTIONS)],
        lifts=hold_out_lifts([*rows(EXPERIMENTS)]),
        entries=[
            Entry(
                row["flow"],
                row["user_id"],
                row["entered_at"],
                timedelta(seconds=row["goal_within_seconds"]),
                row["held_out"],
            )
            for row in rows(ENTRIES)
        ],
    )
