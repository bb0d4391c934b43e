with

entries as (
    select * from {{ ref('int_flow_entries_open') }}
),

exits as (
    select * from {{ ref('int_flow_exits') }}
),

last_run as (
    select coalesce(max(log.logged_at), {{ never() }}) as logged_at
    from {{ flow_log_so_far() }} as log
),

moved as (
    select profile_id
    from {{ ref('int_flow_identifiers') }}
    where moved_at > (select last_run.logged_at from last_run)
),

-- older signals are news to who comes in, to who was joined with another person since, and
-- to all when the project has changed; the last run has seen some that were dated ahead of it
read_from as (
    select logged_at as moment from last_run
    union all
    select exits_count_from as moment
    from entries
    where
        true
        {{ and_on_ticks('(is_new or person_id in (select moved.profile_id from moved))') }}
),

-- each bound is one sub-query, so that older signals are not read
recent_signals as (
    select * from {{ ref('int_profile_signals') }}
    where seen_at > (select last_run.logged_at from last_run)
    union all
    select * from {{ ref('int_profile_signals') }}
    where occurred_at > (select min(read_from.moment) from read_from)
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
        and {{ is_exit('recent_signals.occurred_at', entry='entries') }}
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
