with

decisions as (
    select * from {{ ref('int_send_decisions') }}
),

candidates as (
    select * from {{ ref('int_message_candidates') }}
),

events as (
    select * from {{ ref('int_events') }}
),

identifiers as (
    select * from {{ ref('int_flow_identifiers') }}
),

quiet_hours as (
    select * from {{ ref('int_recipient_quiet_hours') }}
),

scheduled as (
    select
        message_id,
        address,
        decided_at,
        due_at,
        expires_at,
        consent_id,
    from decisions
    where
        status = 'scheduled'
        and due_at <= {{ as_of() }}
        and due_at > {{ hours_ago(var('longest_message_hours')) }}
        and expires_at > {{ as_of() }}
),

-- whatever delivery did with a message, it wrote an event about it: when it was due or later, by a clock that may differ
handled as (
    select distinct message_id
    from events
    where
        message_id in (select scheduled.message_id from scheduled)
        and occurred_at > {{ hours_ago(var('longest_message_hours') + 24) }}
),

due as (
    select
        candidates.message_id,
        candidates.kind,
        candidates.flow,
        candidates.step,
        candidates.entry_id,
        candidates.profile_id,
        coalesce(identifiers.profile_id, candidates.profile_id) as person_id,
        candidates.entered_at,
        candidates.exits_count_from,
        candidates.channel,
        candidates.template,
        candidates.variant,
        candidates.message_class,
        candidates.priority,
        candidates.payload,
        scheduled.address,
        scheduled.decided_at,
        scheduled.due_at,
        scheduled.expires_at,
        scheduled.consent_id,
    from scheduled
    inner join candidates on scheduled.message_id = candidates.message_id
    left join handled on scheduled.message_id = handled.message_id
    left join identifiers on candidates.profile_id = identifiers.identifier_id
    where
        handled.message_id is null
        and {{ may_be_pending('candidates.decided_at') }}
),

-- a message that waits (the list is held, a provider is down) was last looked at when it was put on the list
exited as (
    {{ exited_messages('due', known_at='due_at') }}
),

-- delivery may come to a message late, or again after a provider failed
quieted as (
    select
        due.message_id,
        min(least(
            {{ quiet_from(
                'quiet_hours.first_time_zone', 'quiet_hours.starts_at', 'quiet_hours.ends_at'
            ) }},
            {{ quiet_from(
                'quiet_hours.last_time_zone', 'quiet_hours.starts_at', 'quiet_hours.ends_at'
            ) }}
        )) as quiet_from,
    from due
    inner join quiet_hours
        on due.person_id = quiet_hours.profile_id
        and due.channel = quiet_hours.channel
        and due.message_class = quiet_hours.message_class
    group by due.message_id
)

select
    due.*,
    quieted.quiet_from,
    exited.exited_at,
from due
left join quieted on due.message_id = quieted.message_id
left join exited on due.message_id = exited.message_id
