with

entries as (
    select * from {{ ref('int_flow_entries_open') }}
),

ended as (
    select * from {{ ref('int_flow_entries_ended') }}
),

due_steps as (
    select * from {{ ref('int_flow_steps_due') }}
),

answers as (
    select * from {{ ref('int_flow_conditions_answered') }}
),

best_times as (
    select * from {{ ref('int_flow_best_times') }}
),

arms as (
    select
        arms.flow,
        arms.flow_version,
        arms.step,
        arms.arm,
        arms.arm_position,
        arms.condition,
        arms.action,
        arms.variant,
        arms.message_class,
        arms.wait_seconds,
        case when arms.at_time != 'best_time' then arms.at_time end as at_time,
        arms.flow || ':' || arms.step as experiment,
        coalesce(allocations.share_from, arms.share_from) as share_from,
        coalesce(allocations.share_to, arms.share_to) as share_to,
    from {{ ref('stg_flows__flow_arms') }} as arms
    left join {{ ref('stg_measurement__allocations') }} as allocations
        on
            arms.flow = allocations.flow
            and arms.step = allocations.step
            and arms.arm = allocations.arm
            and arms.share_from = allocations.replaces_from
            and arms.share_to = allocations.replaces_to
),

-- the first arm whose condition holds and whose share has the profile
decided as (
    select
        due_steps.flow,
        due_steps.entry_id,
        due_steps.step,
        due_steps.is_last,
        arms.arm,
        arms.variant,
        -- a variant's own time counts from the decision; of a run that is a little late, from
        -- when the step was due, or nine o'clock were missed at half a minute past nine
        case
            when best_times.due_at is not null
                then greatest({{ as_of() }}, best_times.due_at)
            when arms.wait_seconds > 0 or arms.at_time is not null
                then greatest({{ as_of() }}, {{ next_local_time_if_any(
                    add_seconds('due_steps.counts_from', 'arms.wait_seconds'),
                    'arms.at_time',
                    'due_steps.time_zone',
                ) }})
            else {{ as_of() }}
        end as due_at,
        case
            -- receipts and news of an order reach everybody
            when due_steps.held_out and arms.message_class = 'marketing' then 'held_out'
            when arms.action = 'send' then 'message'
            when arms.action = 'update_profile' then 'profile_updated'
            when arms.action = 'webhook' then 'webhook'
            else 'nothing'
        end as outcome,
    from due_steps
    inner join arms
        on due_steps.flow = arms.flow
        and due_steps.flow_version = arms.flow_version
        and due_steps.step = arms.step
        and {{ bucket('arms.experiment', 'due_steps.profile_id') }} >= arms.share_from
        and {{ bucket('arms.experiment', 'due_steps.profile_id') }} < arms.share_to
    left join best_times
        on due_steps.flow = best_times.flow
        and due_steps.entry_id = best_times.entry_id
        and arms.arm = best_times.arm
    left join answers
        on due_steps.flow = answers.flow
        and due_steps.entry_id = answers.entry_id
        and arms.condition = answers.condition
    left join answers as awaited
        on due_steps.flow = awaited.flow
        and due_steps.entry_id = awaited.entry_id
        and due_steps.wait_until = awaited.condition
    where
        (arms.condition is null or answers.is_true)
        and (
            due_steps.wait_until is null
            or awaited.is_true
            or {{ add_seconds(
                'due_steps.due_at', 'due_steps.wait_until_timeout_seconds'
            ) }} <= {{ as_of() }}
        )
    qualify
        row_number() over (
            partition by due_steps.flow, due_steps.entry_id
            order by arms.arm_position
        ) = 1
),

-- what the run says about each entry: it came, it moved, it left
told as (
    select
        entries.*,
        decided.step,
        decided.arm,
        decided.variant,
        decided.outcome,
        decided.due_at,
        case
            when ended.reason is not null then ended.reason
            when decided.is_last then 'completed'
            when due_steps.entry_id is not null and due_steps.step is null
                then 'flow_changed'
        end as exit_reason,
    from entries
    left join ended
        on entries.flow = ended.flow
        and entries.entry_id = ended.entry_id
    left join due_steps
        on entries.flow = due_steps.flow
        and entries.entry_id = due_steps.entry_id
    left join decided
        on entries.flow = decided.flow
        and entries.entry_id = decided.entry_id
),

kinds as (
    select 'entered' as kind
    union all
    select 'decided' as kind
    union all
    select 'exited' as kind
)

select
    told.flow,
    told.flow_version,
    told.flow_kind,
    told.entry_id,
    told.profile_id,
    told.entered_at,
    told.held_out,
    kinds.kind,
    case when kinds.kind = 'decided' then told.step end as step,
    case when kinds.kind = 'decided' then told.arm end as arm,
    case when kinds.kind = 'decided' then told.variant end as variant,
    case when kinds.kind = 'decided' then told.outcome end as outcome,
    case when kinds.kind = 'exited' then told.exit_reason end as reason,
    case when kinds.kind = 'entered' then told.context end as context,
    {{ as_of() }} as logged_at,
    case when kinds.kind = 'decided' then told.due_at end as due_at,
    told.exits_count_from,
from told
inner join kinds
    on (kinds.kind = 'entered' and told.is_new)
    or (kinds.kind = 'decided' and told.step is not null)
    or (kinds.kind = 'exited' and told.exit_reason is not null)
-- a repeated run, or a run about the past, finds its rows already written
where {{ as_of() }} > (
    select coalesce(max(log.logged_at), {{ never() }})
    from {{ flow_log_so_far() }} as log
)
