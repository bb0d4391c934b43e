{%- set is_quiet = [] -%}
{%- for time_zone in ['first_time_zone', 'last_time_zone'] -%}
    {%- for seconds in [0, 3599] -%}
        {%- do is_quiet.append(is_between_times(
            to_local(add_seconds('hours.due_at', seconds), 'quiet_hours.' ~ time_zone),
            'quiet_hours.starts_at',
            'quiet_hours.ends_at',
        )) -%}
    {%- endfor -%}
{%- endfor %}
with

-- most shops have no such arm: then nothing else here is read
arms as (
    select * from {{ ref('stg_flows__flow_arms') }} where at_time = 'best_time'
),

due_steps as (
    select * from {{ ref('int_flow_steps_due') }}
),

everybody as (
    select * from {{ ref('send_hours') }}
),

own_hours as (
    select * from {{ ref('int_profile_hours') }} where split = 'all'
),

quiet_hours as (
    select * from {{ ref('int_recipient_quiet_hours') }}
),

asked as (
    select
        due_steps.flow,
        due_steps.entry_id,
        due_steps.person_id,
        due_steps.time_zone,
        arms.arm,
        arms.channel,
        arms.message_class,
        {{ add_seconds('due_steps.counts_from', 'arms.wait_seconds') }} as waited_at,
    from arms
    inner join due_steps
        on arms.flow = due_steps.flow
        and arms.flow_version = due_steps.flow_version
        and arms.step = due_steps.step
),

-- the next time that each hour begins; of the hour that has begun, now
hours as (
    select
        asked.*,
        everybody.local_hour,
        everybody.share
        + coalesce(own_hours.evidence / everybody.prior_weight, 0) as score,
        greatest(asked.waited_at, {{ next_local_time(
            add_seconds('asked.waited_at', -3599),
            "(lpad(cast(everybody.local_hour as " ~ dbt.type_string() ~ "), 2, '0') || ':00')",
            'asked.time_zone',
        ) }}) as due_at,
    from asked
    cross join everybody
    left join own_hours
        on asked.person_id = own_hours.profile_id
        and everybody.local_hour = own_hours.local_hour
),

-- an hour with a quiet minute is a quiet one
judged as (
    select
        hours.flow,
        hours.entry_id,
        hours.arm,
        hours.local_hour,
        hours.score,
        hours.due_at,
        coalesce(bool_or({{ is_quiet | join(' or ') }}), false) as is_quiet,
    from hours
    left join quiet_hours
        on hours.person_id = quiet_hours.profile_id
        and hours.channel = quiet_hours.channel
        and hours.message_class = quiet_hours.message_class
    group by
        hours.flow,
        hours.entry_id,
        hours.arm,
        hours.local_hour,
        hours.score,
        hours.due_at
)

select
    flow,
    entry_id,
    arm,
    due_at,
from judged
where not is_quiet
qualify
    row_number() over (
        partition by flow, entry_id, arm
        order by {{ best_hour_first('score', 'local_hour') }}
    ) = 1
