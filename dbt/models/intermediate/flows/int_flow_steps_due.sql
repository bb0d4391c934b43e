with

entries as (
    select * from {{ ref('int_flow_entries_open') }}
),

ended as (
    select * from {{ ref('int_flow_entries_ended') }}
),

steps as (
    select * from {{ ref('int_flow_steps') }}
),

profiles as (
    select * from {{ ref('profiles') }}
),

decided_steps as (
    select
        flow,
        entry_id,
        step,
    from {{ flow_log_so_far() }}
    where
        kind = 'decided'
        and {{ is_remembered('entered_at') }}
),

staying as (
    select
        entries.*,
        coalesce(entries.decided_at, entries.entered_at) as waits_since,
    from entries
    left join ended
        on entries.flow = ended.flow
        and entries.entry_id = ended.entry_id
    where ended.entry_id is null
),

-- the first step that may follow the last one and was never decided
next_steps as (
    select
        staying.flow,
        staying.entry_id,
        steps.step,
        steps.is_last,
        steps.at_time,
        steps.wait_until,
        steps.wait_until_timeout_seconds,
        {{ add_seconds('staying.waits_since', 'steps.wait_seconds') }} as waited_at,
    from staying
    inner join steps
        on staying.flow = steps.flow
        and staying.last_flow_version is not distinct from steps.last_flow_version
        and staying.last_step is not distinct from steps.last_step
    left join decided_steps
        on staying.flow = decided_steps.flow
        and staying.entry_id = decided_steps.entry_id
        and steps.step = decided_steps.step
    where decided_steps.step is null
    qualify
        row_number() over (
            partition by staying.flow, staying.entry_id
            order by steps.position
        ) = 1
),

timed as (
    select
        staying.flow,
        staying.flow_version,
        staying.entry_id,
        staying.profile_id,
        staying.person_id,
        staying.entered_at,
        staying.held_out,
        next_steps.step,
        next_steps.is_last,
        next_steps.wait_until,
        next_steps.wait_until_timeout_seconds,
        coalesce(profiles.time_zone, '{{ var("shop_time_zone") }}') as time_zone,
        {{ next_local_time_if_any(
            'next_steps.waited_at',
            'next_steps.at_time',
            "coalesce(profiles.time_zone, '" ~ var('shop_time_zone') ~ "')",
        ) }} as due_at,
    from staying
    left join next_steps
        on staying.flow = next_steps.flow
        and staying.entry_id = next_steps.entry_id
    left join profiles on staying.person_id = profiles.profile_id
)

-- an entry without a next step is due to leave
select
    *,
    case
        when wait_until is null and due_at > {{ hours_ago(1) }} then due_at
        else {{ as_of() }}
    end as counts_from,
from timed
where step is null or due_at <= {{ as_of() }}
