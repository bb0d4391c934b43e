with

log as (
    select * from {{ ref('int_flow_log') }}
)

select
    decided.flow,
    decided.entry_id,
    decided.step,
    decided.logged_at,
    exited.logged_at as exited_at,
from log as decided
inner join log as exited
    on decided.flow = exited.flow
    and decided.entry_id = exited.entry_id
    and exited.kind = 'exited'
where
    decided.kind = 'decided'
    and (
        decided.logged_at > exited.logged_at
        or (decided.logged_at = exited.logged_at and exited.reason != 'completed')
    )
