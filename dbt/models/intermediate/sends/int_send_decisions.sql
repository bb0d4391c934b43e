with

messages as (
    select * from {{ ref('int_messages_judged') }}
),

caps as (
    select
        *,
        {{ hash_id(['channel', 'message_class', 'window_hours']) }} as cap_id,
    from {{ ref('frequency_caps') }}
),

identifiers as (
    select * from {{ ref('int_flow_identifiers') }}
),

-- only what reached a person; windows of caps are shorter than a month
scheduled as (
    select
        identifiers.profile_id as person_id,
        ledger.channel,
        ledger.message_class,
        ledger.due_at,
    from {{ send_decisions_so_far() }} as ledger
    inner join identifiers on ledger.profile_id = identifiers.identifier_id
    where
        ledger.status = 'scheduled'
        and ledger.channel not in ('profile', 'webhook')
        and ledger.due_at > {{ hours_ago(24 * 31) }}
),

-- what may go now, each person's most urgent message first
queued as (
    select
        messages.message_id,
        messages.person_id,
        caps.cap_id,
        caps.max_messages,
        caps.window_hours,
        caps.when_binding,
        row_number() over (
            partition by messages.person_id, caps.cap_id
            order by messages.priority desc, messages.decided_at, messages.message_id
        ) as place,
    from messages
    inner join caps
        on messages.message_class = caps.message_class
        and caps.channel in (messages.channel, '*')
    where
        messages.reason is null
        and messages.action = 'send'
),

already_scheduled as (
    select
        queued.message_id,
        queued.cap_id,
        count(*) as message_count,
    from queued
    inner join caps on queued.cap_id = caps.cap_id
    inner join scheduled
        on queued.person_id = scheduled.person_id
        and caps.message_class = scheduled.message_class
        and caps.channel in (scheduled.channel, '*')
        and scheduled.due_at > {{ add_seconds(as_of(), '-3600 * caps.window_hours') }}
    group by queued.message_id, queued.cap_id
),

capped as (
    select
        queued.message_id,
        bool_or(queued.when_binding = 'drop') as is_dropped,
    from queued
    left join already_scheduled
        on queued.message_id = already_scheduled.message_id
        and queued.cap_id = already_scheduled.cap_id
    where
        queued.place + coalesce(already_scheduled.message_count, 0)
        > queued.max_messages
    group by queued.message_id
),

decided as (
    select
        messages.*,
        case
            when capped.message_id is not null then 'frequency_cap'
            else messages.reason
        end as final_reason,
        case
            when capped.is_dropped then 'skipped'
            when capped.message_id is not null then 'deferred'
            else messages.status
        end as final_status,
    from messages
    left join capped on messages.message_id = capped.message_id
),

latest as (
    select
        message_id,
        status,
        reason,
    from {{ send_decisions_so_far() }}
    where {{ may_be_pending('decided_at') }}
    qualify row_number() over (partition by message_id order by evaluated_at desc) = 1
)

select
    decided.message_id,
    decided.profile_id,
    decided.channel,
    decided.message_class,
    decided.address,
    decided.decided_at,
    case
        when decided.final_status = 'scheduled' then {{ as_of() }}
        else decided.due_at
    end as due_at,
    decided.expires_at,
    decided.final_status as status,
    decided.final_reason as reason,
    case
        when decided.final_status = 'scheduled' then decided.consent_id
    end as consent_id,
    {{ as_of() }} as evaluated_at,
from decided
left join latest
    on decided.message_id = latest.message_id
    and decided.final_status = latest.status
    and decided.final_reason = latest.reason
-- a message that still waits for the same reason is not written down again, and a run about
-- the past writes nothing
where
    latest.message_id is null
    and {{ as_of() }} >= (
        select coalesce(max(ledger.evaluated_at), {{ never() }})
        from {{ send_decisions_so_far() }} as ledger
    )
