with

flows as (
    select * from {{ ref('stg_flows__flows') }}
),

known_steps as (
    select * from {{ ref('stg_flows__flow_steps') }}
),

live_steps as (
    select
        known_steps.*,
        known_steps.position = max(known_steps.position) over (
            partition by known_steps.flow
        ) as is_last,
    from known_steps
    inner join flows
        on known_steps.flow = flows.flow
        and known_steps.flow_version = flows.flow_version
),

-- after a step that is still there: behind it. After a step that is gone: at the
-- first of its successors, in the version it was decided under, that is still there.
resume_points as (
    select
        decided.flow,
        decided.flow_version as last_flow_version,
        decided.step as last_step,
        min_by(
            case
                when later.step = decided.step then live_steps.position + 1
                else live_steps.position
            end,
            later.position
        ) as resume_position,
    from known_steps as decided
    inner join known_steps as later
        on decided.flow = later.flow
        and decided.flow_version = later.flow_version
        and decided.position <= later.position
    inner join live_steps
        on later.flow = live_steps.flow
        and later.step = live_steps.step
    group by decided.flow, decided.flow_version, decided.step
),

starting_points as (
    select
        flow,
        cast(null as {{ dbt.type_string() }}) as last_flow_version,
        cast(null as {{ dbt.type_string() }}) as last_step,
        0 as resume_position,
    from flows
),

points as (
    select * from resume_points
    union all
    select * from starting_points
)

select
    points.flow,
    points.last_flow_version,
    points.last_step,
    live_steps.step,
    live_steps.position,
    live_steps.is_last,
    coalesce(live_steps.wait_seconds, 0) as wait_seconds,
    live_steps.at_time,
    live_steps.wait_until,
    coalesce(live_steps.wait_until_timeout_seconds, 0) as wait_until_timeout_seconds,
from points
inner join live_steps
    on points.flow = live_steps.flow
    and points.resume_position <= live_steps.position
