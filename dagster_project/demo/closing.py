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
skips as (
    select send_list.flow, count(*) as skipped
    from send_list
    left join sends on send_list.message_id = sends.message_id
    where send_list.status = 'skipped' or sends.status = 'skipped'
    group by send_list.flow
),
performance as (
    select
        flow,
        cast(sum(sent_count) as bigint) as sent,
        cast(sum(opened_count) as bigint) as opened,
        cast(sum(clicked_count) as bigint) as clicked,
        cast(sum(order_count) as bigint) as orders,
        sum(revenue) as revenue,
    from flow_performance
    group by flow
)
select
    entries.flow,
    entries.enrolled,
    entries.held_out,
    performance.sent,
    coalesce(skips.skipped, 0) as skipped,
    performance.opened,
    performance.clicked,
    performance.orders,
    performance.revenue,
from entries
inner join performance on entries.flow = performance.flow
left join skips on entries.flow = skips.flow
order by entries.enrolled desc, entries.flow
"""
REASONS = """
select coalesce(send_list.reason, sends.reason) as reason, count(*) as messages
from send_list
left join sends on send_list.message_id = sends.message_id
where send_list.status <> 'scheduled' or sends.status = 'skipped'
group by coalesce(send_list.reason, sends.reason)
order by messages desc, reason
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
