with

log as (
    select * from {{ ref('int_flow_log') }}
),

entered as (
    select flow, entry_id, profile_id, entered_at, held_out, flow_version, context, logged_at
    from log
    where kind = 'entered'
),

exited as (
    select flow, entry_id, logged_at as exited_at, reason as exit_reason
    from log
    where kind = 'exited'
)

select
    entered.flow,
    entered.entry_id,
    entered.profile_id,
    entered.entered_at,
    exited.exited_at,
    exited.exit_reason,
    entered.held_out,
    entered.flow_version,
    entered.context,
    entered.logged_at,
from entered
left join exited
    on entered.flow = exited.flow
    and entered.entry_id = exited.entry_id
