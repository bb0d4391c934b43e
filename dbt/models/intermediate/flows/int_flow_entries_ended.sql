with

entries as (
    select * from {{ ref('int_flow_entries_open') }}
),

flows as (
    select * from {{ ref('stg_flows__flows') }}
),

exits as (
    select * from {{ ref('int_flow_exits') }}
),

-- what is new since the last run, and what a new entry may have missed; each bound is one
-- sub-query, so that older signals are not read
recent_signals as (
    select * from {{ ref('int_profile_signals') }}
    where seen_at > (
        select coalesce(max(log.logged_at), {{ never() }})
        from {{ flow_log_so_far() }} as log
    )
    union all
    select * from {{ ref('int_profile_signals') }}
    where occurred_at > (
        select {{ add_seconds(as_of(), '-max(flows.enter_within_seconds)') }} from flows
    )
),

-- the earliest signal that ends the entry; of its meanings, the goal comes first
exit_signals as (
    select
        entries.flow,
        entries.entry_id,
        exits.reason,
    from entries
    inner join exits on entries.flow = exits.flow
    inner join recent_signals
        on entries.person_id = recent_signals.profile_id
        and exits.signal = recent_signals.signal
        and entries.entered_at < recent_signals.occurred_at
        and recent_signals.occurred_at <= coalesce(
            {{ add_seconds('entries.entered_at', 'exits.within_seconds') }},
            {{ as_of() }}
        )
    qualify
        row_number() over (
            partition by entries.flow, entries.entry_id
            order by recent_signals.occurred_at, exits.precedence
        ) = 1
)

select
    entries.flow,
    entries.entry_id,
    case
        when exit_signals.reason is not null then exit_signals.reason
        when entries.is_double then 'merged'
        when entries.is_unlinked then 'unlinked'
        else 'expired'
    end as reason,
from entries
left join exit_signals
    on entries.flow = exit_signals.flow
    and entries.entry_id = exit_signals.entry_id
where
    exit_signals.reason is not null
    or entries.is_double
    or entries.is_unlinked
    or entries.is_expired
