with

flows as (
    select * from {{ ref('stg_flows__flows') }}
),

exits as (
    select * from {{ ref('stg_flows__flow_exits') }}
)

select
    flow,
    goal_signal as signal,
    goal_within_seconds as within_seconds,
    'goal' as reason,
    1 as precedence,
from flows
where goal_signal is not null

union all

select
    exits.flow,
    exits.signal,
    cast(null as bigint) as within_seconds,
    exits.signal as reason,
    2 as precedence,
from exits
inner join flows
    on exits.flow = flows.flow
    and exits.flow_version = flows.flow_version
