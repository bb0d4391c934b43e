with

decided as (
    select * from {{ ref('int_flow_log') }} where kind = 'decided'
),

messages as (
    select * from {{ ref('int_message_candidates') }}
)

select
    decided.flow,
    decided.entry_id,
    decided.profile_id,
    decided.entered_at,
    decided.step,
    decided.arm,
    decided.variant,
    decided.logged_at as decided_at,
    decided.outcome,
    decided.reason,
    decided.held_out,
    decided.flow_version,
    messages.message_id,
from decided
left join messages
    on decided.flow = messages.flow
    and decided.entry_id = messages.entry_id
    and decided.step = messages.step
