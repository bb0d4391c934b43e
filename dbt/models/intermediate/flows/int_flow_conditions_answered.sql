with

due_steps as (
    select * from {{ ref('int_flow_steps_due') }}
),

conditions as (
    select * from {{ ref('stg_flows__flow_conditions') }}
),

signals as (
    select * from {{ ref('int_profile_signals') }}
),

memberships as (
    select * from {{ ref('segment_memberships') }}
),

profiles as (
    select * from {{ ref('profiles') }}
),

decided_steps as (
    select
        flow,
        entry_id,
        step,
        logged_at,
    from {{ flow_log_so_far() }}
    where
        kind = 'decided'
        and {{ is_remembered('entered_at') }}
),

asked as (
    select
        due_steps.entry_id,
        due_steps.person_id,
        conditions.*,
        greatest(
            case
                when conditions.since is null then cast('1970-01-01' as timestamp)
                else coalesce(since_step.logged_at, due_steps.entered_at)
            end,
            coalesce(
                {{ add_seconds(as_of(), '-conditions.within_seconds') }},
                cast('1970-01-01' as timestamp)
            )
        ) as counts_after,
    from due_steps
    inner join conditions
        on due_steps.flow = conditions.flow
        and due_steps.flow_version = conditions.flow_version
    left join decided_steps as since_step
        on due_steps.flow = since_step.flow
        and due_steps.entry_id = since_step.entry_id
        and conditions.since = since_step.step
),

answered as (
    select
        asked.flow,
        asked.entry_id,
        asked.condition,
        asked.match,
        asked.is_negated != case asked.term_type
            when 'signal' then count(signals.signal) > 0
            when 'segment' then count(memberships.segment) > 0
            else coalesce(bool_or({{ compares(
                row_field('profiles', 'asked.term'), 'asked.operator', 'asked.value'
            ) }}), false)
        end as is_true,
    from asked
    left join signals
        on asked.term_type = 'signal'
        and asked.person_id = signals.profile_id
        and asked.term = signals.signal
        and asked.counts_after < signals.occurred_at
        -- an entry that stands for one order is named after it
        and (
            asked.about is null
            or asked.entry_id = {{ hash_id(['asked.flow', 'signals.reference']) }}
        )
        and {{ is_remembered('signals.occurred_at') }}
    left join memberships
        on asked.term_type = 'segment'
        and asked.person_id = memberships.profile_id
        and asked.term = memberships.segment
        and memberships.exited_at is null
    left join profiles
        on asked.term_type = 'trait'
        and asked.person_id = profiles.profile_id
    group by
        asked.flow,
        asked.entry_id,
        asked.condition,
        asked.term_position,
        asked.match,
        asked.is_negated,
        asked.term_type
)

select
    flow,
    entry_id,
    condition,
    case match
        when 'all' then bool_and(is_true)
        else bool_or(is_true)
    end as is_true,
from answered
group by flow, entry_id, condition, match
